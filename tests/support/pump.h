// A loop for tests without a network: tasks are posted from any thread and run by whoever pumps.
#ifndef CM_TESTS_SUPPORT_PUMP_H
#define CM_TESTS_SUPPORT_PUMP_H

#include "proto/base/task.h"

#include <pthread.h>
#include <stdbool.h>

struct pump {
    struct cm_poster poster;
    pthread_mutex_t lock;
    pthread_cond_t posted;
    struct cm_task *first, **last;
};

void pump_init(struct pump *pump);
// Runs one task, waiting for it.
void pump_one(struct pump *pump);
// Runs what is posted already.
void pump_drain(struct pump *pump);

#endif
