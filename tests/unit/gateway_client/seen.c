#include "gateway/client/seen.h"

#include <criterion/criterion.h>
#include <stdio.h>

Test(seen, knows_each_row_once)
{
    struct cm_seen seen = {0};
    char id[32];
    bool fresh;
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
