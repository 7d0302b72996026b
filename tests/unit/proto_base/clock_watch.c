#include "proto/base/clock_watch.h"

#include <criterion/criterion.h>

static struct cm_clock_watch watch;

static int64_t look(int64_t wall_ms, int64_t boot_ms)
{
    return cm_clock_watch_look(&watch, wall_ms, boot_ms);
}

Test(clock_watch, says_how_far_the_clock_was_set)
{
    cr_assert_eq(look(1000000, 50), 0, "the first look knows nothing");
    cr_assert_eq(look(1000250, 300), 0);
    cr_assert_eq(look(1060500, 550), 60000);
    cr_assert_eq(look(1060750, 800), 0, "once");
    cr_assert_eq(look(1000750, 800), -60000);
}

Test(clock_watch, sleep_and_a_busy_machine_are_no_steps)
{
    cr_assert_eq(look(1000000, 50), 0);
    cr_assert_eq(look(9000000, 8000050), 0);
}

Test(clock_watch, slewing_is_no_step)
{
    int64_t wall = 1000000;
    look(wall, 1);
    for (int64_t boot = 251; boot < 60000; boot += 250) {
        wall += 251;
        cr_assert_eq(look(wall, boot), 0);
    }
}

Test(clock_watch, the_time_since_boot_goes_on)
{
    const int64_t before = cm_boot_ms();
    cr_assert_gt(before, 0);
    cr_assert_geq(cm_boot_ms(), before);
}
