// Notices that the wall clock was set: it moved otherwise than CLOCK_BOOTTIME, which nobody sets
// and which goes on while the machine sleeps. A value, one thread at a time.
#ifndef CM_BASE_CLOCK_WATCH_H
#define CM_BASE_CLOCK_WATCH_H

#include <stdint.h>

// Slewing by NTP moves a clock by half a millisecond a second.
enum { CM_CLOCK_STEP_MS = 500 };

struct cm_clock_watch {
    int64_t wall_ms, boot_ms; // at the last look; 0: none yet
};

// Milliseconds since the machine started, asleep or not.
int64_t cm_boot_ms(void);
// How far the wall clock was moved since the last look, negative for backward; 0 below
// CM_CLOCK_STEP_MS, and at the first look.
int64_t cm_clock_watch_look(struct cm_clock_watch *watch, int64_t wall_ms, int64_t boot_ms);

#endif
