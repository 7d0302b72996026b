#include "tests/support/pump.h"

static void post(struct cm_poster *poster, struct cm_task *task)
{
    struct pump *pump = CM_CONTAINER(poster, struct pump, poster);
    pthread_mutex_lock(&pump->lock);
    task->next = NULL;
    *pump->last = task;
    pump->last = &task->next;
    pthread_cond_signal(&pump->posted);
    pthread_mutex_unlock(&pump->lock);
}

void pump_init(struct pump *pump)
{
    *pump = (struct pump){.poster.post = post};
    pump->last = &pump->first;
    pthread_mutex_init(&pump->lock, NULL);
    pthread_cond_init(&pump->posted, NULL);
}

static struct cm_task *take(struct pump *pump, bool wait)
{
    pthread_mutex_lock(&pump->lock);
    while (wait && !pump->first) {
        pthread_cond_wait(&pump->posted, &pump->lock);
    }
    struct cm_task *task = pump->first;
    if (task && !(pump->first = task->next)) {
        pump->last = &pump->first;
    }
    pthread_mutex_unlock(&pump->lock);
    return task;
}

void pump_one(struct pump *pump)
{
    struct cm_task *task = take(pump, true);
    task->run(task);
}

void pump_drain(struct pump *pump)
{
    for (struct cm_task *task; (task = take(pump, false));) {
        task->run(task);
    }
}
