// The loop's timers: a binary heap by time, embedded in the loop. Loop thread.
#ifndef CM_RPC_TIMERS_H
#define CM_RPC_TIMERS_H

#include "proto/rpc/loop.h"

struct cm_timers {
    struct cm_timer **heap; // from slot 1
    size_t count;
    size_t cap;
};

void cm_timers_clear(struct cm_timers *timers);
enum cm_status cm_timers_set(struct cm_timers *timers, struct cm_timer *timer,
                             int64_t at_ms) CM_MUST_CHECK;
void cm_timers_cancel(struct cm_timers *timers, struct cm_timer *timer);
// INT64_MAX without one.
int64_t cm_timers_next_ms(const struct cm_timers *timers);
// Fires those due at now_ms; those set meanwhile wait for the next run. True if one fired.
bool cm_timers_run(struct cm_timers *timers, int64_t now_ms);

#endif
