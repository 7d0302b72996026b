// Whether a ledger's keeper proves that it recorded something: an entry, its place in the tree, the
// signed tree head. Pure; any thread.
#ifndef CM_LEDGER_RECORD_H
#define CM_LEDGER_RECORD_H

#include "proto/codec/entry.h"
#include "proto/ledger/checkpoint.h"

// The epoch of the ledger that origin names: 1 for first itself, n for "<first>/epoch/<n>"; 0 for
// another ledger.
uint64_t cm_origin_epoch(const char *origin, const char *first);

// entry decodes, checkpoint is signed by key as the ledger of spiffe (any epoch), the entry lies
// under it. out borrows from arena and the record. CM_UNAUTHENTICATED for the signature, else
// CM_INVALID.
enum cm_status cm_record_open(struct cm_entry *out, struct cm_checkpoint *head,
                              struct cm_arena *arena, const struct cm_record *record,
                              const char *spiffe, const struct cm_key *key,
                              struct cm_error *error) CM_MUST_CHECK;

#endif
