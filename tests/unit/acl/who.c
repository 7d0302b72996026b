// The sharing matrix holds whom the rules let see anything, and nobody else; what they see is held
// against the decision in diff's test, as the difference from nothing.
#include "acl/who.h"

#include "states.h"
#include "valley.h"

#include <criterion/criterion.h>
#include <string.h>

static bool listed(const struct cm_diff *who, const char *agency)
{
    const struct cm_cells *cells = who->cells;
    for (uint32_t g = 0; g < who->group_count; g++) {
        for (uint32_t a = 0; a < who->groups[g].agency_count; a++) {
            if (strcmp(cells->agencies[who->groups[g].agencies[a]], agency) == 0) {
                return true;
            }
        }
    }
    return false;
}

static bool sees_anything(const struct cm_side *side, const char *agency)
{
    bool any = false;
    for (unsigned i = 0; i < request_count && !any; i++) {
        struct cm_request request;
        nth_request(i, &request);
        if (strcmp(request.agency, agency) == 0) {
            struct cm_arena *arena = cm_arena_new(1 << 20);
            any = cm_view_max_age_s(view_of(arena, side, &request, SPENT_NONE)) >= 0;
            cm_arena_free(arena);
        }
    }
    return any;
}

Test(who, lists_those_that_see_anything, .timeout = 300)
{
    for (uint64_t i = 0; i < 40; i++) {
        struct generator generator = {.state = 77 + i * UINT64_C(0x9e3779b97f4a7c15)};
        struct state state;
        struct cm_error error;
        const struct cm_diff *who;
        struct cm_arena *arena = cm_arena_new(1 << 26);
        state_init(&state, &generator, NULL);
        const struct cm_side side = side_of(&state);
        cr_assert(cm_who_make(&who, arena, &side, NOON_MS, &error) == CM_OK);
        for (size_t a = 0; a < state.now.directory.agency_count; a++) {
            const char *id = state.now.directory.agencies[a].id;
            cr_expect_eq(listed(who, id), sees_anything(&side, id), "%s under\n%.*s", id,
                         (int)state.text.len, (const char *)state.text.data);
        }
        cm_arena_free(arena);
        state_clear(&state);
    }
}
