// What a certificate and a revocation list say that Comity issues: laid out here and nowhere else.
// Any thread.
#ifndef CM_TRUST_CLI_ISSUE_H
#define CM_TRUST_CLI_ISSUE_H

#include "proto/trust/cli/certs.h"

enum {
    CM_ISSUE_MAX_CRL_HOURS = 24,
    // Dates begin this much earlier, for readers whose clocks are behind.
    CM_ISSUE_BACKDATE_S = 300,
};

struct cm_issue {
    const struct cm_subject *subject;
    EVP_PKEY *subject_key; // the public half is enough
    X509 *issuer;          // NULL: self-signed
    EVP_PKEY *issuer_key;
    int64_t now_ms;
    int days; // cut where the issuer's own end comes first
};
// Not checked here: whether that issuer may (cm_subject_issues), the key (cm_keyfile_pin).
enum cm_status cm_issue_certificate(X509 **out, const struct cm_issue *issue,
                                    struct cm_error *error) CM_MUST_CHECK;

struct cm_revoked {
    uint8_t serial[CM_SERIAL_SIZE];
    int64_t revoked_ms;
    int reason; // RFC 5280 section 5.3.1; 0: unspecified
};
// Appends DER. hours: 1 to CM_ISSUE_MAX_CRL_HOURS.
enum cm_status cm_issue_crl(struct cm_buf *out, X509 *issuer, EVP_PKEY *issuer_key, uint64_t number,
                            const struct cm_revoked *revoked, size_t count, int64_t now_ms,
                            int hours, struct cm_error *error) CM_MUST_CHECK;

#endif
