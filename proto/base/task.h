// A task is embedded in its owner and runs once on the loop thread; a poster brings it there from
// any thread. Port: the rpc loop is the real poster, tests pump a queue.
#ifndef CM_BASE_TASK_H
#define CM_BASE_TASK_H

#include <stddef.h>

#define CM_CONTAINER(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

struct cm_task {
    void (*run)(struct cm_task *task);
    struct cm_task *next; // the queue's, while posted
};

struct cm_poster {
    // Any thread. The task must stay alive until it has run; it must not be posted twice meanwhile.
    void (*post)(struct cm_poster *poster, struct cm_task *task);
};

static inline void cm_post(struct cm_poster *poster, struct cm_task *task)
{
    poster->post(poster, task);
}

#endif
