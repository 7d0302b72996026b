#include "proto/envelope/key.h"

#include "proto/codec/bounds.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

struct cm_key {
    EVP_PKEY *pkey;
    struct cm_digest hash;
    uint8_t spki[CM_SPKI_SIZE];
};

// id-ecPublicKey with prime256v1 and an uncompressed point (RFC 5480): one key, one encoding, one
// hash.
static const uint8_t spki_prefix[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                      0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                      0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};

// From the point itself: OpenSSL's decoders take six times as long. Refuses a point off the curve.
static EVP_PKEY *pkey_of(struct cm_bytes point)
{
    char group[] = "prime256v1";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)point.data,
                                          point.len),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (context != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
        EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, parameters) != 1) {
        pkey = NULL;
    }
    EVP_PKEY_CTX_free(context);
    return pkey;
}

enum cm_status cm_key_new(struct cm_key **out, struct cm_bytes spki)
{
    *out = NULL;
    if (spki.len != CM_SPKI_SIZE || memcmp(spki.data, spki_prefix, sizeof(spki_prefix)) != 0) {
        return CM_INVALID;
    }
    struct cm_key *key = calloc(1, sizeof(*key));
    if (key == NULL) {
        return CM_MEMORY;
    }
    const size_t before_point = sizeof(spki_prefix) - 1;
    key->pkey = pkey_of((struct cm_bytes){spki.data + before_point, spki.len - before_point});
    if (key->pkey == NULL) {
        ERR_clear_error();
        cm_key_free(key);
        return CM_INVALID;
    }
    memcpy(key->spki, spki.data, spki.len);
    cm_sha256_of(&key->hash, spki);
    *out = key;
    return CM_OK;
}

void cm_key_free(struct cm_key *key)
{
    if (key == NULL) {
        return;
    }
    EVP_PKEY_free(key->pkey);
    free(key);
}

const struct cm_digest *cm_key_hash(const struct cm_key *key)
{
    return &key->hash;
}

struct cm_bytes cm_key_spki(const struct cm_key *key)
{
    return (struct cm_bytes){key->spki, sizeof(key->spki)};
}

static enum cm_status verify_hashed(const struct cm_key *key, const struct cm_digest *digest,
                                    const uint8_t *der, size_t len)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key->pkey, NULL);
    int verdict = -1;
    if (context != NULL && EVP_PKEY_verify_init(context) == 1) {
        verdict = EVP_PKEY_verify(context, der, len, digest->b, sizeof(digest->b));
    }
    EVP_PKEY_CTX_free(context);
    if (verdict != 1) {
        ERR_clear_error();
        return CM_UNAUTHENTICATED;
    }
    return CM_OK;
}

enum cm_status cm_key_verify_digest(const struct cm_key *key, const struct cm_digest *digest,
                                    struct cm_bytes sig)
{
    if (sig.len != CM_SIGNATURE_SIZE) {
        return CM_UNAUTHENTICATED;
    }
    enum cm_status status = CM_MEMORY;
    uint8_t *der = NULL;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(sig.data, CM_SIGNATURE_SIZE / 2, NULL);
    BIGNUM *s = BN_bin2bn(sig.data + CM_SIGNATURE_SIZE / 2, CM_SIGNATURE_SIZE / 2, NULL);
    if (pair == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(pair, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        goto out;
    }
    int len = i2d_ECDSA_SIG(pair, &der);
    if (len > 0) {
        status = verify_hashed(key, digest, der, (size_t)len);
    }
out:
    OPENSSL_free(der);
    ECDSA_SIG_free(pair);
    return status;
}

enum cm_status cm_key_verify(const struct cm_key *key, struct cm_bytes data, struct cm_bytes sig)
{
    struct cm_digest digest;
    cm_sha256_of(&digest, data);
    return cm_key_verify_digest(key, &digest, sig);
}

enum cm_status cm_key_verify_der(const struct cm_key *key, struct cm_bytes data,
                                 struct cm_bytes sig)
{
    if (sig.len == 0 || sig.len > CM_MAX_SIG_DER) {
        return CM_UNAUTHENTICATED;
    }
    struct cm_digest digest;
    cm_sha256_of(&digest, data);
    return verify_hashed(key, &digest, sig.data, sig.len);
}
