#include "nodes/head_store.h"

#include "proto/base/file.h"
#include "proto/base/log.h"

#include <stdio.h>
#include <string.h>

enum cm_status cm_head_store_open(struct cm_head_store *store, const char *folder,
                                  const char *gateway, struct cm_error *error)
{
    const int len = snprintf(store->path, sizeof store->path, "%s/%s", folder, gateway);
    if (len < 0 || (size_t)len >= sizeof store->path)
        return cm_fail(error, CM_INVALID, folder, "the path is too long");
    store->note.max = store->writing.max = CM_MAX_CHECKPOINT;
    enum cm_status status = cm_file_read(&store->note, store->path, CM_MAX_CHECKPOINT, error);
    if (status == CM_NOT_FOUND)
        return CM_OK;
    struct cm_checkpoint checkpoint;
    if (!status)
        status = cm_checkpoint_parse(&checkpoint, cm_buf_bytes(&store->note), error);
    if (status) {
        cm_error_hint(error, "%s holds what this node last saw of that gateway's ledger",
                      store->path);
        return status;
    }
    store->durable = (struct cm_head){.size = checkpoint.size, .root = checkpoint.root};
    store->newest = checkpoint.size;
    return CM_OK;
}

void cm_head_store_clear(struct cm_head_store *store)
{
    cm_buf_clear(&store->note);
    cm_buf_clear(&store->writing);
}

static void answer(struct cm_keep *keep, enum cm_status status)
{
    keep->status = status;
    keep->done(keep);
}

static void write_work(struct cm_job *job)
{
    struct cm_head_store *store = CM_CONTAINER(job, struct cm_head_store, job);
    store->write_status =
        cm_file_write(store->path, cm_buf_bytes(&store->writing), 0600, &store->error);
}

static void start(struct cm_head_store *store);

// Tells those whose checkpoint is durable; after a failure all, since each waits for this file.
static void written(struct cm_job *job)
{
    struct cm_head_store *store = CM_CONTAINER(job, struct cm_head_store, job);
    struct cm_keep *waiting = store->waiting;
    struct cm_checkpoint checkpoint;
    store->busy = false;
    store->waiting = NULL;
    if (!store->write_status)
        store->write_status =
            cm_checkpoint_parse(&checkpoint, cm_buf_bytes(&store->writing), &store->error);
    if (store->write_status)
        cm_log(CM_LOG_ERROR, "checkpoint-not-kept", "file=%s error=\"%s\"", store->path,
               store->error.text);
    else
        store->durable = (struct cm_head){.size = checkpoint.size, .root = checkpoint.root};
    struct cm_keep *ready = NULL;
    while (waiting) {
        struct cm_keep *keep = waiting;
        waiting = keep->next;
        struct cm_keep **list =
            store->write_status || keep->size <= store->durable.size ? &ready : &store->waiting;
        keep->next = *list;
        *list = keep;
    }
    const enum cm_status status = store->write_status ? CM_UNAVAILABLE : CM_OK;
    if (store->waiting)
        start(store);
    while (ready) {
        struct cm_keep *keep = ready;
        ready = keep->next;
        answer(keep, status);
    }
}

static void start(struct cm_head_store *store)
{
    store->writing.len = 0;
    store->job = (struct cm_job){.work = write_work, .done = written};
    store->busy = true;
    enum cm_status status = cm_buf_add(&store->writing, store->note.data, store->note.len);
    if (!status)
        status = store->submit(store->context, &store->job);
    if (!status)
        return;
    // Only now: once submitted, the worker sets it.
    store->write_status =
        cm_fail(&store->error, status, store->path, "no memory or worker to write it");
    written(&store->job);
}

void cm_head_store_keep(struct cm_head_store *store, struct cm_keep *keep, uint64_t size,
                        struct cm_bytes note)
{
    if (size <= store->durable.size) {
        answer(keep, CM_OK);
        return;
    }
    if (size > store->newest) {
        store->note.len = 0;
        if (cm_buf_add(&store->note, note.data, note.len)) {
            answer(keep, CM_MEMORY);
            return;
        }
        store->newest = size;
    }
    keep->size = size;
    keep->next = store->waiting;
    store->waiting = keep;
    if (!store->busy)
        start(store);
}
