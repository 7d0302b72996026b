// A few threads for what blocks: crypto, SQLite, libpq, fsync. Jobs come back to the loop through
// the poster. submit on the loop thread; `work` runs on a worker, `done` on the loop thread.
#ifndef CM_BASE_WORKERS_H
#define CM_BASE_WORKERS_H

#include "proto/base/status.h"
#include "proto/base/task.h"

struct cm_workers;

// Embedded in its owner; alive until `done` has run.
struct cm_job {
    void (*work)(struct cm_job *job);
    void (*done)(struct cm_job *job);
    struct cm_task back; // private
    struct cm_job *next; // private
};

// threads: 1 to 64. queue bounds the jobs that wait.
enum cm_status cm_workers_new(struct cm_workers **out, unsigned threads, unsigned queue,
                              struct cm_poster *poster) CM_MUST_CHECK;
// CM_EXHAUSTED when the queue is full; then nothing is called.
enum cm_status cm_workers_submit(struct cm_workers *workers, struct cm_job *job) CM_MUST_CHECK;
// Finishes what is queued, joins the threads. The `done` of these jobs is posted before it returns.
void cm_workers_free(struct cm_workers *workers);

#endif
