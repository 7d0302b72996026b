// The newest checkpoint of one gateway that this node has verified, in a file: what makes a split
// view visible after a restart too. Several waiters share one write. Loop thread; writes on
// workers.
#ifndef CM_NODES_HEAD_STORE_H
#define CM_NODES_HEAD_STORE_H

#include "nodes/record_check.h"
#include "proto/base/workers.h"

// Waits until a checkpoint is durably remembered. Embedded in its owner.
struct cm_keep {
    void (*done)(struct cm_keep *keep);
    enum cm_status status; // set when done runs
    uint64_t size, epoch;  // private
    struct cm_keep *next;  // private
};

struct cm_head_store {
    char path[4096];
    char base[CM_MAX_ORIGIN + 1];
    struct cm_seen durable;
    unsigned slot;         // of the file's two, the one that holds durable
    struct cm_seen newest; // of note
    struct cm_buf note;
    struct cm_keep *waiting;
    struct cm_buf writing; // the note being written
    unsigned writing_slot;
    bool busy;
    enum cm_status write_status;
    struct cm_error error;
    struct cm_job job;
    enum cm_status (*submit)(void *context, struct cm_job *job);
    void *context;
};

// Loads folder/gateway, of the ledger that began as base; nothing there is the beginning.
// CM_INVALID: what is there is no checkpoint of it.
enum cm_status cm_head_store_open(struct cm_head_store *store, const char *folder,
                                  const char *gateway, const char *base,
                                  struct cm_error *error) CM_MUST_CHECK;
// Nothing must be waiting.
void cm_head_store_clear(struct cm_head_store *store);
// note: a verified checkpoint of that size that continues all before it. keep->done runs once it,
// or a later one, is durable; it may run before this returns.
// keep may be NULL: nothing waits, and it is written with the next one that is waited for, or by
// cm_head_store_settle.
void cm_head_store_keep(struct cm_head_store *store, struct cm_keep *keep, uint64_t size,
                        struct cm_bytes note);

// Writes the newest, if that isn't durable and none is being written.
void cm_head_store_settle(struct cm_head_store *store);

#endif
