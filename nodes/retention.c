#include "nodes/retention.h"

#include "proto/base/log.h"

enum { BATCH = 1000 };

static struct cm_retention *of_job(struct cm_job *job)
{
    return CM_CONTAINER(job, struct cm_retention, job);
}

static void work(struct cm_job *job)
{
    struct cm_retention *retention = of_job(job);
    struct cm_store *store = retention->store;
    retention->deleted = 0;
    retention->status = store->ops->expire(store, retention->before_ms, retention->now_ms, BATCH,
                                           &retention->deleted, &retention->error);
}

static void done(struct cm_job *job)
{
    struct cm_retention *retention = of_job(job);
    retention->total += retention->deleted;
    if (retention->status) {
        cm_log(CM_LOG_ERROR, "retention-failed", "status=%s error=\"%s\"",
               cm_status_name(retention->status), retention->error.text);
    } else if (retention->deleted == BATCH && !retention->stopping &&
               retention->submit(retention->context, &retention->job) == CM_OK) {
        return;
    }
    retention->busy = false;
    if (retention->total > 0) {
        retention->swept(retention->context, retention->total, retention->before_ms);
    }
}

void cm_retention_sweep(struct cm_retention *retention, int64_t retain_s, int64_t now_ms)
{
    if (!retention->store || retention->busy || retention->stopping) {
        return;
    }
    retention->before_ms = retain_s < now_ms / 1000 ? now_ms - (retain_s + 1) * 1000 + 1 : 0;
    retention->now_ms = now_ms;
    retention->total = 0;
    retention->job = (struct cm_job){.work = work, .done = done};
    retention->busy = retention->submit(retention->context, &retention->job) == CM_OK;
}
