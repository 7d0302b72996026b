// How often what somebody may cause is recorded: so many times at once, then once each so long. A
// zeroed pace is a fresh one. Pure; owner's thread.
#ifndef CM_GATEWAY_PACE_H
#define CM_GATEWAY_PACE_H

#include <stdint.h>

struct cm_pace_rate {
    unsigned burst;
    int64_t every_ms;
};

// An agency's changes of rules.
enum { CM_PACE_BURST = 10, CM_PACE_EVERY_MS = 5000 };
extern const struct cm_pace_rate cm_pace_of_rules;
// What is found in the ledgers of an agency's nodes.
extern const struct cm_pace_rate cm_pace_of_findings;

struct cm_pace {
    int64_t used_until_ms; // monotonic
};

void cm_pace_use(struct cm_pace *pace, const struct cm_pace_rate *rate, int64_t now_ms);
// Milliseconds until the next one, 0: now.
int64_t cm_pace_wait(const struct cm_pace *pace, const struct cm_pace_rate *rate, int64_t now_ms);

#endif
