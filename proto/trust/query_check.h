// The checks that gateway and node each make of a query by themselves, in WIRE.md's order up to
// replay. Pure but for the trust snapshot's cache; any thread (workers).
#ifndef CM_TRUST_QUERY_CHECK_H
#define CM_TRUST_QUERY_CHECK_H

#include "proto/codec/query.h"
#include "proto/trust/trust.h"

struct cm_query_expectation {
    const char *gateway; // the name the query must carry
    const struct cm_identity
        *caller;      // Lookup's TLS identity: must be the signer's name; NULL at a node
    unsigned actions; // served: bits 1u << enum cm_action
    int64_t now_ms;
};

struct cm_checked_query {
    struct cm_query query; // borrows from the arena; a reach too (is_reach)
    bool is_reach;
    struct cm_digest digest; // SHA-256(payload)
    struct cm_digest replay_key;
    struct cm_signatory *signer;
    unsigned evidence; // bits 1u << enum cm_evidence: case, supervisor, attestation verified;
                       // court-order claimed
    struct cm_approval approval; // where evidence has SUPERVISOR
    struct cm_digest approval_digest;
};

// INVALID: form, purpose or agency not in the directory, case number that doesn't fit, window that
// starts in the future; UNAUTHENTICATED; FORBIDDEN: role, caller; STALE: issued, expires,
// federation, gateway; NOT_SERVED: action. An approval that does not hold for this very query is
// INVALID at "evidence.approval". Of a query that is refused out holds the digest alone, for the
// refusal.
enum cm_status cm_query_check(struct cm_checked_query *out, struct cm_arena *arena,
                              struct cm_trust *trust, const struct cm_envelope *envelope,
                              const struct cm_query_expectation *expectation,
                              struct cm_error *error) CM_MUST_CHECK;
// Releases the signer and wipes the rest.
void cm_checked_query_clear(struct cm_checked_query *checked);

#endif
