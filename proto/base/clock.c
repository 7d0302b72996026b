#include "proto/base/clock.h"

#include <time.h>

static int64_t read_ms(clockid_t which)
{
    struct timespec now;
    clock_gettime(which, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t wall_ms(const struct cm_clock *clock)
{
    (void)clock;
    return read_ms(CLOCK_REALTIME);
}

static int64_t mono_ms(const struct cm_clock *clock)
{
    (void)clock;
    return read_ms(CLOCK_MONOTONIC);
}

const struct cm_clock *cm_clock_system(void)
{
    static const struct cm_clock system = {wall_ms, mono_ms};
    return &system;
}
