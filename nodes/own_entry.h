// One entry of the node's own ledger with the access record that goes with it, sealed, on its way
// to the disk. Embedded in its owner. Loop thread.
#ifndef CM_NODES_OWN_ENTRY_H
#define CM_NODES_OWN_ENTRY_H

#include "proto/ledger/access.h"
#include "proto/ledger/ledger.h"

struct cm_node;

struct cm_own_entry {
    struct cm_append append;
    struct cm_buf entry;
    // private
    struct cm_buf sealed;
    struct cm_access asked; // its question alone
    int64_t recorded_ms;
};

// access NULL: nothing clear goes with it; its question must live until done. done gets
// &own->append, and calls cm_own_entry_landed.
enum cm_status cm_own_entry_append(struct cm_own_entry *own, struct cm_node *node,
                                   const struct cm_entry *entry, const struct cm_access *access,
                                   void (*done)(struct cm_append *append)) CM_MUST_CHECK;
// The same, but instead of CM_EXHAUSTED it waits for room in node->appends.
enum cm_status cm_own_entry_queue(struct cm_own_entry *own, struct cm_node *node,
                                  const struct cm_entry *entry, const struct cm_access *access,
                                  void (*done)(struct cm_append *append)) CM_MUST_CHECK;
// In done: what others may lean on from now on.
void cm_own_entry_landed(struct cm_own_entry *own, struct cm_node *node);
// That entry as evidence for others; borrows from own and from arena. After done with CM_OK.
enum cm_status cm_own_entry_prove(struct cm_record *out, struct cm_arena *arena,
                                  const struct cm_own_entry *own,
                                  struct cm_node *node) CM_MUST_CHECK;
void cm_own_entry_clear(struct cm_own_entry *own);

#endif
