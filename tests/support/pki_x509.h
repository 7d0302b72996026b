// Certificates and CRLs for pki.h, made with OpenSSL. Aborts when something fails. One thread.
#ifndef CM_TESTS_SUPPORT_PKI_X509_H
#define CM_TESTS_SUPPORT_PKI_X509_H

#include "proto/base/bytes.h"

#include <openssl/x509.h>

struct pki_ca {
    EVP_PKEY *key;
    X509 *certificate;
    struct cm_digest pin;
};

// What goes into a certificate; NULL or "" leaves an extension out.
struct pki_cert {
    const char *common_name;
    const char *san; // as openssl's configuration writes it: "URI:…,DNS:…"
    const char *constraints;
    const char *key_usage;
    const char *extended_usage;
    bool critical_unknown;
    bool repeated_unknown;
    int64_t not_before_ms;
    int64_t not_after_ms;
    uint8_t serial[8];
    const char *digest; // NULL: SHA256
};

#define PKI_MUST(condition) pki_must((condition), __FILE__, __LINE__, #condition)
void pki_must(bool condition, const char *file, int line, const char *what);

// From now on keys on P-256 and serials follow from seed; 0: from chance, as at the start.
void pki_seed(uint64_t seed);
void pki_random(uint8_t *out, size_t size);
EVP_PKEY *pki_key(const char *curve); // NULL: P-256
// issuer NULL: self-signed.
X509 *pki_certify(const struct pki_cert *cert, EVP_PKEY *key, const struct pki_ca *issuer);
X509_CRL *pki_make_crl(const struct pki_ca *issuer, uint64_t number, int64_t this_ms,
                       int64_t next_ms);
void pki_crl_add(X509_CRL *crl, const uint8_t serial[8], int64_t since_ms);
void pki_crl_sign(X509_CRL *crl, EVP_PKEY *key);
void pki_spki_hash(struct cm_digest *out, EVP_PKEY *key);
void pki_write_key(const char *path, EVP_PKEY *key);
EVP_PKEY *pki_read_key(const char *path);
void pki_write_chain(const char *path, X509 *const *chain, size_t count);
void pki_der(struct cm_bytes *out, X509 *certificate); // free with OPENSSL_free

#endif
