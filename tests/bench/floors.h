// What a query can't do without, each measured alone: a signature verified and made, bytes made
// durable, the store asked directly. Main thread.
#ifndef CM_BENCH_FLOORS_H
#define CM_BENCH_FLOORS_H

#include "nodes/store/store.h"
#include "proto/envelope/signer.h"
#include "tests/bench/load.h"

struct cm_bench_signature {
    double verify_us; // CPU
    double sign_us;
};

// Over a message of that many bytes, by the public interfaces that daemons use.
enum cm_status cm_bench_signature(struct cm_bench_signature *out, const struct cm_signer *signer,
                                  size_t bytes, struct cm_error *error) CM_MUST_CHECK;

struct cm_bench_durable {
    double cpu_us; // one write and fdatasync
    double wall_us;
};

// Appends bytes at a time to a new file in folder, which it removes.
enum cm_status cm_bench_durable(struct cm_bench_durable *out, const char *folder, size_t bytes,
                                struct cm_error *error) CM_MUST_CHECK;

// What lies in a ledger's log from an offset on.
struct cm_bench_log {
    uint64_t end; // of the log; where the next look begins
    uint64_t entries;
    uint64_t flushes; // each ends with a checkpoint
    uint64_t bytes;
};

// from 0: the beginning. CM_INVALID at a frame that isn't whole.
enum cm_status cm_bench_log_read(struct cm_bench_log *out, const char *path, uint64_t from,
                                 struct cm_error *error) CM_MUST_CHECK;

// Asks for each plate in turn, all its rows; sets plates[i].rows. samples: one for each ask.
enum cm_status cm_bench_store(struct cm_samples *samples, struct cm_bench_plate *plates,
                              size_t plate_count, size_t asks, struct cm_store *store,
                              const struct cm_window *window, struct cm_error *error) CM_MUST_CHECK;

#endif
