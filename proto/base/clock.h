// The two clocks as a port, so that scenarios run on a fake one.
// Any thread.
#ifndef CM_BASE_CLOCK_H
#define CM_BASE_CLOCK_H

#include <stdint.h>

struct cm_clock {
    // UTC milliseconds since 1970.
    int64_t (*wall_ms)(const struct cm_clock *clock);
    // Monotonic milliseconds since an arbitrary start.
    int64_t (*mono_ms)(const struct cm_clock *clock);
};

// The operating system's. Static; never freed.
const struct cm_clock *cm_clock_system(void);

static inline int64_t cm_wall_ms(const struct cm_clock *clock)
{
    return clock->wall_ms(clock);
}

static inline int64_t cm_mono_ms(const struct cm_clock *clock)
{
    return clock->mono_ms(clock);
}

#endif
