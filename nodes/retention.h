// Deletes, in the background and in small batches, what the rules' `retain` or a row's own expiry
// has outlived. Loop thread; deletes on a worker.
#ifndef CM_NODES_RETENTION_H
#define CM_NODES_RETENTION_H

#include "nodes/store/store.h"
#include "proto/base/workers.h"

struct cm_retention {
    struct cm_store *store;
    enum cm_status (*submit)(void *context, struct cm_job *job);
    // A sweep ended: rows deleted that were captured before before_ms, or had expired.
    void (*swept)(void *context, uint64_t rows, int64_t before_ms);
    void *context;
    bool busy;
    bool stopping;
    int64_t before_ms, now_ms;
    uint64_t deleted, total;
    enum cm_status status;
    struct cm_error error;
    struct cm_job job;
};

// Nothing while a sweep is under way. retain_s: INT64_MAX for none.
void cm_retention_sweep(struct cm_retention *retention, int64_t retain_s, int64_t now_ms);

#endif
