#include "pki_x509.h"

#include "proto/base/file.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pki_must(bool condition, const char *file, int line, const char *what)
{
    if (!condition) {
        fprintf(stderr, "%s:%d: test fixture failed: %s\n", file, line, what);
        ERR_print_errors_fp(stderr);
        abort();
    }
}

static struct {
    uint64_t value; // 0: chance
    uint64_t drawn;
} seed;

void pki_seed(uint64_t value)
{
    seed.value = value;
    seed.drawn = 0;
}

void pki_random(uint8_t *out, size_t size)
{
    struct cm_digest digest;
    if (seed.value == 0) {
        PKI_MUST(cm_random(out, size) == CM_OK);
        return;
    }
    PKI_MUST(size <= sizeof digest.b);
    seed.drawn++;
    cm_sha256_of(&digest, (struct cm_bytes){(const uint8_t *)&seed, sizeof seed});
    memcpy(out, digest.b, size);
}

// RFC 5915 without the public part, which OpenSSL computes.
static EVP_PKEY *seeded_key(void)
{
    uint8_t der[] = {0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20, 0,    0,    0,    0,    0,   0,
                     0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,   0,
                     0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,   0,
                     0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    const uint8_t *at = der;
    pki_random(der + 7, 32);
    return d2i_PrivateKey(EVP_PKEY_EC, NULL, &at, (long)sizeof der);
}

EVP_PKEY *pki_key(const char *curve)
{
    EVP_PKEY *key = curve == NULL && seed.value != 0 ? seeded_key()
                                                     : EVP_EC_gen(curve != NULL ? curve : "P-256");
    PKI_MUST(key != NULL);
    return key;
}

static void add_extension(X509 *x509, X509V3_CTX *context, int nid, const char *value)
{
    if (value == NULL || value[0] == 0) {
        return;
    }
    X509_EXTENSION *extension = X509V3_EXT_nconf_nid(NULL, context, nid, value);
    PKI_MUST(extension != NULL && X509_add_ext(x509, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

static void add_unknown(X509 *x509, int critical)
{
    ASN1_OBJECT *object = OBJ_txt2obj("1.3.6.1.4.1.55555.1", 1);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    PKI_MUST(object != NULL && value != NULL &&
             ASN1_OCTET_STRING_set(value, (const unsigned char *)"\x05\x00", 2) == 1);
    X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ(NULL, object, critical, value);
    PKI_MUST(extension != NULL && X509_add_ext(x509, extension, -1) == 1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(object);
}

static void set_time(ASN1_TIME *out, int64_t ms)
{
    PKI_MUST(ASN1_TIME_set(out, (time_t)(ms / 1000)) != NULL);
}

static void set_serial(ASN1_INTEGER *out, const uint8_t serial[8])
{
    BIGNUM *number = BN_bin2bn(serial, 8, NULL);
    PKI_MUST(number != NULL && BN_to_ASN1_INTEGER(number, out) != NULL);
    BN_free(number);
}

static void set_name(X509_NAME *name, const char *common_name)
{
    PKI_MUST(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                        (const unsigned char *)common_name, -1, -1, 0) == 1);
}

X509 *pki_certify(const struct pki_cert *cert, EVP_PKEY *key, const struct pki_ca *issuer)
{
    X509 *x509 = X509_new();
    PKI_MUST(x509 != NULL && X509_set_version(x509, X509_VERSION_3) == 1);
    set_serial(X509_get_serialNumber(x509), cert->serial);
    set_name(X509_get_subject_name(x509), cert->common_name);
    X509 *parent = issuer != NULL ? issuer->certificate : x509;
    PKI_MUST(X509_set_issuer_name(x509, X509_get_subject_name(parent)) == 1);
    set_time(X509_getm_notBefore(x509), cert->not_before_ms);
    set_time(X509_getm_notAfter(x509), cert->not_after_ms);
    PKI_MUST(X509_set_pubkey(x509, key) == 1);
    X509V3_CTX context;
    X509V3_set_ctx(&context, parent, x509, NULL, NULL, 0);
    add_extension(x509, &context, NID_basic_constraints, cert->constraints);
    add_extension(x509, &context, NID_key_usage, cert->key_usage);
    add_extension(x509, &context, NID_ext_key_usage, cert->extended_usage);
    add_extension(x509, &context, NID_subject_alt_name, cert->san);
    add_extension(x509, &context, NID_subject_key_identifier, "hash");
    if (issuer != NULL) {
        add_extension(x509, &context, NID_authority_key_identifier, "keyid:always");
    }
    if (cert->critical_unknown) {
        add_unknown(x509, 1);
    }
    for (int i = 0; cert->repeated_unknown && i < 2; i++) {
        add_unknown(x509, 0);
    }
    const EVP_MD *digest = EVP_get_digestbyname(cert->digest != NULL ? cert->digest : "SHA256");
    PKI_MUST(X509_sign(x509, issuer != NULL ? issuer->key : key, digest) > 0);
    return x509;
}

X509_CRL *pki_make_crl(const struct pki_ca *issuer, uint64_t number, int64_t this_ms,
                       int64_t next_ms)
{
    X509_CRL *crl = X509_CRL_new();
    PKI_MUST(crl != NULL && X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
             X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->certificate)) == 1);
    ASN1_TIME *time = ASN1_TIME_new();
    set_time(time, this_ms);
    PKI_MUST(X509_CRL_set1_lastUpdate(crl, time) == 1);
    set_time(time, next_ms);
    PKI_MUST(X509_CRL_set1_nextUpdate(crl, time) == 1);
    ASN1_TIME_free(time);
    ASN1_INTEGER *value = ASN1_INTEGER_new();
    PKI_MUST(ASN1_INTEGER_set_uint64(value, number) == 1 &&
             X509_CRL_add1_ext_i2d(crl, NID_crl_number, value, 0, 0) == 1);
    ASN1_INTEGER_free(value);
    return crl;
}

void pki_crl_add(X509_CRL *crl, const uint8_t serial[8], int64_t since_ms)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    ASN1_TIME *since = ASN1_TIME_new();
    set_serial(number, serial);
    set_time(since, since_ms);
    PKI_MUST(X509_REVOKED_set_serialNumber(entry, number) == 1 &&
             X509_REVOKED_set_revocationDate(entry, since) == 1 &&
             X509_CRL_add0_revoked(crl, entry) == 1);
    ASN1_TIME_free(since);
    ASN1_INTEGER_free(number);
}

void pki_crl_sign(X509_CRL *crl, EVP_PKEY *key)
{
    PKI_MUST(X509_CRL_sort(crl) == 1 && X509_CRL_sign(crl, key, EVP_sha256()) > 0);
}

void pki_spki_hash(struct cm_digest *out, EVP_PKEY *key)
{
    uint8_t *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    PKI_MUST(len > 0);
    cm_sha256_of(out, (struct cm_bytes){der, (size_t)len});
    OPENSSL_free(der);
}

static void write_bio(const char *path, BIO *bio)
{
    char *data;
    long len = BIO_get_mem_data(bio, &data);
    struct cm_bytes bytes = {(const uint8_t *)data, (size_t)len};
    PKI_MUST(len > 0 && cm_file_write(path, bytes, 0600, NULL) == CM_OK);
    BIO_free(bio);
}

void pki_write_key(const char *path, EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    PKI_MUST(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
    write_bio(path, bio);
}

EVP_PKEY *pki_read_key(const char *path)
{
    FILE *file = fopen(path, "r");
    PKI_MUST(file != NULL);
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    fclose(file);
    PKI_MUST(key != NULL);
    return key;
}

void pki_write_chain(const char *path, X509 *const *chain, size_t count)
{
    BIO *bio = BIO_new(BIO_s_mem());
    for (size_t i = 0; i < count; i++) {
        PKI_MUST(PEM_write_bio_X509(bio, chain[i]) == 1);
    }
    write_bio(path, bio);
}

void pki_der(struct cm_bytes *out, X509 *certificate)
{
    uint8_t *der = NULL;
    int len = i2d_X509(certificate, &der);
    PKI_MUST(len > 0);
    *out = (struct cm_bytes){der, (size_t)len};
}
