#include "proto/ledger/cli/tally.h"

#include <criterion/criterion.h>

Test(tally, adds_by_the_text_of_a_name_and_sorts_most_first)
{
    char again[] = "b";
    struct cm_tallies tallies = {0};
    struct cm_arena *arena = cm_arena_new((size_t)1 << 20);
    cm_tallies_of(&tallies, arena, "a")->searches++;
    cm_tallies_of(&tallies, arena, "b")->searches++;
    cm_tallies_of(&tallies, arena, again)->searches++;
    cm_tallies_of(&tallies, arena, "c")->searches++;
    cr_assert_eq(cm_tallies_sort(&tallies, arena), CM_OK);
    cr_assert_eq(tallies.count, 3);
    cr_expect_str_eq(tallies.sorted[0]->name, "b");
    cr_expect_eq(tallies.sorted[0]->searches, 2);
    cr_expect_str_eq(tallies.sorted[1]->name, "a");
    cr_expect_str_eq(tallies.sorted[2]->name, "c");
    cm_tallies_clear(&tallies);
    cm_arena_free(arena);
}

Test(tally, nothing_sorts_too)
{
    struct cm_tallies tallies = {0};
    struct cm_arena *arena = cm_arena_new((size_t)1 << 20);
    cr_expect_eq(cm_tallies_sort(&tallies, arena), CM_OK);
    cr_expect_eq(tallies.count, 0);
    cm_tallies_clear(&tallies);
    cm_arena_free(arena);
}
