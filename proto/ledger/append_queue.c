#include "proto/ledger/append_queue.h"

static void fail(struct cm_append *append, enum cm_status status)
{
    append->status = status;
    append->head = NULL;
    append->done(append);
}

enum cm_status cm_append_queue_add(struct cm_append_queue *queue, struct cm_append *append)
{
    struct cm_append **last = &queue->waiting;
    cm_append_queue_retry(queue);
    const enum cm_status status =
        queue->waiting ? CM_EXHAUSTED : queue->append(queue->context, append);
    if (status != CM_EXHAUSTED) {
        return status;
    }
    while (*last) {
        last = &(*last)->next;
    }
    append->next = NULL;
    *last = append;
    return CM_OK;
}

void cm_append_queue_retry(struct cm_append_queue *queue)
{
    enum cm_status status = CM_OK;
    if (queue->retrying) {
        return; // by a done that runs here
    }
    queue->retrying = true;
    while (queue->waiting && status != CM_EXHAUSTED) {
        struct cm_append *first = queue->waiting;
        struct cm_append *next = first->next; // the ledger has its own use for it
        status = queue->append(queue->context, first);
        if (status == CM_EXHAUSTED) {
            continue;
        }
        queue->waiting = next;
        if (status) {
            fail(first, status);
        }
    }
    queue->retrying = false;
}

void cm_append_queue_drop(struct cm_append_queue *queue)
{
    struct cm_append *first = queue->waiting;
    queue->waiting = NULL;
    while (first) {
        struct cm_append *next = first->next;
        fail(first, CM_EXHAUSTED);
        first = next;
    }
}
