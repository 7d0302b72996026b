// Whether what a gateway sends as a copy is true: a question that somebody of this agency signed,
// the gateway's own record of it, and the signed account of how it ended. Pure; any thread.
#ifndef CM_NODES_COPY_CHECK_H
#define CM_NODES_COPY_CHECK_H

#include "proto/codec/gateway.h"
#include "proto/trust/trust.h"

struct cm_copy_expectation {
    const char *agency;                 // ours
    const struct cm_signatory *gateway; // who TLS says sent it
};

// The copy's entry for the own ledger, but for when it is recorded; it borrows from arena.
// CM_INVALID, CM_FORBIDDEN: the gateway lies. CM_UNAUTHENTICATED: a chain does not hold by the
// newest directory, which may be nobody's lie; CM_MEMORY.
enum cm_status cm_copy_check(struct cm_entry *out, struct cm_arena *arena, struct cm_trust *trust,
                             const struct cm_copy *copy,
                             const struct cm_copy_expectation *expectation,
                             struct cm_error *error) CM_MUST_CHECK;

#endif
