#include "proto/trust/cli/certs.h"

#include "proto/base/file.h"
#include "proto/trust/cli/keyfile.h"

#include <ctype.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MAX_DN = 64 }; // RFC 5280's bound on CN and O

// The SAN carries the name; a DN only has to differ from others', so a long one is cut and hashed.
static bool add_dn(X509_NAME *name, int nid, const char *text)
{
    char cut[MAX_DN + 1];
    size_t len = strlen(text);
    if (len > MAX_DN) {
        struct cm_digest digest;
        char hex[17];
        cm_sha256_of(&digest, cm_bytes_of(text));
        cm_hex(hex, (struct cm_bytes){digest.b, 8});
        len = (size_t)snprintf(cut, sizeof cut, "%.47s-%s", text, hex);
        text = cut;
    }
    return X509_NAME_add_entry_by_NID(name, nid, MBSTRING_ASC, (const unsigned char *)text,
                                      (int)len, -1, 0) == 1;
}

X509_NAME *cm_certs_dn(const struct cm_subject *subject)
{
    X509_NAME *name = X509_NAME_new();
    bool ok = name != NULL;
    switch (subject->level) {
    case CM_SUBJECT_ROOT:
        ok = ok && add_dn(name, NID_organizationName, subject->federation) &&
             add_dn(name, NID_commonName, "federation root");
        break;
    case CM_SUBJECT_CA:
        ok = ok && add_dn(name, NID_organizationName, subject->federation) &&
             add_dn(name, NID_commonName, subject->agency);
        break;
    case CM_SUBJECT_LEAF:
        ok = ok && add_dn(name, NID_organizationName, subject->agency) &&
             add_dn(name, NID_organizationalUnitName, cm_role_name(subject->role)) &&
             add_dn(name, NID_commonName, subject->name);
        break;
    case CM_SUBJECT_NONE:
        ok = false;
        break;
    }
    if (!ok) {
        X509_NAME_free(name);
        return NULL;
    }
    return name;
}

enum cm_status cm_certs_request(X509_REQ **out, EVP_PKEY *key, const struct cm_subject *subject,
                                struct cm_error *error)
{
    X509_REQ *request = X509_REQ_new();
    X509_NAME *name = cm_certs_dn(subject);
    char value[sizeof subject->spiffe + 16];
    snprintf(value, sizeof value, "URI:%s", subject->spiffe);
    X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, value);
    STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
    enum cm_status status = CM_OK;
    if (request == NULL || name == NULL || san == NULL || extensions == NULL ||
        sk_X509_EXTENSION_push(extensions, san) == 0) {
        X509_EXTENSION_free(san);
        status = cm_keyfile_openssl(error, "request", "cannot prepare it");
        goto out;
    }
    if (X509_REQ_set_version(request, 0) != 1 || X509_REQ_set_subject_name(request, name) != 1 ||
        X509_REQ_set_pubkey(request, key) != 1 ||
        X509_REQ_add_extensions(request, extensions) != 1 ||
        X509_REQ_sign(request, key, EVP_sha256()) <= 0) {
        status = cm_keyfile_openssl(error, "request", "cannot sign it");
    }
out:
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    X509_NAME_free(name);
    if (status != CM_OK) {
        X509_REQ_free(request);
        request = NULL;
    }
    *out = request;
    return status;
}

// names: the SAN extension, or NULL. Exactly one URI; only where dns_too may there be DNS names.
static enum cm_status subject_of_names(struct cm_subject *out, const GENERAL_NAMES *names,
                                       bool dns_too, const char *where, struct cm_error *error)
{
    const ASN1_IA5STRING *uri = NULL;
    int others = 0;
    for (int i = 0; names != NULL && i < sk_GENERAL_NAME_num(names); i++) {
        int type;
        const void *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
        if (type == GEN_URI && uri == NULL) {
            uri = value;
        } else if (type != GEN_DNS || !dns_too) {
            others++;
        }
    }
    char text[4 * CM_MAX_ID];
    int len = uri != NULL ? ASN1_STRING_length(uri) : 0;
    if (len <= 0 || (size_t)len >= sizeof text || others > 0 ||
        memchr(ASN1_STRING_get0_data(uri), '\0', (size_t)len) != NULL) {
        return cm_fail(error, CM_INVALID, where, "it doesn't carry exactly one SPIFFE name");
    }
    memcpy(text, ASN1_STRING_get0_data(uri), (size_t)len);
    text[len] = '\0';
    if (strncmp(text, "spiffe://", 9) != 0) {
        return cm_fail(error, CM_INVALID, where, "its name is no SPIFFE name");
    }
    return cm_subject_parse(out, text, error);
}

// Appends the file to text and opens a BIO over it.
static enum cm_status open_file(BIO **out, struct cm_buf *text, const char *path,
                                struct cm_error *error)
{
    enum cm_status status = cm_file_read(text, path, CM_CERTS_MAX_FILE, error);
    if (status == CM_OK) {
        *out = BIO_new_mem_buf(text->data, (int)text->len);
        status = *out != NULL ? CM_OK : cm_fail(error, CM_MEMORY, path, "out of memory");
    }
    return status;
}

enum cm_status cm_certs_read_request(X509_REQ **out, struct cm_subject *subject, const char *path,
                                     struct cm_error *error)
{
    struct cm_buf text = {0};
    BIO *bio = NULL;
    X509_REQ *request = NULL;
    STACK_OF(X509_EXTENSION) *extensions = NULL;
    GENERAL_NAMES *names = NULL;
    *out = NULL;
    enum cm_status status = open_file(&bio, &text, path, error);
    if (status != CM_OK) {
        goto out;
    }
    request = PEM_read_bio_X509_REQ(bio, NULL, cm_keyfile_passphrase, NULL);
    EVP_PKEY *key = request != NULL ? X509_REQ_get0_pubkey(request) : NULL;
    if (key == NULL) {
        status = cm_fail(error, CM_INVALID, path, "it is no certificate request in PEM");
        goto out;
    }
    struct cm_digest pin;
    status = cm_keyfile_pin(&pin, key, path, error);
    if (status != CM_OK) {
        goto out;
    }
    if (X509_REQ_verify(request, key) != 1) {
        status = cm_fail(error, CM_INVALID, path,
                         "its signature is not made with the key that it is for");
        goto out;
    }
    extensions = X509_REQ_get_extensions(request);
    names = X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL);
    status = subject_of_names(subject, names, false, path, error);
out:
    ERR_clear_error();
    GENERAL_NAMES_free(names);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    if (status == CM_OK) {
        *out = request;
    } else {
        X509_REQ_free(request);
    }
    BIO_free(bio);
    cm_buf_clear(&text);
    return status;
}

enum cm_status cm_certs_fingerprint(char out[CM_FINGERPRINT_TEXT], X509_REQ *request,
                                    struct cm_error *error)
{
    uint8_t *der = NULL;
    int len = i2d_X509_REQ(request, &der);
    if (len <= 0) {
        return cm_keyfile_openssl(error, "request", "cannot encode it");
    }
    struct cm_digest digest;
    cm_sha256_of(&digest, (struct cm_bytes){der, (size_t)len});
    OPENSSL_free(der);
    char *to = out;
    for (size_t i = 0; i < CM_DIGEST_SIZE; i += 2) {
        if (i > 0) {
            *to++ = '-';
        }
        cm_hex(to, (struct cm_bytes){digest.b + i, 2});
        to += 4;
    }
    return CM_OK;
}

bool cm_certs_fingerprint_is(const char *fingerprint, const char *told)
{
    while (*fingerprint != '\0' || *told != '\0') {
        if (*fingerprint == '-') {
            fingerprint++;
        } else if (*told == '-' || *told == ':' || *told == ' ') {
            told++;
        } else if (tolower((unsigned char)*told++) != *fingerprint++) {
            return false;
        }
    }
    return true;
}

int64_t cm_certs_time_ms(const ASN1_TIME *when)
{
    struct tm parts;
    return ASN1_TIME_to_tm(when, &parts) == 1 ? (int64_t)timegm(&parts) * 1000 : 0;
}

enum cm_status cm_certs_subject(struct cm_subject *out, X509 *certificate, const char *where,
                                struct cm_error *error)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    enum cm_status status = subject_of_names(out, names, true, where, error);
    GENERAL_NAMES_free(names);
    return status;
}

enum cm_status cm_certs_read(X509 **out, const char *path, struct cm_error *error)
{
    struct cm_buf text = {0};
    BIO *bio = NULL;
    *out = NULL;
    enum cm_status status = open_file(&bio, &text, path, error);
    if (status == CM_OK) {
        *out = PEM_read_bio_X509(bio, NULL, cm_keyfile_passphrase, NULL);
        if (*out == NULL) {
            status = cm_fail(error, CM_INVALID, path, "it is no certificate in PEM");
        }
    }
    ERR_clear_error();
    BIO_free(bio);
    cm_buf_clear(&text);
    return status;
}

// Takes bio.
static enum cm_status take_text(struct cm_buf *out, BIO *bio, bool written, struct cm_error *error)
{
    char *text;
    long len = written ? BIO_get_mem_data(bio, &text) : 0;
    enum cm_status status = CM_OK;
    if (len <= 0) {
        status = cm_keyfile_openssl(error, "certificate", "cannot encode it");
    } else {
        status = cm_buf_add(out, text, (size_t)len);
        if (status != CM_OK) {
            cm_fail(error, status, "certificate", "out of memory");
        }
    }
    BIO_free(bio);
    return status;
}

enum cm_status cm_certs_pem(struct cm_buf *out, X509 *certificate, struct cm_error *error)
{
    BIO *bio = BIO_new(BIO_s_mem());
    return take_text(out, bio, bio != NULL && PEM_write_bio_X509(bio, certificate) == 1, error);
}

enum cm_status cm_certs_request_pem(struct cm_buf *out, X509_REQ *request, struct cm_error *error)
{
    BIO *bio = BIO_new(BIO_s_mem());
    return take_text(out, bio, bio != NULL && PEM_write_bio_X509_REQ(bio, request) == 1, error);
}

enum cm_status cm_certs_serial(uint8_t out[CM_SERIAL_SIZE], const ASN1_INTEGER *serial,
                               const char *where, struct cm_error *error)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(serial, NULL);
    bool ok = number != NULL && !BN_is_negative(number) &&
              BN_bn2binpad(number, out, CM_SERIAL_SIZE) == CM_SERIAL_SIZE;
    BN_free(number);
    ERR_clear_error();
    return ok ? CM_OK
              : cm_fail(error, CM_INVALID, where, "its serial number is longer than %d bytes",
                        CM_SERIAL_SIZE);
}
