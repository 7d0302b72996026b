#include "proto/trust/certificate.h"

#include "proto/envelope/san.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

enum { MAX_SERIAL = 20, MAX_PEM = 8 * 1024 }; // RFC 5280 section 4.1.2.2

bool cm_certificate_time(int64_t *out, const ASN1_TIME *time)
{
    struct tm parts;
    if (time == NULL || ASN1_TIME_to_tm(time, &parts) != 1) {
        return false;
    }
    *out = (int64_t)timegm(&parts) * 1000;
    return true;
}

static bool serial_valid(const X509 *x509)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(x509);
    int len = ASN1_STRING_length(serial);
    return ASN1_STRING_type(serial) == V_ASN1_INTEGER && len > 0 && len <= MAX_SERIAL &&
           !(len == 1 && ASN1_STRING_get0_data(serial)[0] == 0);
}

// No extension twice, and none critical but those that are judged here.
static bool extensions_valid(const X509 *x509)
{
    for (int i = 0; i < X509_get_ext_count(x509); i++) {
        X509_EXTENSION *extension = X509_get_ext(x509, i);
        ASN1_OBJECT *object = X509_EXTENSION_get_object(extension);
        if (X509_get_ext_by_OBJ(x509, object, i) >= 0) {
            return false;
        }
        int nid = OBJ_obj2nid(object);
        bool judged = nid == NID_basic_constraints || nid == NID_key_usage ||
                      nid == NID_ext_key_usage || nid == NID_subject_alt_name;
        if (X509_EXTENSION_get_critical(extension) && !judged) {
            return false;
        }
    }
    return true;
}

static const char *algorithm_fault(X509 *x509)
{
    int digest = NID_undef;
    int key = NID_undef;
    if (X509_get_version(x509) != X509_VERSION_3) {
        return "is not of X.509 version 3";
    }
    if (X509_get_signature_info(x509, &digest, &key, NULL, NULL) != 1 || digest != NID_sha256 ||
        key != NID_X9_62_id_ecPublicKey) {
        return "is not signed with ECDSA and SHA-256";
    }
    return NULL;
}

static const char *usage_fault(struct cm_certificate *certificate)
{
    X509 *x509 = certificate->x509;
    uint32_t flags = X509_get_extension_flags(x509); // parses and caches the extensions
    if ((flags & EXFLAG_INVALID) != 0 || !extensions_valid(x509)) {
        return "has an extension that is malformed, repeated or critical and unknown";
    }
    certificate->is_ca = (flags & EXFLAG_CA) != 0 && (flags & EXFLAG_BCONS) != 0;
    certificate->path_length = X509_get_pathlen(x509);
    uint32_t usage = (flags & EXFLAG_KUSAGE) != 0 ? X509_get_key_usage(x509) : 0;
    if (certificate->is_ca) {
        const uint32_t needed = KU_KEY_CERT_SIGN | KU_CRL_SIGN;
        return (usage & needed) == needed ? NULL : "may not sign certificates and CRLs";
    }
    if ((usage & KU_DIGITAL_SIGNATURE) == 0 || (usage & (KU_KEY_CERT_SIGN | KU_CRL_SIGN)) != 0) {
        return "must have the key usage digitalSignature, and not that of a CA";
    }
    // Absent means any use (RFC 5280 section 4.2.1.12).
    if ((flags & EXFLAG_XKUSAGE) != 0 &&
        (X509_get_extended_key_usage(x509) & (XKU_SSL_CLIENT | XKU_SSL_SERVER | XKU_ANYEKU)) == 0) {
        return "is for another use (extended key usage)";
    }
    return NULL;
}

static const char *take_facts(struct cm_certificate *certificate)
{
    X509 *x509 = certificate->x509;
    const char *fault = algorithm_fault(x509);
    if (fault != NULL) {
        return fault;
    }
    if (!serial_valid(x509)) {
        return "has a serial number that is not 1 to 20 bytes and positive";
    }
    int64_t last_second;
    if (!cm_certificate_time(&certificate->not_before_ms, X509_get0_notBefore(x509)) ||
        !cm_certificate_time(&last_second, X509_get0_notAfter(x509))) {
        return "has unreadable dates";
    }
    certificate->not_after_ms = last_second + 1000;
    fault = usage_fault(certificate);
    if (fault != NULL) {
        return fault;
    }
    if (cm_san_uri(certificate->uri, sizeof(certificate->uri), x509) != CM_OK) {
        return "must have exactly one URI name";
    }
    uint8_t *spki = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &spki);
    enum cm_status status = CM_INVALID;
    if (len > 0) {
        status = cm_key_new(&certificate->key, (struct cm_bytes){spki, (size_t)len});
    }
    OPENSSL_free(spki);
    return status == CM_OK ? NULL : "has a key that is not ECDSA P-256";
}

static enum cm_status judge_form(struct cm_certificate *out, const char *where,
                                 struct cm_error *error)
{
    const char *fault = out->x509 != NULL ? take_facts(out) : "can't be read as DER";
    ERR_clear_error();
    if (fault != NULL) {
        cm_certificate_clear(out);
        return cm_fail(error, CM_UNAUTHENTICATED, where, "the certificate %s", fault);
    }
    return CM_OK;
}

enum cm_status cm_certificate_parse(struct cm_certificate *out, struct cm_bytes der,
                                    const char *where, struct cm_error *error)
{
    memset(out, 0, sizeof(*out));
    if (der.len == 0 || der.len > CM_MAX_CERTIFICATE) {
        return cm_fail(error, CM_UNAUTHENTICATED, where,
                       "a certificate has 1 to %d bytes, this one %zu", (int)CM_MAX_CERTIFICATE,
                       der.len);
    }
    const unsigned char *at = der.data;
    out->x509 = d2i_X509(NULL, &at, (long)der.len);
    if (out->x509 != NULL && at != der.data + der.len) {
        cm_certificate_clear(out);
    }
    return judge_form(out, where, error);
}

enum cm_status cm_certificate_parse_pem(struct cm_certificate *out, struct cm_bytes pem,
                                        const char *where, struct cm_error *error)
{
    memset(out, 0, sizeof(*out));
    BIO *bio = pem.len <= MAX_PEM ? BIO_new_mem_buf(pem.data, (int)pem.len) : NULL;
    X509 *second = NULL;
    if (bio != NULL) {
        out->x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        second = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    }
    BIO_free(bio);
    ERR_clear_error();
    if (out->x509 == NULL || second != NULL) {
        X509_free(second);
        cm_certificate_clear(out);
        return cm_fail(error, CM_UNAUTHENTICATED, where, "this is not one certificate in PEM");
    }
    return judge_form(out, where, error);
}

void cm_certificate_clear(struct cm_certificate *certificate)
{
    X509_free(certificate->x509);
    cm_key_free(certificate->key);
    memset(certificate, 0, sizeof(*certificate));
}

bool cm_certificate_issued(const struct cm_certificate *issuer, const struct cm_certificate *child)
{
    bool issued = issuer->is_ca && X509_check_issued(issuer->x509, child->x509) == X509_V_OK &&
                  X509_verify(child->x509, X509_get0_pubkey(issuer->x509)) == 1;
    ERR_clear_error();
    return issued;
}

enum cm_status cm_certificate_dates(const struct cm_certificate *certificate, int64_t as_of_ms,
                                    const char *where, struct cm_error *error)
{
    if (as_of_ms < certificate->not_before_ms) {
        return cm_fail(error, CM_UNAUTHENTICATED, where, "the certificate is not valid yet");
    }
    if (as_of_ms >= certificate->not_after_ms) {
        cm_fail(error, CM_UNAUTHENTICATED, where, "the certificate has expired");
        cm_error_hint(error, "ask for a new one with `comity keys request`");
        return CM_UNAUTHENTICATED;
    }
    return CM_OK;
}
