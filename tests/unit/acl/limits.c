// One limit that becomes two widens, two that become one narrow; edits that keep the count do
// neither.
#include "acl/limits.h"
#include "acl/diff.h"

#include "valley.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const struct cm_diff *diff_of(struct cm_arena *arena, const char *old_text,
                                     const char *new_text)
{
    char texts[2][1024];
    struct cm_error error = {.text = ""};
    const struct cm_diff *diff;
    snprintf(texts[0], sizeof texts[0], "rules 1\nnode ca.northport.pd\n%s", old_text);
    snprintf(texts[1], sizeof texts[1], "rules 1\nnode ca.northport.pd\n%s", new_text);
    struct cm_rules *rules[2] = {compiled(texts[0]), compiled(texts[1])};
    const struct cm_side sides[2] = {{rules[0], NULL, &valley}, {rules[1], NULL, &valley}};
    cr_assert(cm_diff_make(&diff, arena, &sides[0], &sides[1], NOON_MS, &error) == CM_OK, "%s",
              error.text);
    cr_expect_eq(diff->group_count, 0, "no point changes");
    cm_rules_unref(rules[0]);
    cm_rules_unref(rules[1]);
    return diff;
}

static void expect(const char *old_text, const char *new_text, uint32_t apart, uint32_t together)
{
    struct cm_arena *arena = cm_arena_new(1 << 24);
    const struct cm_diff *diff = diff_of(arena, old_text, new_text);
    cr_expect_eq(diff->counted_apart, apart);
    cr_expect_eq(diff->counted_together, together);
    cr_expect_eq(cm_diff_widens(diff), apart > 0);
    cr_expect_eq(cm_diff_narrows(diff), together > 0);
    cr_expect_eq(cm_diff_waits(diff), apart + together > 0);
    cm_arena_free(arena);
}

#define LIMITED(who, purposes)                                                                     \
    "permit " who " to lookup for " purposes " back 1 day see place limit 10/day per agency "

static const char one[] = LIMITED("ca.milltown.pd, ca.southgate.pd", "homicide, other");
static const char by_purpose[] = LIMITED("ca.milltown.pd, ca.southgate.pd", "homicide") "\n" //
    LIMITED("ca.milltown.pd, ca.southgate.pd", "other");

Test(limits, a_permit_that_is_split_counts_apart)
{
    expect(one, by_purpose, 2, 0);
    expect(by_purpose, one, 0, 2);
}

Test(limits, a_split_by_agency_changes_no_count)
{
    expect(one,
           LIMITED("ca.milltown.pd", "homicide, other") "\n" //
           LIMITED("ca.southgate.pd", "homicide, other"),
           0, 0);
}

Test(limits, another_layout_or_note_is_the_same)
{
    expect(one, LIMITED("ca.southgate.pd, ca.milltown.pd", "other, homicide") "note \"again\"", 0,
           0);
}

Test(limits, another_who_that_means_the_same_counts_anew_but_together)
{
    expect(one,
           "group both = ca.milltown.pd, ca.southgate.pd\n" LIMITED("@both", "homicide, other"), 0,
           0);
}

Test(limits, one_beside_another_counts_apart)
{
    static const char beside[] = LIMITED("ca.milltown.pd, ca.southgate.pd",
                                         "homicide, other") "\n" LIMITED("ca.milltown.pd", "other");
    expect(one, beside, 1, 0);
    expect(beside, one, 0, 1);
}

Test(limits, past_the_bound_it_is_taken_for_both)
{
    static struct cm_digest rules[CM_MOST_LINKS + 2];
    static struct cm_limits limits;
    uint32_t class_of = 0;
    const struct cm_cells cells = {.agency_count = 1, .agency_class = &class_of};
    limits = (struct cm_limits){.cells = &cells};
    for (size_t i = 0; i + 1 < sizeof rules / sizeof *rules; i += 1) {
        rules[i].b[0] = (uint8_t)i;
        rules[i].b[1] = (uint8_t)(i >> 8);
        const struct cm_cell_limit limit = {.rule = &rules[i], .sides = 3};
        const struct cm_camera_group group = {.limit_count = 1, .limits = &limit};
        cm_limits_note(&limits, 0, &group);
    }
    cm_limits_end(&limits);
    cr_expect_eq(limits.apart, 1);
    cr_expect_eq(limits.together, 1);
}
