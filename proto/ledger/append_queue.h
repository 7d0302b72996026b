// Appends that nobody tries again but the queue: while the ledger has no room they wait here,
// oldest first. Loop thread.
#ifndef CM_LEDGER_APPEND_QUEUE_H
#define CM_LEDGER_APPEND_QUEUE_H

#include "proto/ledger/ledger.h"

struct cm_append_queue {
    enum cm_status (*append)(void *context, struct cm_append *append); // as cm_ledger_append
    void *context;
    // private; zeroed at first
    struct cm_append *waiting;
    bool retrying;
};

// CM_OK: done will run, whatever comes of it. Otherwise, never with CM_EXHAUSTED, it won't.
enum cm_status cm_append_queue_add(struct cm_append_queue *queue,
                                   struct cm_append *append) CM_MUST_CHECK;
// Those that wait, as far as there is room; done runs for one that can't be recorded at all.
void cm_append_queue_retry(struct cm_append_queue *queue);
// Nothing more is recorded: done runs for all that wait, with CM_EXHAUSTED.
void cm_append_queue_drop(struct cm_append_queue *queue);

#endif
