#include "nodes/query_state.h"

#include <criterion/criterion.h>

#include <signal.h>
#include <string.h>

Test(query_state, every_state_is_named_and_can_end)
{
    for (int from = CM_NODE_CHECKING; from < CM_NODE_STATE_COUNT; from++) {
        bool reached[CM_NODE_STATE_COUNT] = {false};
        cr_assert_str_neq(cm_node_state_name((enum cm_node_state)from), "?");
        reached[from] = true;
        for (int round = 0; round < CM_NODE_STATE_COUNT; round++) {
            for (int state = 0; state < CM_NODE_STATE_COUNT; state++) {
                for (int to = 0; reached[state] && to < CM_NODE_STATE_COUNT; to++) {
                    reached[to] = reached[to] || cm_node_state_may((enum cm_node_state)state,
                                                                   (enum cm_node_state)to);
                }
            }
        }
        cr_assert(reached[CM_NODE_DONE], "%s", cm_node_state_name((enum cm_node_state)from));
    }
}

Test(query_state, nothing_is_read_that_was_not_recorded)
{
    for (int from = 0; from < CM_NODE_STATE_COUNT; from++) {
        const enum cm_node_state state = (enum cm_node_state)from;
        const bool may = state == CM_NODE_RECORDING || state == CM_NODE_SENDING;
        cr_assert_eq(cm_node_state_may(state, CM_NODE_READING), may, "%s",
                     cm_node_state_name(state));
        cr_assert_eq(cm_node_state_may(state, CM_NODE_RECORDING), state == CM_NODE_DECIDING);
        cr_assert_not(cm_node_state_may(CM_NODE_DONE, state));
    }
}

Test(query_state, aborts_outside_the_table, .signal = SIGABRT)
{
    enum cm_node_state state = CM_NODE_CHECKING;
    cm_node_state_set(&state, CM_NODE_READING);
}
