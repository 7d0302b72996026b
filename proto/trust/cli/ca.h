// A certificate authority's folder: ca.key, ca.pem and ca.json, which lists what it issued, what it
// revoked and its last CRL number. Locked while open; every change is on disk before its effect is.
// Main thread only.
#ifndef CM_TRUST_CLI_CA_H
#define CM_TRUST_CLI_CA_H

#include "proto/trust/cli/issue.h"

struct cm_ca;

// Makes folder/ca.key, folder/ca.json and, for a root, folder/ca.pem, else folder/ca.csr, in a
// folder that holds none of them; the folder itself if need be.
enum cm_status cm_ca_create(const char *folder, const struct cm_subject *subject,
                            const char *passphrase, int64_t now_ms, int days,
                            struct cm_error *error) CM_MUST_CHECK;

enum cm_status cm_ca_open(struct cm_ca **out, const char *folder,
                          struct cm_error *error) CM_MUST_CHECK;
void cm_ca_close(struct cm_ca *ca);
const struct cm_subject *cm_ca_subject(const struct cm_ca *ca);
X509 *cm_ca_certificate(const struct cm_ca *ca);

// Opens ca.key and checks that it is the certificate's.
enum cm_status cm_ca_unlock(struct cm_ca *ca, const char *passphrase,
                            struct cm_error *error) CM_MUST_CHECK;
// Unlocked first. Issues to a subject and key that the caller has shown to its user, and records
// it. CM_FORBIDDEN when the name isn't this CA's to give.
enum cm_status cm_ca_issue(X509 **out, struct cm_ca *ca, const struct cm_subject *subject,
                           EVP_PKEY *key, int64_t now_ms, int days,
                           struct cm_error *error) CM_MUST_CHECK;
// Unlocked first. The next CRL, DER, appended to out.
enum cm_status cm_ca_crl(struct cm_buf *out, uint64_t *number, struct cm_ca *ca, int64_t now_ms,
                         int hours, struct cm_error *error) CM_MUST_CHECK;

// reason: RFC 5280 section 5.3.1. CM_FORBIDDEN when this CA didn't issue it.
enum cm_status cm_ca_revoke(struct cm_ca *ca, X509 *certificate, int reason, int64_t now_ms,
                            struct cm_error *error) CM_MUST_CHECK;
// Every certificate of that name which still holds; *count says how many. CM_NOT_FOUND for none.
enum cm_status cm_ca_revoke_name(size_t *count, struct cm_ca *ca, const char *spiffe, int reason,
                                 int64_t now_ms, struct cm_error *error) CM_MUST_CHECK;

#endif
