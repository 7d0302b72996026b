#include "acl/split.h"

#include "valley.h"

#include <criterion/criterion.h>

static struct cm_arena *arena;
static struct cm_crowd now, then;
static struct cm_split split;

static void setup(void)
{
    arena = cm_arena_new(1 << 24);
    cr_assert(cm_crowd_now(&now, arena, &valley) == CM_OK);
}

static void teardown(void)
{
    cm_arena_free(arena);
}

TestSuite(split, .init = setup, .fini = teardown);

static enum cm_status split_rules(struct cm_rules *rules)
{
    cr_assert(cm_crowd_then(&then, arena, &valley, rules->members) == CM_OK);
    const struct cm_split_source source = {
        .directory = &valley, .now = &now, .rules = rules, .then = &then};
    return cm_split_make(&split, arena, &source);
}

static uint8_t part_of(const char *agency)
{
    const struct cm_agency *found = cm_directory_agency(&valley, agency);
    cr_assert_not_null(found);
    return split.parts[found - valley.agencies];
}

Test(split, parts_by_what_covers)
{
    struct cm_rules *rules =
        compiled("rules 1\nnode ca.northport.pd\n"
                 "permit self to any for any back all see all\n"
                 "permit ca.southgate.pd, ca.milltown.pd to lookup for any back 7 days see all\n"
                 "forbid not self see image\n"
                 "forbid anyone beyond 3 days\n");
    cr_assert(split_rules(rules) == CM_OK);
    cr_expect_eq(split.profile_count, 2, "a forbid of fields alone parts nobody");
    cr_expect_eq(part_of("ca.southgate.pd"), part_of("ca.milltown.pd"));
    cr_expect_neq(part_of("ca.southgate.pd"), part_of("ca.northport.pd"));
    unsigned none = 0;
    for (size_t i = 0; i < valley.agency_count; i++) {
        none += split.parts[i] == 0;
    }
    cr_expect_eq(none, valley.agency_count - 3, "whom no permit covers");
    cm_rules_unref(rules);
}

Test(split, bytes_do_not_depend_on_order_or_repetition)
{
    struct cm_rules *one =
        compiled("rules 1\nnode ca.northport.pd\n"
                 "permit ca.southgate.pd to lookup for any back 7 days see all\n"
                 "permit ca.southgate.pd to lookup for homicide back 9 days see plate\n");
    struct cm_rules *two =
        compiled("rules 1\nnode ca.northport.pd\n"
                 "permit kind:local to lookup for homicide back 9 days see plate\n"
                 "permit ca.southgate.pd to lookup for homicide back 9 days see all\n"
                 "permit ca.southgate.pd to lookup for any back 7 days see place\n");
    cr_assert(split_rules(one) == CM_OK);
    struct cm_bytes first = split.profiles[part_of("ca.southgate.pd") - 1];
    cr_assert(split_rules(two) == CM_OK);
    struct cm_bytes second = split.profiles[part_of("ca.southgate.pd") - 1];
    cr_expect(cm_bytes_equal(first, second));
    cm_rules_unref(one);
    cm_rules_unref(two);
}
