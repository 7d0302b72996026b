#include "gateway/query_state.h"

#include "proto/base/log.h"

#define TO(state) (1u << (state))

static const char *const query_names[CM_QUERY_STATE_COUNT] = {
    [CM_QUERY_NONE] = "none",         [CM_QUERY_CHECKING] = "checking",
    [CM_QUERY_DECIDING] = "deciding", [CM_QUERY_RECORDING] = "recording",
    [CM_QUERY_MERGING] = "merging",   [CM_QUERY_SIGNING] = "signing",
    [CM_QUERY_ENDING] = "ending",     [CM_QUERY_CLOSED] = "closed",
};

// A reach goes from recording straight to its one message.
static const unsigned query_next[CM_QUERY_STATE_COUNT] = {
    [CM_QUERY_NONE] = TO(CM_QUERY_CHECKING) | TO(CM_QUERY_CLOSED),
    [CM_QUERY_CHECKING] = TO(CM_QUERY_DECIDING) | TO(CM_QUERY_CLOSED),
    [CM_QUERY_DECIDING] = TO(CM_QUERY_RECORDING) | TO(CM_QUERY_CLOSED),
    [CM_QUERY_RECORDING] = TO(CM_QUERY_MERGING) | TO(CM_QUERY_ENDING) | TO(CM_QUERY_CLOSED),
    [CM_QUERY_MERGING] = TO(CM_QUERY_SIGNING) | TO(CM_QUERY_CLOSED),
    [CM_QUERY_SIGNING] = TO(CM_QUERY_ENDING) | TO(CM_QUERY_CLOSED),
    [CM_QUERY_ENDING] = TO(CM_QUERY_CLOSED),
};

// Another attempt leaves a node waited for; an answer of one batch is delivered at once.
static const unsigned asked_next[CM_ASKED_STATE_COUNT] = {
    [CM_ASKED_NONE] = TO(CM_ASKED_WAITED) | TO(CM_ASKED_ENDED),
    [CM_ASKED_WAITED] = TO(CM_ASKED_ANSWERING) | TO(CM_ASKED_DELIVERED) | TO(CM_ASKED_ENDED),
    [CM_ASKED_ANSWERING] = TO(CM_ASKED_DELIVERED) | TO(CM_ASKED_ENDED),
    [CM_ASKED_DELIVERED] = TO(CM_ASKED_ENDED),
};

const char *cm_query_state_name(enum cm_query_state state)
{
    return state < CM_QUERY_STATE_COUNT ? query_names[state] : "unknown";
}

static bool allowed(unsigned from, unsigned to, const unsigned *next, const char *what)
{
    if (next[from] & TO(to)) {
        return true;
    }
    cm_log(CM_LOG_ERROR, "state-broken", "what=%s from=%u to=%u", what, from, to);
    return false;
}

bool cm_query_state_go(enum cm_query_state *state, enum cm_query_state to)
{
    if (!allowed(*state, to, query_next, "query")) {
        return false;
    }
    *state = to;
    return true;
}

bool cm_asked_state_go(enum cm_asked_state *state, enum cm_asked_state to)
{
    if (!allowed(*state, to, asked_next, "asked")) {
        return false;
    }
    *state = to;
    return true;
}
