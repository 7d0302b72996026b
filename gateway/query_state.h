// Where a query stands, and where each node that it asks stands: the one place where either
// changes, by tables of what may follow what. Pure; loop thread.
#ifndef CM_GATEWAY_QUERY_STATE_H
#define CM_GATEWAY_QUERY_STATE_H

#include <stdbool.h>

enum cm_query_state {
    CM_QUERY_NONE = 0,
    CM_QUERY_CHECKING,  // on a worker: form, signature, role, freshness
    CM_QUERY_DECIDING,  // on a worker: whose rules permit it
    CM_QUERY_RECORDING, // in the ledger; nobody is asked before it is durable
    CM_QUERY_MERGING,   // nodes are asked, their rows go out
    CM_QUERY_SIGNING,   // on a worker: the manifest
    CM_QUERY_ENDING,    // the last message waits until the caller takes it
    CM_QUERY_CLOSED,    // nothing goes out any more
    CM_QUERY_STATE_COUNT,
};

enum cm_asked_state {
    CM_ASKED_NONE = 0,
    CM_ASKED_WAITED,    // for its first batch or a refusal
    CM_ASKED_ANSWERING, // between its first batch and its final one
    CM_ASKED_DELIVERED, // its final batch is held, not yet merged
    CM_ASKED_ENDED,     // it has an outcome
    CM_ASKED_STATE_COUNT,
};

const char *cm_query_state_name(enum cm_query_state state);
// False, logged and unchanged when `to` may not follow.
bool cm_query_state_go(enum cm_query_state *state, enum cm_query_state to);
bool cm_asked_state_go(enum cm_asked_state *state, enum cm_asked_state to);

#endif
