// How often what an agency may cause is recorded: CM_PACE_BURST times at once, then once each
// CM_PACE_EVERY_MS. Zero is a fresh one. Pure; owner's thread.
#ifndef CM_GATEWAY_PACE_H
#define CM_GATEWAY_PACE_H

#include <stdint.h>

enum { CM_PACE_BURST = 10, CM_PACE_EVERY_MS = 5000 };

struct cm_pace {
    int64_t used_until_ms; // monotonic
};

void cm_pace_use(struct cm_pace *pace, int64_t now_ms);
// Milliseconds until the next one, 0: now.
int64_t cm_pace_wait(const struct cm_pace *pace, int64_t now_ms);

#endif
