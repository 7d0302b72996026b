// Copies of what this agency's people asked, as one gateway sends them: checked on a worker,
// recorded once, then acknowledged. Loop thread.
#ifndef CM_NODES_COPIES_H
#define CM_NODES_COPIES_H

#include "nodes/ports.h"
#include "proto/codec/gateway.h"

struct cm_copy_item;

struct cm_copies_ops {
    // It is in the own ledger, by now or since long.
    void (*copied)(void *context, uint64_t number);
    // The gateway lies.
    void (*forged)(void *context, const struct cm_error *error);
    // One less is under way.
    void (*ended)(void *context);
};

// Embedded in its owner; outlives its items.
struct cm_copies {
    struct cm_node *node;
    const struct cm_copies_ops *ops;
    void *context;
    unsigned session;           // what the last one sent is acknowledged to nobody else
    struct cm_copy_item *first; // under way
    size_t bytes;               // of them
};

// Takes arena, and copy (which borrows from it), whatever it returns. bytes: of the message. Not
// CM_OK: it wasn't begun.
enum cm_status cm_copies_take(struct cm_copies *copies, struct cm_arena *arena,
                              const struct cm_copy *copy, struct cm_signatory *gateway,
                              size_t bytes) CM_MUST_CHECK;
// The session is over: what is under way is still recorded, and acknowledged when it comes again.
void cm_copies_lost(struct cm_copies *copies);

#endif
