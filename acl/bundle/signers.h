// Whose signatures rules and overlays carry. Any thread.
#ifndef CM_ACL_SIGNERS_H
#define CM_ACL_SIGNERS_H

#include "proto/trust/trust.h"

// Every signature of envelope, judged as of as_of_ms, is of people or a node of this very agency:
// else CM_UNAUTHENTICATED or CM_FORBIDDEN.
enum cm_status cm_rules_signers(struct cm_trust *trust, const struct cm_envelope *envelope,
                                const char *agency, int64_t as_of_ms,
                                struct cm_error *error) CM_MUST_CHECK;

#endif
