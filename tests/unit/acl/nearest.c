#include "acl/nearest.h"

#include <criterion/criterion.h>

Test(nearest, counts_edits_and_swaps)
{
    cr_expect_eq(cm_nearest_distance("valley", "valley", 3), 0);
    cr_expect_eq(cm_nearest_distance("Valley", "valley", 3), 0);
    cr_expect_eq(cm_nearest_distance("vally", "valley", 3), 1);
    cr_expect_eq(cm_nearest_distance("vallye", "valley", 3), 1);
    cr_expect_eq(cm_nearest_distance("homicides", "homicide", 3), 1);
    cr_expect_eq(cm_nearest_distance("kitten", "sitting", 3), 3);
    cr_expect_eq(cm_nearest_distance("kitten", "sitting", 2), 3);
    cr_expect_eq(cm_nearest_distance("", "abc", 3), 3);
    cr_expect_eq(cm_nearest_distance("abc", "abcdefgh", 2), 3);
}

Test(nearest, keeps_the_best_offer)
{
    struct cm_nearest nearest;
    char hint[64];
    cm_nearest_init(&nearest, "southgte");
    cm_nearest_offer(&nearest, "@", "southport");
    cm_nearest_offer(&nearest, "@", "southgate");
    cm_nearest_offer(&nearest, "@", "southgut");
    cr_expect_str_eq(cm_nearest_hint(&nearest, hint, sizeof hint, ""), "did you mean @southgate?");
}

Test(nearest, says_nothing_when_nothing_is_near)
{
    struct cm_nearest nearest;
    char hint[64];
    cm_nearest_init(&nearest, "to");
    cm_nearest_offer(&nearest, "", "for");
    cm_nearest_offer(&nearest, "", "at");
    cr_expect_str_eq(cm_nearest_hint(&nearest, hint, sizeof hint, "look it up"), "look it up");
}

Test(nearest, words_of_other_programs_are_known_where_theirs_is_offered)
{
    char hint[64];
    struct cm_nearest nearest;
    cm_nearest_init(&nearest, "Allow");
    cm_nearest_offer(&nearest, "", "forbid");
    cm_nearest_offer(&nearest, "", "permit");
    cr_expect_str_eq(cm_nearest_hint(&nearest, hint, sizeof hint, "-"), "did you mean permit?");
    cm_nearest_init(&nearest, "allow");
    cm_nearest_offer(&nearest, "", "lookup");
    cr_expect_str_eq(cm_nearest_hint(&nearest, hint, sizeof hint, "-"), "-");
    cm_nearest_init(&nearest, "police");
    cm_nearest_offer(&nearest, "kind:", "local");
    cr_expect_str_eq(cm_nearest_hint(&nearest, hint, sizeof hint, "-"), "did you mean kind:local?");
}
