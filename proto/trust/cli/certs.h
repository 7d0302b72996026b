// Certificate requests made and read, certificates read, by OpenSSL; what they say of whom.
// Issuing is issue.h. Any thread.
#ifndef CM_TRUST_CLI_CERTS_H
#define CM_TRUST_CLI_CERTS_H

#include "proto/trust/cli/subject.h"

#include <openssl/x509.h>

enum {
    CM_CERTS_MAX_FILE = 64 * 1024,
    CM_SERIAL_SIZE = 16,
    CM_FINGERPRINT_TEXT = 80,
};

enum cm_status cm_certs_request(X509_REQ **out, EVP_PKEY *key, const struct cm_subject *subject,
                                struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_certs_request_pem(struct cm_buf *out, X509_REQ *request,
                                    struct cm_error *error) CM_MUST_CHECK;
// PEM. Checks the request's own signature; nothing but key and name is to be taken from it.
enum cm_status cm_certs_read_request(X509_REQ **out, struct cm_subject *subject, const char *path,
                                     struct cm_error *error) CM_MUST_CHECK;
// SHA-256 over the request's DER, in groups of four digits, to be told by another channel.
enum cm_status cm_certs_fingerprint(char out[CM_FINGERPRINT_TEXT], X509_REQ *request,
                                    struct cm_error *error) CM_MUST_CHECK;
// Whether told is that fingerprint, in either case and whatever of " :-" stands between the digits.
bool cm_certs_fingerprint_is(const char *fingerprint, const char *told);

// The DN that a certificate or request for subject carries; NULL when out of memory.
X509_NAME *cm_certs_dn(const struct cm_subject *subject);

// From the certificate's one URI SAN.
enum cm_status cm_certs_subject(struct cm_subject *out, X509 *certificate, const char *where,
                                struct cm_error *error) CM_MUST_CHECK;
// The first certificate of a PEM file.
enum cm_status cm_certs_read(X509 **out, const char *path, struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_certs_pem(struct cm_buf *out, X509 *certificate,
                            struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_certs_serial(uint8_t out[CM_SERIAL_SIZE], const ASN1_INTEGER *serial,
                               const char *where, struct cm_error *error) CM_MUST_CHECK;
// UTC milliseconds since 1970; 0 for a time that isn't one.
int64_t cm_certs_time_ms(const ASN1_TIME *time);

#endif
