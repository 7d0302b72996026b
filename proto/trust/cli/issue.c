#include "proto/trust/cli/issue.h"

#include "proto/trust/cli/keyfile.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

enum { MAX_PROFILE = 8, DAY_S = 24 * 3600, SERIAL_BITS = 8 * CM_SERIAL_SIZE - 1 };

struct profile {
    size_t count;
    struct {
        int nid;
        char value[6 * CM_MAX_ID];
    } extensions[MAX_PROFILE];
};

static void add(struct profile *profile, int nid, const char *format, const char *text)
{
    snprintf(profile->extensions[profile->count].value, sizeof profile->extensions[0].value, "%s%s",
             format, text);
    profile->extensions[profile->count++].nid = nid;
}

static void profile_of(struct profile *out, const struct cm_subject *subject, bool self_signed)
{
    bool leaf = subject->level == CM_SUBJECT_LEAF;
    bool gateway = leaf && subject->role == CM_ROLE_GATEWAY;
    out->count = 0;
    if (leaf) {
        add(out, NID_basic_constraints, "critical,", "CA:FALSE");
        add(out, NID_key_usage, "critical,", "digitalSignature");
    } else {
        add(out, NID_basic_constraints,
            "critical,CA:TRUE,pathlen:", subject->level == CM_SUBJECT_ROOT ? "1" : "0");
        add(out, NID_key_usage, "critical,", "keyCertSign,cRLSign");
    }
    add(out, NID_subject_key_identifier, "", "hash");
    if (!self_signed) {
        add(out, NID_authority_key_identifier, "", "keyid:always");
    }
    if (leaf && subject->role != CM_ROLE_DIRECTORY) {
        add(out, NID_ext_key_usage, gateway ? "serverAuth," : "", "clientAuth");
    }
    add(out, NID_subject_alt_name, "URI:", subject->spiffe);
    if (gateway) {
        // gRPC can't match a URI name: clients dial gateways by this one.
        char *san = out->extensions[out->count - 1].value;
        size_t used = strlen(san);
        snprintf(san + used, sizeof out->extensions[0].value - used, ",DNS:gateway.%s",
                 subject->federation);
    }
}

static bool extend(X509 *certificate, X509 *issuer, const struct profile *profile)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    for (size_t i = 0; i < profile->count; i++) {
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, profile->extensions[i].nid,
                                                        profile->extensions[i].value);
        bool ok = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
        X509_EXTENSION_free(extension);
        if (!ok) {
            return false;
        }
    }
    return true;
}

static bool random_serial(X509 *certificate)
{
    BIGNUM *number = BN_new();
    bool ok = number != NULL && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
              BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return ok;
}

static bool set_dates(X509 *certificate, const struct cm_issue *issue)
{
    int64_t start_s = issue->now_ms / 1000 - CM_ISSUE_BACKDATE_S;
    int64_t end_s = issue->now_ms / 1000 + (int64_t)issue->days * DAY_S;
    if (issue->issuer != NULL) {
        int64_t issuer_end_s = cm_certs_time_ms(X509_get0_notAfter(issue->issuer)) / 1000;
        int64_t issuer_start_s = cm_certs_time_ms(X509_get0_notBefore(issue->issuer)) / 1000;
        end_s = end_s < issuer_end_s ? end_s : issuer_end_s;
        start_s = start_s > issuer_start_s ? start_s : issuer_start_s;
    }
    return start_s < end_s && ASN1_TIME_set(X509_getm_notBefore(certificate), start_s) != NULL &&
           ASN1_TIME_set(X509_getm_notAfter(certificate), end_s) != NULL;
}

enum cm_status cm_issue_certificate(X509 **out, const struct cm_issue *issue,
                                    struct cm_error *error)
{
    X509 *certificate = X509_new();
    X509_NAME *name = cm_certs_dn(issue->subject);
    X509 *issuer = issue->issuer != NULL ? issue->issuer : certificate;
    struct profile profile;
    profile_of(&profile, issue->subject, issue->issuer == NULL);
    bool ok = certificate != NULL && name != NULL && X509_set_version(certificate, 2) == 1 &&
              random_serial(certificate) && X509_set_subject_name(certificate, name) == 1 &&
              X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
              X509_set_pubkey(certificate, issue->subject_key) == 1;
    enum cm_status status = CM_OK;
    if (ok && !set_dates(certificate, issue)) {
        status = cm_fail(error, CM_STALE, "certificate", "its issuer's certificate has ended");
        cm_error_hint(error, "Have the issuer's own certificate renewed first.");
    } else if (!ok || !extend(certificate, issuer, &profile) ||
               X509_sign(certificate, issue->issuer_key, EVP_sha256()) <= 0) {
        status = cm_keyfile_openssl(error, "certificate", "cannot issue it");
    }
    X509_NAME_free(name);
    if (status != CM_OK) {
        X509_free(certificate);
        certificate = NULL;
    }
    *out = certificate;
    return status;
}

static bool add_revoked(X509_CRL *crl, const struct cm_revoked *revoked)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    BIGNUM *number = BN_bin2bn(revoked->serial, sizeof revoked->serial, NULL);
    ASN1_INTEGER *serial = number != NULL ? BN_to_ASN1_INTEGER(number, NULL) : NULL;
    ASN1_TIME *when = ASN1_TIME_set(NULL, revoked->revoked_ms / 1000);
    ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();
    bool ok = entry != NULL && serial != NULL && when != NULL && reason != NULL &&
              X509_REVOKED_set_serialNumber(entry, serial) == 1 &&
              X509_REVOKED_set_revocationDate(entry, when) == 1;
    // RFC 5280 section 5.3.1: "unspecified" is said by leaving the reason out.
    if (ok && revoked->reason != CRL_REASON_UNSPECIFIED) {
        ok = ASN1_ENUMERATED_set(reason, revoked->reason) == 1 &&
             X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, reason, 0, 0) == 1;
    }
    ok = ok && X509_CRL_add0_revoked(crl, entry) == 1;
    if (!ok) {
        X509_REVOKED_free(entry);
    }
    ASN1_ENUMERATED_free(reason);
    ASN1_TIME_free(when);
    ASN1_INTEGER_free(serial);
    BN_free(number);
    return ok;
}

static bool number_crl(X509_CRL *crl, X509 *issuer, uint64_t number)
{
    ASN1_INTEGER *value = ASN1_INTEGER_new();
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, NULL, NULL, crl, 0);
    X509_EXTENSION *authority =
        X509V3_EXT_conf_nid(NULL, &context, NID_authority_key_identifier, "keyid:always");
    bool ok = value != NULL && authority != NULL && ASN1_INTEGER_set_uint64(value, number) == 1 &&
              X509_CRL_add_ext(crl, authority, -1) == 1 &&
              X509_CRL_add1_ext_i2d(crl, NID_crl_number, value, 0, 0) == 1;
    X509_EXTENSION_free(authority);
    ASN1_INTEGER_free(value);
    return ok;
}

static bool date_crl(X509_CRL *crl, int64_t now_ms, int hours)
{
    // From thisUpdate, not from now: readers refuse lists that say they hold longer.
    int64_t from_s = now_ms / 1000 - CM_ISSUE_BACKDATE_S;
    ASN1_TIME *from = ASN1_TIME_set(NULL, from_s);
    ASN1_TIME *to = ASN1_TIME_set(NULL, from_s + (int64_t)hours * 3600);
    bool ok = from != NULL && to != NULL && X509_CRL_set1_lastUpdate(crl, from) == 1 &&
              X509_CRL_set1_nextUpdate(crl, to) == 1;
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    return ok;
}

enum cm_status cm_issue_crl(struct cm_buf *out, X509 *issuer, EVP_PKEY *issuer_key, uint64_t number,
                            const struct cm_revoked *revoked, size_t count, int64_t now_ms,
                            int hours, struct cm_error *error)
{
    X509_CRL *crl = X509_CRL_new();
    uint8_t *der = NULL;
    bool ok = crl != NULL && X509_CRL_set_version(crl, 1) == 1 &&
              X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer)) == 1 &&
              date_crl(crl, now_ms, hours) && number_crl(crl, issuer, number);
    for (size_t i = 0; ok && i < count; i++) {
        ok = add_revoked(crl, &revoked[i]);
    }
    ok = ok && X509_CRL_sort(crl) == 1 && X509_CRL_sign(crl, issuer_key, EVP_sha256()) > 0;
    int len = ok ? i2d_X509_CRL(crl, &der) : 0;
    enum cm_status status = CM_OK;
    if (len <= 0) {
        status = cm_keyfile_openssl(error, "revocation list", "cannot issue it");
    } else {
        status = cm_buf_add(out, der, (size_t)len);
        if (status != CM_OK) {
            cm_fail(error, status, "revocation list", "out of memory");
        }
    }
    OPENSSL_free(der);
    X509_CRL_free(crl);
    return status;
}
