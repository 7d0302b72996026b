#include "proto/trust/crl.h"

#include "proto/codec/bounds.h"
#include "proto/trust/certificate.h"
#include "proto/trust/recover.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

// The to-be-signed part: the first element inside the outer SEQUENCE. Definite lengths only.
static bool tbs_of(struct cm_bytes *out, struct cm_bytes der)
{
    const unsigned char *at = der.data;
    long len;
    int tag;
    int class;
    if (ASN1_get_object(&at, &len, &tag, &class, (long)der.len) != V_ASN1_CONSTRUCTED ||
        tag != V_ASN1_SEQUENCE) {
        return false;
    }
    const unsigned char *start = at;
    if (ASN1_get_object(&at, &len, &tag, &class, len) != V_ASN1_CONSTRUCTED ||
        tag != V_ASN1_SEQUENCE) {
        return false;
    }
    *out = (struct cm_bytes){start, (size_t)(at - start) + (size_t)len};
    return true;
}

static bool signed_by(struct cm_bytes tbs, struct cm_bytes sig, struct cm_bytes spki)
{
    struct cm_key *key;
    bool verified = cm_key_new(&key, spki) == CM_OK && cm_key_verify_der(key, tbs, sig) == CM_OK;
    cm_key_free(key);
    return verified;
}

static bool find_signer(struct cm_crl *crl, cm_crl_accepts accepts, void *context)
{
    struct cm_bytes tbs;
    if (!tbs_of(&tbs, crl->der) || X509_CRL_get_signature_nid(crl->x509) != NID_ecdsa_with_SHA256) {
        return false;
    }
    struct cm_digest digest;
    cm_sha256_of(&digest, tbs);
    const ASN1_BIT_STRING *bits;
    X509_CRL_get0_signature(crl->x509, &bits, NULL);
    struct cm_bytes sig = {ASN1_STRING_get0_data(bits), (size_t)ASN1_STRING_length(bits)};
    uint8_t candidates[CM_RECOVER_MAX][CM_SPKI_SIZE];
    size_t count = cm_recover(candidates, &digest, sig);
    for (size_t i = 0; i < count; i++) {
        struct cm_bytes spki = {candidates[i], CM_SPKI_SIZE};
        cm_sha256_of(&crl->issuer, spki);
        if (accepts(context, &crl->issuer) && signed_by(tbs, sig, spki)) {
            return true;
        }
    }
    return false;
}

static bool critical_in(const STACK_OF(X509_EXTENSION) * extensions)
{
    for (int i = 0; i < sk_X509_EXTENSION_num(extensions); i++) {
        if (X509_EXTENSION_get_critical(sk_X509_EXTENSION_value(extensions, i))) {
            return true;
        }
    }
    return false;
}

// A critical extension would change what an entry or the whole list means (RFC 5280 section 5.2).
static bool any_critical(X509_CRL *x509)
{
    if (critical_in(X509_CRL_get0_extensions(x509))) {
        return true;
    }
    STACK_OF(X509_REVOKED) *entries = X509_CRL_get_REVOKED(x509);
    for (int i = 0; i < sk_X509_REVOKED_num(entries); i++) {
        if (critical_in(X509_REVOKED_get0_extensions(sk_X509_REVOKED_value(entries, i)))) {
            return true;
        }
    }
    return false;
}

static const char *take_facts(struct cm_crl *crl, int64_t now_ms)
{
    if (X509_CRL_get_version(crl->x509) != X509_CRL_VERSION_2 || any_critical(crl->x509)) {
        return "is not of version 2 or has a critical extension";
    }
    ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl->x509, NID_crl_number, NULL, NULL);
    bool numbered = number != NULL && ASN1_INTEGER_get_uint64(&crl->number, number) == 1;
    ASN1_INTEGER_free(number);
    if (!numbered) {
        return "has no CRL number below 2^64";
    }
    if (!cm_certificate_time(&crl->this_update_ms, X509_CRL_get0_lastUpdate(crl->x509)) ||
        !cm_certificate_time(&crl->next_update_ms, X509_CRL_get0_nextUpdate(crl->x509)) ||
        crl->next_update_ms <= crl->this_update_ms) {
        return "needs a this-update and a later next-update";
    }
    // A date ahead would stretch the 24 hours that a list may live.
    if (crl->this_update_ms > now_ms + CM_SKEW_MS) {
        return "is dated in the future";
    }
    return NULL;
}

static struct cm_crl *read_der(struct cm_bytes der)
{
    struct cm_crl *crl = calloc(1, sizeof(*crl));
    uint8_t *copy = malloc(der.len > 0 ? der.len : 1);
    if (crl == NULL || copy == NULL) {
        free(crl);
        free(copy);
        return NULL;
    }
    atomic_init(&crl->references, 1);
    memcpy(copy, der.data, der.len);
    crl->der = (struct cm_bytes){copy, der.len};
    cm_sha256_of(&crl->digest, der);
    const unsigned char *at = copy;
    crl->x509 = d2i_X509_CRL(NULL, &at, (long)der.len);
    if (crl->x509 != NULL && at != copy + der.len) {
        X509_CRL_free(crl->x509);
        crl->x509 = NULL;
    }
    return crl;
}

enum cm_status cm_crl_parse(struct cm_crl **out, struct cm_bytes der, cm_crl_accepts accepts,
                            void *context, int64_t now_ms, struct cm_error *error)
{
    *out = NULL;
    if (der.len == 0 || der.len > CM_MAX_DIRECTORY) {
        return cm_fail(error, CM_UNAUTHENTICATED, "crls", "a CRL is empty or too large");
    }
    struct cm_crl *crl = read_der(der);
    if (crl == NULL) {
        return cm_fail(error, CM_MEMORY, "crls", "out of memory");
    }
    const char *fault = "can't be read as DER";
    if (crl->x509 != NULL) {
        fault = find_signer(crl, accepts, context) ? take_facts(crl, now_ms)
                                                   : "is not signed by a pinned key";
    }
    ERR_clear_error();
    if (fault != NULL) {
        cm_crl_unref(crl);
        return cm_fail(error, CM_UNAUTHENTICATED, "crls", "the CRL %s", fault);
    }
    *out = crl;
    return CM_OK;
}

struct cm_crl *cm_crl_ref(struct cm_crl *crl)
{
    atomic_fetch_add_explicit(&crl->references, 1, memory_order_relaxed);
    return crl;
}

void cm_crl_unref(struct cm_crl *crl)
{
    if (crl == NULL || atomic_fetch_sub_explicit(&crl->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    X509_CRL_free(crl->x509);
    free((void *)(uintptr_t)crl->der.data);
    free(crl);
}

bool cm_crl_names(int64_t *since_ms, const struct cm_crl *crl, const X509 *certificate)
{
    X509_REVOKED *entry = NULL;
    if (X509_CRL_get0_by_serial(crl->x509, &entry, X509_get0_serialNumber(certificate)) == 0) {
        return false;
    }
    if (entry == NULL || !cm_certificate_time(since_ms, X509_REVOKED_get0_revocationDate(entry))) {
        *since_ms = INT64_MIN; // no date: it never held
    }
    return true;
}

bool cm_crl_revokes(const struct cm_crl *crl, const X509 *certificate, int64_t as_of_ms)
{
    int64_t since_ms;
    return cm_crl_names(&since_ms, crl, certificate) &&
           (as_of_ms >= crl->this_update_ms || since_ms <= as_of_ms);
}
