#include "gateway/client/seen.h"

#include <criterion/criterion.h>
#include <stdio.h>

Test(seen, knows_each_row_once)
{
    struct cm_seen seen = {0};
    char id[32];
    bool fresh;
    cm_seen_begin(&seen);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 5000; i++) {
            snprintf(id, sizeof id, "event-%d", i);
            cr_assert_eq(cm_seen_add(&seen, &fresh, 1000 + i / 7, "ca.northport.pd", id), CM_OK);
            cr_assert_eq(fresh, round == 0, "round %d, row %d", round, i);
        }
    }
    cr_expect_eq(seen.count, 5000);
    cr_assert_eq(cm_seen_add(&seen, &fresh, 1000, "ca.southgate.pd", "event-0"), CM_OK);
    cr_expect(fresh, "the same id of another agency is another row");
    cm_seen_clear(&seen);
}

static bool add(struct cm_seen *seen, const char *id)
{
    bool fresh = false;
    cr_assert_eq(cm_seen_add(seen, &fresh, 1000, "ca.northport.pd", id), CM_OK);
    return fresh;
}

Test(seen, tells_how_many_rows_no_manifest_covers)
{
    struct cm_seen seen = {0};
    cm_seen_begin(&seen);
    add(&seen, "a");
    add(&seen, "b");
    add(&seen, "c");
    cr_expect_eq(seen.unaccounted, 3, "until the manifest comes");
    cm_seen_begin(&seen);
    cr_expect_not(add(&seen, "b"));
    cr_expect(add(&seen, "d"));
    cr_expect_eq(seen.unaccounted, 4);
    cm_seen_account(&seen);
    cr_expect_eq(seen.unaccounted, 2, "the second answer has b and d, not a and c");
    cm_seen_clear(&seen);
}

Test(seen, leaves_nothing_unaccounted_of_one_whole_answer)
{
    struct cm_seen seen = {0};
    char id[32];
    cm_seen_begin(&seen);
    for (int i = 0; i < 3000; i++) {
        snprintf(id, sizeof id, "event-%d", i);
        add(&seen, id);
    }
    cm_seen_account(&seen);
    cr_expect_eq(seen.unaccounted, 0);
    cm_seen_clear(&seen);
}
