// A leaf whose path to the federation's root holds for good: signatures, names, constraints. What
// changes with time or with the directory is judged at each use (judge.h). Immutable; any thread.
#ifndef CM_TRUST_SIGNATORY_H
#define CM_TRUST_SIGNATORY_H

#include "proto/trust/certificate.h"
#include "proto/trust/trust.h"

#include <stdatomic.h>

struct cm_signatory {
    atomic_uint references;
    struct cm_identity identity;
    struct cm_certificate leaf;
    struct cm_certificate ca; // x509 NULL: issued by the root
};

// chain: leaf, the agency's CA unless the root issued the leaf, optionally the root.
// CM_UNAUTHENTICATED says what is wrong.
enum cm_status cm_signatory_new(struct cm_signatory **out, const struct cm_certificate *root,
                                const struct cm_bytes *chain, size_t count,
                                struct cm_error *error) CM_MUST_CHECK;

#endif
