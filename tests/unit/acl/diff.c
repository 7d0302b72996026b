// Every point that a diff names changes as it says, and no other does; held against the decision.
// CM_SEED in the environment repeats a failure.
#include "acl/diff.h"

#include "states.h"
#include "valley.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static uint64_t seed_of(void)
{
    const char *given = getenv("CM_SEED");
    return given == NULL ? UINT64_C(20261122) : strtoull(given, NULL, 10);
}

static const struct cm_diff *diff_of(struct cm_arena *arena, const struct cm_side *old,
                                     const struct cm_side *new)
{
    const struct cm_diff *diff = NULL;
    struct cm_error error = {.text = ""};
    cr_assert(cm_diff_make(&diff, arena, old, new, NOON_MS, &error) == CM_OK, "%s", error.text);
    return diff;
}

// One request's points: what the sides show is what the diff says.
static void check_request(const struct cm_diff *diff, const struct cm_side sides[2],
                          const struct cm_request *request, enum spending spending)
{
    struct cm_arena *arena = cm_arena_new(1 << 20);
    struct cm_view *views[2] = {NULL, NULL};
    for (unsigned s = 0; s < 2; s++) {
        if (sides[s].rules != NULL) {
            views[s] = view_of(arena, &sides[s], request, spending);
        }
    }
    for (size_t c = 0; c < every_camera_count; c++) {
        struct changes_at changes;
        changes_at(&changes, diff, request, every_camera[c]);
        for (size_t a = 0; a < every_age_count; a++) {
            cm_fields rows[2] = {0, 0};
            for (unsigned s = 0; s < 2; s++) {
                rows[s] =
                    views[s] == NULL ? 0 : cm_view_row(views[s], every_camera[c], every_age[a]);
            }
            for (unsigned field = 0; field < CM_POINTS; field++) {
                const struct cm_change_line *line = line_at(&changes, field, every_age[a]);
                bool was = (rows[0] >> field & 1) != 0;
                bool is = (rows[1] >> field & 1) != 0;
                cr_assert(line != NULL || was == is,
                          "not named: %s %s for %s evidence %x camera %s age %lld field %u: %d %d",
                          request->agency, cm_action_name(request->action), request->purpose,
                          request->evidence, every_camera[c], (long long)every_age[a], field, was,
                          is);
                cr_assert(line == NULL || (was == allowed(line->was, spending) &&
                                           is == allowed(line->is, spending)),
                          "named wrongly: %s %s for %s evidence %x camera %s age %lld field %u: "
                          "%d %d",
                          request->agency, cm_action_name(request->action), request->purpose,
                          request->evidence, every_camera[c], (long long)every_age[a], field, was,
                          is);
                cr_assert(line == NULL || !cm_allowance_equal(line->was, line->is));
            }
        }
    }
    cm_arena_free(arena);
}

static void check_pair(const struct state *old, const struct state *new, unsigned step,
                       unsigned first)
{
    struct cm_arena *arena = cm_arena_new(1 << 26);
    const struct cm_side sides[2] = {
        old == NULL ? (struct cm_side){NULL, NULL, NULL} : side_of(old), side_of(new)};
    const struct cm_diff *diff = diff_of(arena, &sides[0], &sides[1]);
    for (unsigned i = first; i < request_count; i += step) {
        struct cm_request request;
        nth_request(i, &request);
        check_request(diff, sides, &request, (enum spending)((i / step) % SPENDINGS));
    }
    cm_arena_free(arena);
}

static void pair_init(struct generator *generator, struct state *old, struct state *new)
{
    state_init(old, generator, NULL);
    state_init(new, generator, pick(generator, 4) == 0 ? NULL : old);
}

Test(diff, names_every_point_that_changes_and_no_other, .timeout = 300)
{
    uint64_t seed = seed_of();
    for (uint64_t i = 0; i < 300; i++) {
        struct generator generator = {.state = seed + i * UINT64_C(0x9e3779b97f4a7c15) + 1};
        struct state old;
        struct state new;
        pair_init(&generator, &old, &new);
        check_pair(&old, &new, 101, pick(&generator, 101));
        check_pair(NULL, &new, 211, pick(&generator, 211));
        state_clear(&old);
        state_clear(&new);
    }
}

Test(diff, names_every_point_of_small_domains_exhaustively, .timeout = 300)
{
    uint64_t seed = seed_of() ^ 1;
    for (uint64_t i = 0; i < 4; i++) {
        struct generator generator = {.state = seed + i * UINT64_C(0x9e3779b97f4a7c15) + 1};
        struct state old;
        struct state new;
        pair_init(&generator, &old, &new);
        check_pair(&old, &new, 1, 0);
        state_clear(&old);
        state_clear(&new);
    }
}

Test(diff, of_a_state_and_itself_is_empty, .timeout = 300)
{
    uint64_t seed = seed_of() ^ 2;
    for (uint64_t i = 0; i < 300; i++) {
        struct generator generator = {.state = seed + i * UINT64_C(0x9e3779b97f4a7c15) + 1};
        struct cm_arena *arena = cm_arena_new(1 << 24);
        struct state state;
        state_init(&state, &generator, NULL);
        struct cm_side side = side_of(&state);
        const struct cm_diff *diff = diff_of(arena, &side, &side);
        cr_assert_eq(diff->group_count, 0);
        cr_assert(!cm_diff_widens(diff) && !cm_diff_narrows(diff));
        cm_arena_free(arena);
        state_clear(&state);
    }
}

static void check_reverse(const struct cm_diff *there, const struct cm_diff *back)
{
    cr_assert_eq(there->group_count, back->group_count);
    cr_assert_eq(cm_diff_widens(there), cm_diff_narrows(back));
    cr_assert_eq(cm_diff_narrows(there), cm_diff_widens(back));
    for (unsigned i = 0; i < request_count; i += 97) {
        struct cm_request request;
        nth_request(i, &request);
        for (size_t c = 0; c < every_camera_count; c++) {
            struct changes_at a;
            struct changes_at b;
            changes_at(&a, there, &request, every_camera[c]);
            changes_at(&b, back, &request, every_camera[c]);
            for (size_t age = 0; age < every_age_count; age++) {
                for (unsigned field = 0; field < CM_POINTS; field++) {
                    const struct cm_change_line *x = line_at(&a, field, every_age[age]);
                    const struct cm_change_line *y = line_at(&b, field, every_age[age]);
                    cr_assert_eq(x == NULL, y == NULL);
                    cr_assert(x == NULL || (cm_allowance_equal(x->was, y->is) &&
                                            cm_allowance_equal(x->is, y->was)));
                }
            }
        }
    }
}

Test(diff, back_is_the_reverse_of_there, .timeout = 300)
{
    uint64_t seed = seed_of() ^ 3;
    for (uint64_t i = 0; i < 200; i++) {
        struct generator generator = {.state = seed + i * UINT64_C(0x9e3779b97f4a7c15) + 1};
        struct cm_arena *arena = cm_arena_new(1 << 26);
        struct state old;
        struct state new;
        pair_init(&generator, &old, &new);
        struct cm_side sides[2] = {side_of(&old), side_of(&new)};
        check_reverse(diff_of(arena, &sides[0], &sides[1]), diff_of(arena, &sides[1], &sides[0]));
        cm_arena_free(arena);
        state_clear(&old);
        state_clear(&new);
    }
}
