// A node's record of an ask, as a ledger of one entry gives it. Aborts on what can't be. One
// thread.
#ifndef CM_TESTS_SUPPORT_NODE_RECORD_H
#define CM_TESTS_SUPPORT_NODE_RECORD_H

#include "proto/envelope/signer.h"
#include "proto/ledger/node_record.h"

// What ask names, recorded by signer's ledger; borrows from arena.
void node_record_make(struct cm_record *out, struct cm_arena *arena, struct cm_signer *signer,
                      const struct cm_node_ask *ask);
// Any entry, so.
void node_record_of(struct cm_record *out, struct cm_arena *arena, struct cm_signer *signer,
                    const struct cm_entry *entry);

#endif
