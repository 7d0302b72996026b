// The sharing graph's rule files as a gateway has them: read, compiled against one directory,
// indexed. One thread.
#ifndef CM_BENCH_GRAPH_H
#define CM_BENCH_GRAPH_H

#include "acl/index.h"
#include "proto/base/arena.h"
#include "proto/base/error.h"

// 2026-12-01T12:00:00Z
#define CM_GRAPH_NOW_MS INT64_C(1796126400000)

struct cm_graph_node {
    const struct cm_agency *agency;
    struct cm_buf text;
    struct cm_rules *rules;
};

struct cm_graph {
    struct cm_arena *arena;
    struct cm_directory directory;
    struct cm_members *members;
    size_t count;
    struct cm_graph_node *nodes; // ascending by agency
    size_t bytes;                // of all texts
    struct cm_index *index;
};

enum cm_status cm_graph_open(struct cm_graph *out, const char *directory,
                             struct cm_error *error) CM_MUST_CHECK;
// The text of DIR/<agency>.rules for each agency that has one.
enum cm_status cm_graph_read(struct cm_graph *graph, const char *rules,
                             struct cm_error *error) CM_MUST_CHECK;
void cm_graph_clear(struct cm_graph *graph);
enum cm_status cm_graph_compile_one(const struct cm_graph *graph, struct cm_rules **out,
                                    struct cm_bytes text, struct cm_error *error) CM_MUST_CHECK;
// All rules, then the index.
enum cm_status cm_graph_compile(struct cm_graph *graph, struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_graph_index(struct cm_graph *graph, struct cm_error *error) CM_MUST_CHECK;
// From 0 to count - 1; the same for the same seed, which isn't 0.
uint64_t cm_graph_pick(uint64_t *random, uint64_t count);
// One that the agency may ask: any purpose, 1 to 30 days, a case three times out of four.
struct cm_request cm_graph_request_of(const struct cm_graph *graph, const struct cm_agency *agency,
                                      uint64_t *random);
// Of any agency but the copies of owners, whom nobody lets in.
struct cm_request cm_graph_request(const struct cm_graph *graph, uint64_t *random);

// Whether the index says of every node what the node's rules say.
enum cm_status cm_graph_check(struct cm_graph *graph, const struct cm_request *request,
                              const uint8_t *verdicts, struct cm_error *error) CM_MUST_CHECK;
// How many nodes' rules permit, asked one by one.
enum cm_status cm_graph_ask_each(struct cm_graph *graph, struct cm_arena *scratch,
                                 const struct cm_request *request, size_t *permitted) CM_MUST_CHECK;

#endif
