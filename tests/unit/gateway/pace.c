#include "gateway/pace.h"

#include <criterion/criterion.h>

enum { NOW = 1000000, HOUR_MS = 3600 * 1000 };

Test(pace, lets_a_burst_through_and_then_one_at_a_time)
{
    struct cm_pace pace = {0};
    for (int i = 0; i < CM_PACE_BURST; i++) {
        cr_assert_eq(cm_pace_wait(&pace, &cm_pace_of_rules, NOW), 0, "the %dth", i);
        cm_pace_use(&pace, &cm_pace_of_rules, NOW);
    }
    cr_assert_eq(cm_pace_wait(&pace, &cm_pace_of_rules, NOW), CM_PACE_EVERY_MS);
    cr_assert_eq(cm_pace_wait(&pace, &cm_pace_of_rules, NOW + CM_PACE_EVERY_MS - 1), 1);
    cr_assert_eq(cm_pace_wait(&pace, &cm_pace_of_rules, NOW + CM_PACE_EVERY_MS), 0);
    cm_pace_use(&pace, &cm_pace_of_rules, NOW + CM_PACE_EVERY_MS);
    cr_assert_eq(cm_pace_wait(&pace, &cm_pace_of_rules, NOW + CM_PACE_EVERY_MS), CM_PACE_EVERY_MS);
}

Test(pace, saves_up_no_more_than_a_burst)
{
    struct cm_pace pace = {0};
    cm_pace_use(&pace, &cm_pace_of_rules, NOW);
    for (int i = 0; i < CM_PACE_BURST; i++) {
        cr_assert_eq(cm_pace_wait(&pace, &cm_pace_of_rules, NOW + HOUR_MS), 0);
        cm_pace_use(&pace, &cm_pace_of_rules, NOW + HOUR_MS);
    }
    cr_assert_gt(cm_pace_wait(&pace, &cm_pace_of_rules, NOW + HOUR_MS), 0);
}

Test(pace, lets_through_in_an_hour_what_it_says)
{
    struct cm_pace pace = {0};
    int count = 0;
    for (int64_t ms = 0; ms < HOUR_MS; ms += 10) {
        if (cm_pace_wait(&pace, &cm_pace_of_rules, NOW + ms) == 0) {
            cm_pace_use(&pace, &cm_pace_of_rules, NOW + ms);
            count++;
        }
    }
    cr_assert_eq(count, CM_PACE_BURST - 1 + HOUR_MS / CM_PACE_EVERY_MS);
}
