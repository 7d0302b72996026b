// What a gateway says of its record of a query, held against what only an honest one can show: the
// query is for us, the entry is of this very query, the leaf is ours and permits, the entry lies
// under a checkpoint that the gateway signed, and that checkpoint continues the one seen before.
// Pure; any thread.
#ifndef CM_NODES_RECORD_CHECK_H
#define CM_NODES_RECORD_CHECK_H

#include "proto/codec/gateway.h"
#include "proto/ledger/witness.h"
#include "proto/trust/query_check.h"

// All CM_INVALID (CM_UNAUTHENTICATED for the signature): the gateway's record does not hold.

// The checkpoint: form, origin, the gateway's signature.
enum cm_status cm_record_check_head(struct cm_checkpoint *out, const struct cm_ask *ask,
                                    const char *origin, const struct cm_key *key,
                                    struct cm_error *error) CM_MUST_CHECK;
// The entry under that checkpoint and the leaf under the entry. leaf: which rules were decided by.
// serial: of the newest directory here; a gateway sends its own before it asks by it.
enum cm_status cm_record_check_entry(struct cm_decision_leaf *leaf, struct cm_arena *arena,
                                     const struct cm_ask *ask,
                                     const struct cm_checked_query *checked,
                                     const struct cm_checkpoint *checkpoint, const char *agency,
                                     uint64_t serial, int64_t now_ms,
                                     struct cm_error *error) CM_MUST_CHECK;
// The checkpoint continues head, which then moves to it.
enum cm_status cm_record_check_growth(struct cm_seen *head, const struct cm_checkpoint *checkpoint,
                                      const struct cm_consistency *proof,
                                      struct cm_error *error) CM_MUST_CHECK;

#endif
