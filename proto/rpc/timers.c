#include "proto/rpc/timers.h"

#include <stdlib.h>

static void place(struct cm_timers *timers, size_t slot, struct cm_timer *timer)
{
    timers->heap[slot] = timer;
    timer->slot = slot;
}

static void sift_up(struct cm_timers *timers, size_t slot, struct cm_timer *timer)
{
    while (slot > 1 && timers->heap[slot / 2]->at_ms > timer->at_ms) {
        place(timers, slot, timers->heap[slot / 2]);
        slot /= 2;
    }
    place(timers, slot, timer);
}

static void sift_down(struct cm_timers *timers, size_t slot, struct cm_timer *timer)
{
    for (;;) {
        size_t child = 2 * slot;
        if (child > timers->count) {
            break;
        }
        if (child < timers->count && timers->heap[child + 1]->at_ms < timers->heap[child]->at_ms) {
            child++;
        }
        if (timers->heap[child]->at_ms >= timer->at_ms) {
            break;
        }
        place(timers, slot, timers->heap[child]);
        slot = child;
    }
    place(timers, slot, timer);
}

void cm_timers_clear(struct cm_timers *timers)
{
    for (size_t i = 1; i <= timers->count; i++) {
        timers->heap[i]->slot = 0;
    }
    free(timers->heap);
    *timers = (struct cm_timers){0};
}

enum cm_status cm_timers_set(struct cm_timers *timers, struct cm_timer *timer, int64_t at_ms)
{
    cm_timers_cancel(timers, timer);
    if (timers->count + 1 >= timers->cap) {
        size_t cap = timers->cap ? 2 * timers->cap : 16;
        struct cm_timer **heap = realloc(timers->heap, cap * sizeof(struct cm_timer *));
        if (!heap) {
            return CM_MEMORY;
        }
        timers->heap = heap;
        timers->cap = cap;
    }
    timer->at_ms = at_ms;
    timers->count++;
    sift_up(timers, timers->count, timer);
    return CM_OK;
}

void cm_timers_cancel(struct cm_timers *timers, struct cm_timer *timer)
{
    size_t slot = timer->slot;
    if (!slot) {
        return;
    }
    timer->slot = 0;
    struct cm_timer *last = timers->heap[timers->count--];
    if (last == timer) {
        return;
    }
    if (slot > 1 && timers->heap[slot / 2]->at_ms > last->at_ms) {
        sift_up(timers, slot, last);
    } else {
        sift_down(timers, slot, last);
    }
}

int64_t cm_timers_next_ms(const struct cm_timers *timers)
{
    return timers->count ? timers->heap[1]->at_ms : INT64_MAX;
}

bool cm_timers_run(struct cm_timers *timers, int64_t now_ms)
{
    bool fired = false;
    for (size_t left = timers->count; left && cm_timers_next_ms(timers) <= now_ms; left--) {
        struct cm_timer *timer = timers->heap[1];
        cm_timers_cancel(timers, timer);
        timer->fire(timer);
        fired = true;
    }
    return fired;
}
