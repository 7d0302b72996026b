#include "nodes/query_state.h"

#include "proto/base/log.h"

#include <stdlib.h>

#define BIT(state) (1u << CM_NODE_##state)

static const struct {
    const char *name;
    unsigned next;
} table[CM_NODE_STATE_COUNT] = {
    [CM_NODE_NONE] = {"none", BIT(CHECKING)},
    [CM_NODE_CHECKING] = {"checking", BIT(TURN)},
    [CM_NODE_TURN] = {"turn", BIT(DECIDING) | BIT(DENYING) | BIT(SIGNING) | BIT(DONE)},
    [CM_NODE_DECIDING] = {"deciding", BIT(RECORDING) | BIT(DENYING) | BIT(DONE)},
    [CM_NODE_RECORDING] = {"recording", BIT(READING) | BIT(SIGNING) | BIT(DONE)},
    [CM_NODE_READING] = {"reading", BIT(SENDING) | BIT(SIGNING) | BIT(CLOSING) | BIT(DONE)},
    [CM_NODE_SENDING] = {"sending", BIT(READING) | BIT(CLOSING) | BIT(DONE)},
    [CM_NODE_CLOSING] = {"closing", BIT(DONE)},
    [CM_NODE_DENYING] = {"denying", BIT(SIGNING) | BIT(DONE)},
    [CM_NODE_SIGNING] = {"signing", BIT(DONE)},
    [CM_NODE_DONE] = {"done", 0},
};

const char *cm_node_state_name(enum cm_node_state state)
{
    return (unsigned)state < CM_NODE_STATE_COUNT ? table[state].name : "?";
}

bool cm_node_state_may(enum cm_node_state from, enum cm_node_state to)
{
    return (unsigned)from < CM_NODE_STATE_COUNT && (unsigned)to < CM_NODE_STATE_COUNT &&
           table[from].next >> to & 1;
}

void cm_node_state_set(enum cm_node_state *state, enum cm_node_state to)
{
    if (!cm_node_state_may(*state, to)) {
        cm_log(CM_LOG_ERROR, "query-state-broken", "from=%s to=%s", cm_node_state_name(*state),
               cm_node_state_name(to));
        abort();
    }
    *state = to;
}
