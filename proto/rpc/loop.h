// The one loop thread: completion queue, timers, tasks posted by workers. gRPC is initialised with
// the first loop. All calls on the loop thread, but cm_loop_stop and the poster, which are safe on
// any (stop in signal handlers too).
#ifndef CM_RPC_LOOP_H
#define CM_RPC_LOOP_H

#include "proto/base/clock.h"
#include "proto/base/error.h"
#include "proto/base/task.h"

#include <stdbool.h>
#include <stdint.h>

struct cm_loop;

// CM_UNAVAILABLE when RLIMIT_NOFILE leaves fewer than 64 descriptors (FACTS: gRPC aborts then).
enum cm_status cm_loop_new(struct cm_loop **out, struct cm_error *error) CM_MUST_CHECK;
// Servers and channels must be gone.
void cm_loop_free(struct cm_loop *loop);
// Until cm_loop_stop.
void cm_loop_run(struct cm_loop *loop);
// Runs what is ready, or waits at most wait_ms for one event. True if something ran.
bool cm_loop_step(struct cm_loop *loop, int64_t wait_ms);
void cm_loop_stop(struct cm_loop *loop);
struct cm_poster *cm_loop_poster(struct cm_loop *loop);

// Embedded in its owner, zeroed before first use.
struct cm_timer {
    void (*fire)(struct cm_timer *timer);
    int64_t at_ms; // private: monotonic
    size_t slot;   // private: place in the heap, from 1; 0 is unset
};

// Sets or moves it; fires once.
enum cm_status cm_timer_set(struct cm_loop *loop, struct cm_timer *timer,
                            int64_t after_ms) CM_MUST_CHECK;
void cm_timer_cancel(struct cm_loop *loop, struct cm_timer *timer);

#endif
