// The states of one Ask on a node and the one place that changes them. Loop thread.
#ifndef CM_NODES_QUERY_STATE_H
#define CM_NODES_QUERY_STATE_H

#include <stdbool.h>

enum cm_node_state {
    CM_NODE_NONE = 0,
    CM_NODE_CHECKING,  // a worker: signatures, the gateway's record
    CM_NODE_TURN,      // waits until all asks before it were judged
    CM_NODE_DECIDING,  // a worker: rules, limits
    CM_NODE_RECORDING, // the own ledger, and the gateway's checkpoint
    CM_NODE_READING,   // a worker: store, filter, sign
    CM_NODE_SENDING,   // a batch waits for the stream
    CM_NODE_CLOSING,   // the answer's call ends
    CM_NODE_DENYING,   // the own ledger: a refusal
    CM_NODE_SIGNING,   // a worker: the refusal
    CM_NODE_DONE,
    CM_NODE_STATE_COUNT,
};

const char *cm_node_state_name(enum cm_node_state state);
bool cm_node_state_may(enum cm_node_state from, enum cm_node_state to);
// Aborts on a transition that the table doesn't have.
void cm_node_state_set(enum cm_node_state *state, enum cm_node_state to);

#endif
