// The newest CRL of each issuer that a snapshot knows, by the issuing key's hash. Immutable once
// built; any thread.
#ifndef CM_TRUST_CRL_SET_H
#define CM_TRUST_CRL_SET_H

#include "proto/trust/crl.h"
#include "proto/trust/crl_floors.h"

struct cm_crl_set {
    size_t count;
    struct cm_crl **crls; // strictly ascending by issuer
    struct cm_crl_floors floors;
};

struct cm_crl_source {
    const struct cm_bytes *ders; // as they came, not yet verified
    size_t count;
    const struct cm_crl_set *seen;      // of the snapshot before, or NULL
    const struct cm_crl_floors *floors; // more than seen's own, or NULL
    cm_crl_accepts accepts;
    void *context;
    const struct cm_digest *root; // the root's key: its CRL may live longer than 24 hours
    int64_t now_ms;
};

// The highest number of each issuer stands, of two with one number the one seen first. What does
// not verify, or has a lower number than was ever seen, is left out and logged.
enum cm_status cm_crl_set_init(struct cm_crl_set *out,
                               const struct cm_crl_source *source) CM_MUST_CHECK;
void cm_crl_set_clear(struct cm_crl_set *set);
// NULL when there is none.
const struct cm_crl *cm_crl_set_find(const struct cm_crl_set *set, const struct cm_digest *issuer);

#endif
