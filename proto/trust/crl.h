// One certificate revocation list whose signature was verified by a pinned key: its number, its
// dates, whom it names. Reference-counted, immutable; any thread.
#ifndef CM_TRUST_CRL_H
#define CM_TRUST_CRL_H

#include "proto/base/error.h"
#include "proto/envelope/key.h"

#include <openssl/x509.h>
#include <stdatomic.h>

struct cm_crl {
    atomic_uint references;
    X509_CRL *x509;
    struct cm_bytes der;     // owned
    struct cm_digest digest; // of der
    struct cm_digest issuer; // the signing key's hash
    uint64_t number;
    int64_t this_update_ms;
    int64_t next_update_ms;
};

// Whether a key's hash is one that may sign CRLs here.
typedef bool (*cm_crl_accepts)(void *context, const struct cm_digest *key_hash);

// CM_UNAUTHENTICATED unless an accepted key signed it and it keeps to the profile: number, no
// critical extension, this update not in the future.
enum cm_status cm_crl_parse(struct cm_crl **out, struct cm_bytes der, cm_crl_accepts accepts,
                            void *context, int64_t now_ms, struct cm_error *error) CM_MUST_CHECK;
struct cm_crl *cm_crl_ref(struct cm_crl *crl);
void cm_crl_unref(struct cm_crl *crl);

// Whether serial is revoked as of as_of_ms. A time before the list's own is judged by the dates of
// revocation in it.
bool cm_crl_revokes(const struct cm_crl *crl, const X509 *certificate, int64_t as_of_ms);
// Whether it is named at all; *since_ms: the date of revocation, INT64_MIN where it has none.
bool cm_crl_names(int64_t *since_ms, const struct cm_crl *crl, const X509 *certificate);

#endif
