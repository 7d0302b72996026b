#include "proto/base/clock_watch.h"

#include <time.h>

int64_t cm_boot_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t cm_clock_watch_look(struct cm_clock_watch *watch, int64_t wall_ms, int64_t boot_ms)
{
    const struct cm_clock_watch before = *watch;
    *watch = (struct cm_clock_watch){wall_ms, boot_ms};
    if (before.boot_ms == 0) {
        return 0;
    }
    const int64_t step = (wall_ms - before.wall_ms) - (boot_ms - before.boot_ms);
    return step >= CM_CLOCK_STEP_MS || step <= -CM_CLOCK_STEP_MS ? step : 0;
}
