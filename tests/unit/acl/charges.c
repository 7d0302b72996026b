#include "valley.h"

#include <criterion/criterion.h>
#include <stdio.h>

static size_t charges_of(const struct cm_charge **out, struct cm_arena **arena, const char *text,
                         const struct cm_request *request)
{
    struct cm_rules *rules = compiled(text);
    size_t count;
    *arena = cm_arena_new(1 << 20);
    cr_assert(cm_rules_charges(out, &count, *arena, rules, &valley, request) == CM_OK);
    cm_rules_unref(rules);
    return count;
}

static size_t count_charges(const char *clauses, const struct cm_request *request)
{
    char text[512];
    const struct cm_charge *list;
    struct cm_arena *arena;
    snprintf(text, sizeof text, "rules 1 node ca.northport.pd site s = c forbid anyone %s",
             clauses);
    size_t count = charges_of(&list, &arena, text, request);
    cm_arena_free(arena);
    return count;
}

Test(charges, fall_on_every_limited_permit_that_covers_a_point)
{
    struct cm_request request = request_of("us.customs");
    request.window.to_ms = NOON_MS - 10 * DAY_S * 1000;
    cr_expect_eq(count_charges("permit anyone to any for any back all see all", &request), 0);
    cr_expect_eq(count_charges("permit anyone to any for any back all see all at s limit 5/day per "
                               "agency",
                               &request),
                 1);
    cr_expect_eq(count_charges("permit anyone to any for any back 9 days see all limit 5/day per "
                               "agency",
                               &request),
                 0);
    cr_expect_eq(count_charges("permit anyone to any for any back all see all limit 5/day per "
                               "agency permit us.customs to any for any back all see plate "
                               "limit 9/day per investigator",
                               &request),
                 2);
    cr_expect_eq(count_charges("permit ca.southgate.pd to any for any back all see all limit 5/day "
                               "per agency",
                               &request),
                 0);
    request.on_behalf_of = "ca.southgate.pd";
    cr_expect_eq(count_charges("permit ca.southgate.pd to any for any back all see all limit 5/day "
                               "per agency",
                               &request),
                 1);
}

Test(charges, count_survives_layout_and_notes_only)
{
    static const char *const same[] = {
        "rules 1 node ca.northport.pd permit us.customs, ca.milltown.pd kind:federal,local to any "
        "for homicide, other back 1 month see place, image limit 5/day per agency",
        "rules 1\nnode ca.northport.pd\n# moved\nforbid anyone for warrant\n"
        "permit kind:local,federal ca.milltown.pd , us.customs, us.customs\n for other, homicide\n"
        " to any limit 5 / day per agency see image,place back 30 days note \"x\"",
    };
    struct cm_request request = request_of("us.customs");
    const struct cm_charge *a;
    const struct cm_charge *b;
    const struct cm_charge *c;
    struct cm_arena *arenas[3];
    cr_assert_eq(charges_of(&a, &arenas[0], same[0], &request), 1);
    cr_assert_eq(charges_of(&b, &arenas[1], same[1], &request), 1);
    cr_assert_eq(charges_of(&c, &arenas[2],
                            "rules 1 node ca.northport.pd permit us.customs, ca.milltown.pd "
                            "kind:federal,local to any for homicide back 1 month see place, image "
                            "limit 5/day per agency",
                            &request),
                 1);
    cr_expect(cm_digest_equal(&a->rule, &b->rule));
    cr_expect_not(cm_digest_equal(&a->rule, &c->rule));
    cr_expect(a->per_agency);
    cr_expect_eq(a->per_day, 5);
    for (size_t i = 0; i < 3; i++) {
        cm_arena_free(arenas[i]);
    }
}

Test(charges, a_spent_permit_covers_nothing)
{
    struct cm_rules *rules =
        compiled("rules 1 node ca.northport.pd permit us.customs to any for any back 5 days see "
                 "image limit 5/day per agency permit us.customs to any for any back 2 days see "
                 "place");
    struct cm_request request = request_of("us.customs");
    struct cm_arena *arena = cm_arena_new(1 << 20);
    const struct cm_charge *charges;
    size_t count;
    struct cm_view *view;
    bool spent = false;
    cr_assert(cm_rules_charges(&charges, &count, arena, rules, &valley, &request) == CM_OK);
    cr_assert_eq(count, 1);
    cr_assert(cm_rules_view(&view, arena, rules, NULL, &valley, &request, charges, &spent, 1) ==
              CM_OK);
    cr_expect_eq(cm_view_row(view, "", 0), 1u | 1u << CM_FIELD_PLACE | 1u << CM_FIELD_IMAGE);
    spent = true;
    cr_assert(cm_rules_view(&view, arena, rules, NULL, &valley, &request, charges, &spent, 1) ==
              CM_OK);
    cr_expect_eq(cm_view_row(view, "", 0), 1u | 1u << CM_FIELD_PLACE);
    cr_expect_eq(cm_view_max_age_s(view), 2 * DAY_S);
    cr_expect_str_eq(cm_view_deciding_rule(view), "main.rules:1");
    cm_arena_free(arena);
    cm_rules_unref(rules);
}
