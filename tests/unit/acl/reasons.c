#include "valley.h"

#include <criterion/criterion.h>

Test(reasons, each_rule_says_what_it_missed)
{
    static const char text[] = "rules 1\nnode ca.northport.pd\n"
                               "permit us.customs to area for any back all see plate\n"
                               "forbid us.customs for warrant\n"
                               "permit us.customs to any for any back 5 days see plate\n"
                               "permit us.customs to any for any back all see plate require case\n"
                               "forbid us.customs until 2026-11-01\n"
                               "permit us.customs to any for any back all see plate\n"
                               "forbid role:supervisor\n"
                               "forbid us.customs beyond 90 days\n";
    static const struct {
        const char *where;
        bool permit;
        enum cm_miss miss;
    } expected[] = {
        {"main.rules:3", true, CM_MISS_ACTION},   {"main.rules:5", true, CM_MISS_AGE},
        {"main.rules:6", true, CM_MISS_EVIDENCE}, {"main.rules:8", true, CM_MISS_NONE},
        {"main.rules:4", false, CM_MISS_PURPOSE}, {"main.rules:7", false, CM_MISS_DATE},
        {"main.rules:9", false, CM_MISS_WHO},     {"main.rules:10", false, CM_MISS_AGE},
    };
    struct cm_rules *rules = compiled(text);
    struct cm_request request = request_of("us.customs");
    request.window.to_ms = NOON_MS - 6 * DAY_S * 1000;
    struct cm_arena *arena = cm_arena_new(1 << 16);
    const struct cm_reason *reasons;
    size_t count;
    cr_assert(cm_rules_reasons(&reasons, &count, arena, rules, &valley, &request) == CM_OK);
    cr_assert_eq(count, sizeof expected / sizeof *expected);
    for (size_t i = 0; i < count; i++) {
        cr_expect_str_eq(reasons[i].where, expected[i].where);
        cr_expect_eq(reasons[i].permit, expected[i].permit);
        cr_expect_eq(reasons[i].miss, expected[i].miss, "%s", expected[i].where);
    }
    cm_arena_free(arena);
    cm_rules_unref(rules);
}
