// A log of many entries, made at once, and what it takes to verify it: in a process of its own, so
// that its memory can be told. Main thread.
#ifndef CM_BENCH_LONG_LOG_H
#define CM_BENCH_LONG_LOG_H

#include "proto/envelope/signer.h"
#include "tests/bench/measure.h"

struct cm_bench_verified {
    uint64_t entries;
    uint64_t bytes;
    int64_t wall_ns;
    int64_t cpu_ns;
    uint64_t memory; // bytes resident at most
};

// Writes "log" into folder: entries in batches of 64, each with its signed checkpoint.
enum cm_status cm_bench_long_log_write(const char *folder, uint64_t entries,
                                       struct cm_signer *signer,
                                       struct cm_error *error) CM_MUST_CHECK;
// Reads it as `comity audit verify` does: each frame, each root, the last signature.
enum cm_status cm_bench_long_log_verify(struct cm_bench_verified *out, const char *folder,
                                        struct cm_signer *signer,
                                        struct cm_error *error) CM_MUST_CHECK;
// Opens it as a daemon does at start, and closes it: the first time makes its tiles, later ones
// hold them against the log.
enum cm_status cm_bench_long_log_start(struct cm_bench_verified *out, const char *folder,
                                       struct cm_signer *signer,
                                       struct cm_error *error) CM_MUST_CHECK;

#endif
