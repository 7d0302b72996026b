// One X.509 certificate, held to the federation's profile: P-256 with SHA-256, one URI name, key
// usage and basic constraints that fit. Paths are signatory.h. Immutable once parsed; any thread.
#ifndef CM_TRUST_CERTIFICATE_H
#define CM_TRUST_CERTIFICATE_H

#include "proto/base/error.h"
#include "proto/codec/bounds.h"
#include "proto/envelope/key.h"

#include <openssl/x509.h>

struct cm_certificate {
    X509 *x509;
    struct cm_key *key;
    char uri[4 * CM_MAX_ID];
    int64_t not_before_ms;
    int64_t not_after_ms; // the first instant at which it is over
    bool is_ca;
    long path_length; // -1: no bound
};

// where names it in errors. CM_UNAUTHENTICATED when it does not keep to the profile.
enum cm_status cm_certificate_parse(struct cm_certificate *out, struct cm_bytes der,
                                    const char *where, struct cm_error *error) CM_MUST_CHECK;
// The same from PEM that holds exactly one.
enum cm_status cm_certificate_parse_pem(struct cm_certificate *out, struct cm_bytes pem,
                                        const char *where, struct cm_error *error) CM_MUST_CHECK;
void cm_certificate_clear(struct cm_certificate *certificate);

// Name, key identifiers and signature; issuer must be a CA.
bool cm_certificate_issued(const struct cm_certificate *issuer, const struct cm_certificate *child);
// CM_UNAUTHENTICATED outside its dates.
enum cm_status cm_certificate_dates(const struct cm_certificate *certificate, int64_t as_of_ms,
                                    const char *where, struct cm_error *error) CM_MUST_CHECK;
// A certificate's or CRL's time in UTC milliseconds.
bool cm_certificate_time(int64_t *out, const ASN1_TIME *time);

#endif
