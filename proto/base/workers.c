#include "proto/base/workers.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

enum { MAX_THREADS = 64 };

struct cm_workers {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct cm_job *first;
    struct cm_job **last;
    unsigned waiting;
    unsigned queue;
    bool closing;
    struct cm_poster *poster;
    unsigned thread_count;
    pthread_t threads[MAX_THREADS];
};

static void come_back(struct cm_task *task)
{
    struct cm_job *job = CM_CONTAINER(task, struct cm_job, back);
    job->done(job);
}

static struct cm_job *take(struct cm_workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    while (workers->first == NULL && !workers->closing) {
        pthread_cond_wait(&workers->wake, &workers->lock);
    }
    struct cm_job *job = workers->first;
    if (job != NULL) {
        workers->first = job->next;
        if (workers->first == NULL) {
            workers->last = &workers->first;
        }
        workers->waiting--;
    }
    pthread_mutex_unlock(&workers->lock);
    return job;
}

static void *run(void *context)
{
    struct cm_workers *workers = context;
    for (struct cm_job *job = take(workers); job != NULL; job = take(workers)) {
        job->work(job);
        cm_post(workers->poster, &job->back);
    }
    return NULL;
}

// Signals belong to the loop thread.
static int start_thread(struct cm_workers *workers, pthread_t *thread)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(thread, NULL, run, workers);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

enum cm_status cm_workers_new(struct cm_workers **out, unsigned threads, unsigned queue,
                              struct cm_poster *poster)
{
    if (threads < 1 || threads > MAX_THREADS) {
        return CM_INVALID;
    }
    struct cm_workers *workers = calloc(1, sizeof *workers);
    if (workers == NULL) {
        return CM_MEMORY;
    }
    workers->last = &workers->first;
    workers->queue = queue;
    workers->poster = poster;
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->wake, NULL);
    for (unsigned i = 0; i < threads; i++) {
        if (start_thread(workers, &workers->threads[i]) != 0) {
            cm_workers_free(workers);
            return CM_UNAVAILABLE;
        }
        workers->thread_count++;
    }
    *out = workers;
    return CM_OK;
}

enum cm_status cm_workers_submit(struct cm_workers *workers, struct cm_job *job)
{
    job->next = NULL;
    job->back = (struct cm_task){.run = come_back};
    pthread_mutex_lock(&workers->lock);
    bool full = workers->waiting >= workers->queue;
    if (!full) {
        *workers->last = job;
        workers->last = &job->next;
        workers->waiting++;
        pthread_cond_signal(&workers->wake);
    }
    pthread_mutex_unlock(&workers->lock);
    return full ? CM_EXHAUSTED : CM_OK;
}

void cm_workers_free(struct cm_workers *workers)
{
    if (workers == NULL) {
        return;
    }
    pthread_mutex_lock(&workers->lock);
    workers->closing = true;
    pthread_cond_broadcast(&workers->wake);
    pthread_mutex_unlock(&workers->lock);
    for (unsigned i = 0; i < workers->thread_count; i++) {
        pthread_join(workers->threads[i], NULL);
    }
    pthread_cond_destroy(&workers->wake);
    pthread_mutex_destroy(&workers->lock);
    free(workers);
}
