#include "gateway/query_state.h"

#include <criterion/criterion.h>

Test(query_state, nothing_is_merged_before_it_is_recorded)
{
    for (int from = 0; from < CM_QUERY_STATE_COUNT; from++) {
        enum cm_query_state state = (enum cm_query_state)from;
        cr_assert_eq(cm_query_state_go(&state, CM_QUERY_MERGING), from == CM_QUERY_RECORDING);
    }
}

Test(query_state, a_query_runs_through_in_order)
{
    enum cm_query_state state = CM_QUERY_NONE;
    for (int to = CM_QUERY_CHECKING; to <= CM_QUERY_CLOSED; to++) {
        cr_assert(cm_query_state_go(&state, (enum cm_query_state)to), "%d", to);
    }
    for (int to = 0; to < CM_QUERY_STATE_COUNT; to++) {
        cr_assert_not(cm_query_state_go(&state, (enum cm_query_state)to));
    }
    cr_assert_eq(state, CM_QUERY_CLOSED);
}

Test(query_state, every_state_but_the_last_may_be_closed)
{
    for (int from = 0; from < CM_QUERY_CLOSED; from++) {
        enum cm_query_state state = (enum cm_query_state)from;
        cr_assert(cm_query_state_go(&state, CM_QUERY_CLOSED));
    }
}

Test(query_state, an_outcome_is_final)
{
    enum cm_asked_state state = CM_ASKED_WAITED;
    cr_assert(cm_asked_state_go(&state, CM_ASKED_ANSWERING));
    cr_assert(cm_asked_state_go(&state, CM_ASKED_DELIVERED));
    cr_assert_not(cm_asked_state_go(&state, CM_ASKED_ANSWERING));
    cr_assert(cm_asked_state_go(&state, CM_ASKED_ENDED));
    for (int to = 0; to < CM_ASKED_STATE_COUNT; to++) {
        cr_assert_not(cm_asked_state_go(&state, (enum cm_asked_state)to));
    }
}
