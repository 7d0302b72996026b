// Callers that append to a ledger one after the other, and the same batches as bare writes, each
// with its fdatasync. Main thread.
#ifndef CM_BENCH_APPENDS_H
#define CM_BENCH_APPENDS_H

#include "proto/ledger/ledger.h"
#include "tests/bench/measure.h"
#include "tests/support/pump.h"

enum { CM_BENCH_ENTRY = 320, CM_BENCH_ACCESS = 1200 }; // bytes of an entry and of what lies beside

struct cm_bench_appends {
    struct pump pump;
    struct cm_ledger *ledger;
    const char *folder;
    struct cm_arena *arena;
    uint64_t seed; // no two entries are alike
    uint64_t log_end;
    struct cm_error *error;
};

enum cm_status cm_bench_appends_open(struct cm_bench_appends *bench, const char *folder,
                                     struct cm_signer *signer,
                                     struct cm_error *error) CM_MUST_CHECK;
void cm_bench_appends_close(struct cm_bench_appends *bench);

struct cm_bench_rate {
    uint64_t entries;
    uint64_t flushes;
    int64_t ledger_ns;
    int64_t bare_ns; // for the same bytes in the same batches
};

// Adds what so many callers reach in about ms, then what bare writes take, to out; samples: from an
// append to its proof; flushes: of one bare write.
enum cm_status cm_bench_appends_run(struct cm_bench_rate *out, struct cm_samples *samples,
                                    struct cm_samples *flushes, struct cm_bench_appends *bench,
                                    unsigned callers, unsigned ms) CM_MUST_CHECK;

#endif
