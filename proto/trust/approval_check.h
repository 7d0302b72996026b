// A supervisor's approval that rides in a query: whether it is one of this very query, by another
// person and key of the requester's agency. Pure but for the trust snapshot's cache; any thread.
#ifndef CM_TRUST_APPROVAL_CHECK_H
#define CM_TRUST_APPROVAL_CHECK_H

#include "proto/codec/query.h"
#include "proto/trust/trust.h"

// Everything but the signature: out borrows from arena. CM_INVALID at "evidence.approval".
enum cm_status cm_approval_read(struct cm_approval *out, struct cm_arena *arena,
                                const struct cm_query *query, int64_t now_ms,
                                struct cm_error *error) CM_MUST_CHECK;
// The signature. requester: the query's verified signer.
enum cm_status cm_approval_verify(const struct cm_approval *approval, struct cm_trust *trust,
                                  const struct cm_query *query, const struct cm_identity *requester,
                                  int64_t now_ms, struct cm_error *error) CM_MUST_CHECK;

#endif
