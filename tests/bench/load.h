// Signed lookups at one gateway, a number of them in flight on one connection: how long each takes
// to its manifest, and what came back. Signing is done before a query's time begins. Runs the loop;
// main thread.
#ifndef CM_BENCH_LOAD_H
#define CM_BENCH_LOAD_H

#include "gateway/client/settings.h"
#include "tests/bench/measure.h"

struct cm_bench_plate {
    char text[CM_MAX_PLATE + 1];
    uint64_t rows; // that its answer must hold
};

struct cm_load_options {
    struct cm_loop *loop;
    const struct cm_settings *settings;
    const char *agency; // the one asked
    const struct cm_bench_plate *plates;
    size_t plate_count;
    struct cm_window window;
    unsigned in_flight; // at most CM_BENCH_IN_FLIGHT
    size_t queries;
    int64_t most_ms; // no query begins after it
};

enum { CM_BENCH_IN_FLIGHT = 64 };

struct cm_load_result {
    size_t queries;
    uint64_t rows;
    uint64_t batches;      // each with a signed header
    size_t envelope_bytes; // of one query
    int64_t wall_ns;
    struct cm_samples latency; // the caller's, initialised
};

// CM_INVALID: an answer wasn't what the store holds.
enum cm_status cm_load_run(struct cm_load_result *result, const struct cm_load_options *options,
                           struct cm_error *error) CM_MUST_CHECK;

#endif
