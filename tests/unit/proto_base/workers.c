#include "proto/base/workers.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdbool.h>

// A poster that a test pumps.
struct queue {
    struct cm_poster poster;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct cm_task *first;
};

static void put(struct cm_poster *poster, struct cm_task *task)
{
    struct queue *queue = CM_CONTAINER(poster, struct queue, poster);
    pthread_mutex_lock(&queue->lock);
    task->next = queue->first;
    queue->first = task;
    pthread_cond_signal(&queue->wake);
    pthread_mutex_unlock(&queue->lock);
}

static void pump(struct queue *queue, int count)
{
    while (count-- > 0) {
        pthread_mutex_lock(&queue->lock);
        while (queue->first == NULL) {
            pthread_cond_wait(&queue->wake, &queue->lock);
        }
        struct cm_task *task = queue->first;
        queue->first = task->next;
        pthread_mutex_unlock(&queue->lock);
        task->run(task);
    }
}

static struct queue queue = {{put}, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL};

struct square {
    struct cm_job job;
    int in;
    int out;
    pthread_t worker;
    bool done;
};

static void work(struct cm_job *job)
{
    struct square *square = CM_CONTAINER(job, struct square, job);
    square->out = square->in * square->in;
    square->worker = pthread_self();
}

static void done(struct cm_job *job)
{
    CM_CONTAINER(job, struct square, job)->done = true;
}

Test(workers, work_elsewhere_and_come_back)
{
    enum { COUNT = 200 };
    static struct square squares[COUNT];
    struct cm_workers *workers;
    cr_assert_eq(cm_workers_new(&workers, 3, COUNT, &queue.poster), CM_OK);
    for (int i = 0; i < COUNT; i++) {
        squares[i] = (struct square){.job = {.work = work, .done = done}, .in = i};
        cr_assert_eq(cm_workers_submit(workers, &squares[i].job), CM_OK);
    }
    pump(&queue, COUNT);
    for (int i = 0; i < COUNT; i++) {
        cr_assert(squares[i].done);
        cr_assert_eq(squares[i].out, i * i);
        cr_assert_not(pthread_equal(squares[i].worker, pthread_self()));
    }
    cm_workers_free(workers);
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void wait_at_gate(struct cm_job *job)
{
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    work(job);
}

Test(workers, refuse_past_their_queue_and_finish_what_they_took)
{
    static struct square squares[4];
    struct cm_workers *workers;
    cr_assert_eq(cm_workers_new(&workers, 1, 2, &queue.poster), CM_OK);
    pthread_mutex_lock(&gate);
    int taken = 0;
    for (int i = 0; i < 4; i++) {
        squares[i] = (struct square){.job = {.work = wait_at_gate, .done = done}, .in = i};
        taken += cm_workers_submit(workers, &squares[i].job) == CM_OK;
    }
    cr_expect(taken == 2 || taken == 3, "%d", taken);
    pthread_mutex_unlock(&gate);
    cm_workers_free(workers);
    pump(&queue, taken);
    cr_expect(squares[0].done && squares[1].done);
    cr_expect_not(squares[3].done);
}

Test(workers, need_a_thread)
{
    struct cm_workers *workers;
    cr_expect_eq(cm_workers_new(&workers, 0, 1, &queue.poster), CM_INVALID);
    cr_expect_eq(cm_workers_new(&workers, 65, 1, &queue.poster), CM_INVALID);
}
