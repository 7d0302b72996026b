// One Ask at a node, from its arrival to the last batch or a signed refusal: checked, decided,
// recorded, read, sent. Loop thread; what blocks runs on workers.
#ifndef CM_NODES_NODE_QUERY_H
#define CM_NODES_NODE_QUERY_H

#include "nodes/ports.h"

// Takes arena, and ask (which borrows from it), whatever it returns. CM_EXHAUSTED, CM_MEMORY: it
// wasn't begun and ended isn't called.
enum cm_status cm_node_query_start(struct cm_node *node, struct cm_asker *asker,
                                   struct cm_arena *arena, const struct cm_ask *ask) CM_MUST_CHECK;
// Stops it as soon as what is under way comes back: the gateway doesn't want it or is gone.
void cm_node_query_cancel(struct cm_node_query *query);
// The answer's call: may be written to again; has ended, CM_OK when the gateway took it whole.
void cm_node_query_writable(struct cm_node_query *query);
void cm_node_query_closed(struct cm_node_query *query, enum cm_status status);

// The ask of that id from asker, NULL when there is none (any more).
struct cm_node_query *cm_node_query_find(const struct cm_node *node, const struct cm_asker *asker,
                                         uint64_t ask);
// Cancels all of asker's.
void cm_node_queries_cancel(struct cm_node *node, const struct cm_asker *asker);
// The rules or the directory changed: withdraws what they no longer permit as it was permitted.
void cm_node_queries_judge_again(struct cm_node *node);

const struct cm_ask *cm_node_query_ask(const struct cm_node_query *query);
struct cm_asker *cm_node_query_asker(const struct cm_node_query *query);
// Milliseconds left of what the gateway gave, at least 1.
int64_t cm_node_query_left_ms(const struct cm_node_query *query);
// This node's own record of the permitted query, which the answer begins with.
const struct cm_record *cm_node_query_record_of(const struct cm_node_query *query);
// A place for the asker's handle on the answer's call.
void **cm_node_query_answer(struct cm_node_query *query);

#endif
