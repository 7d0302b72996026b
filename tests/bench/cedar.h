// The same questions put to Cedar's own engine: what tests/bench/run hands to
// tests/conformance/cedar/time.mjs, and what comes back. One thread.
#ifndef CM_BENCH_CEDAR_H
#define CM_BENCH_CEDAR_H

#include "tests/bench/graph.h"

struct cm_cedar_answer {
    double decision_us; // one request to one owner
    size_t owners;      // asked, of all
    size_t requests;
    size_t allowed; // of owners times requests
};

// FOLDER/requests, a JSON object a line, and FOLDER/owners, a name a line: an even sample of all.
enum cm_status cm_cedar_write(const struct cm_graph *graph, const char *folder,
                              struct cm_error *error) CM_MUST_CHECK;
// FOLDER/answer. CM_INTERNAL when the index doesn't allow as many.
enum cm_status cm_cedar_read(struct cm_cedar_answer *out, struct cm_graph *graph,
                             const char *folder, struct cm_error *error) CM_MUST_CHECK;

#endif
