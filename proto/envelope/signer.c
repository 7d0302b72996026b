#include "proto/envelope/signer.h"

#include "proto/base/file.h"
#include "proto/envelope/agree.h"
#include "proto/envelope/key.h"
#include "proto/envelope/san.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PEM = 64 * 1024 };

struct cm_signer {
    atomic_uint references;
    EVP_PKEY *pkey;
    struct cm_key *leaf;
    char spiffe[4 * CM_MAX_ID];
    size_t chain_count;
    struct cm_bytes chain[CM_MAX_CHAIN]; // owned
};

struct opening {
    const char *passphrase; // NULL: none
    bool asked;             // the key is encrypted
};

// Never lets OpenSSL prompt on the terminal.
static int give_passphrase(char *out, int size, int writing, void *context)
{
    struct opening *opening = context;
    const char *passphrase = opening->passphrase;
    (void)writing;
    opening->asked = true;
    if (passphrase == NULL) {
        return -1;
    }
    size_t len = strlen(passphrase);
    if (size < 0 || len > (size_t)size) {
        return -1;
    }
    memcpy(out, passphrase, len);
    return (int)len;
}

static enum cm_status not_opened(const struct opening *opening, const char *path,
                                 struct cm_error *error)
{
    if (!opening->asked) {
        cm_fail(error, CM_INVALID, path, "this is no private key");
        cm_error_hint(error, "the file must be PEM, as `comity keys request` writes it");
        return CM_INVALID;
    }
    return cm_fail(error, CM_UNAUTHENTICATED, path,
                   opening->passphrase != NULL ? "the passphrase is not that of the key"
                                               : "the key is encrypted: it needs a passphrase");
}

static enum cm_status load_key(struct cm_signer *signer, const char *path, const char *passphrase,
                               struct cm_error *error)
{
    // Reserved whole, so that no growth leaves a copy of the secret behind.
    struct cm_buf pem = {.max = MAX_PEM};
    uint8_t *room;
    enum cm_status status = cm_buf_reserve(&pem, MAX_PEM, &room);
    if (status != CM_OK) {
        return cm_fail(error, status, path, "out of memory");
    }
    status = cm_file_read(&pem, path, MAX_PEM, error);
    if (status == CM_OK) {
        struct opening opening = {.passphrase = passphrase};
        BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
        signer->pkey =
            bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, &opening);
        BIO_free(bio);
        if (signer->pkey == NULL) {
            ERR_clear_error();
            status = not_opened(&opening, path, error);
        }
    }
    cm_wipe(pem.data, pem.cap);
    cm_buf_clear(&pem);
    return status;
}

static enum cm_status add_certificate(struct cm_signer *signer, const X509 *certificate,
                                      const char *path, struct cm_error *error)
{
    if (signer->chain_count == CM_MAX_CHAIN) {
        return cm_fail(error, CM_INVALID, path, "more than %d certificates", (int)CM_MAX_CHAIN);
    }
    uint8_t *der = NULL;
    int len = i2d_X509(certificate, &der);
    if (len <= 0) {
        return cm_fail(error, CM_MEMORY, path, "out of memory");
    }
    signer->chain[signer->chain_count] = (struct cm_bytes){der, (size_t)len};
    signer->chain_count++;
    if (len > CM_MAX_CERTIFICATE) {
        return cm_fail(error, CM_INVALID, path, "certificate %zu has more than %d bytes",
                       signer->chain_count, (int)CM_MAX_CERTIFICATE);
    }
    return CM_OK;
}

static enum cm_status take_leaf(struct cm_signer *signer, X509 *leaf, const char *path,
                                struct cm_error *error)
{
    uint8_t *spki = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &spki);
    enum cm_status status =
        len <= 0 ? CM_MEMORY : cm_key_new(&signer->leaf, (struct cm_bytes){spki, (size_t)len});
    OPENSSL_free(spki);
    if (status != CM_OK) {
        status = cm_fail(error, status, path, "the certificate's key is not ECDSA P-256");
        cm_error_hint(error, "make a key with `comity keys request`");
    } else if (X509_check_private_key(leaf, signer->pkey) != 1) {
        status = cm_fail(error, CM_INVALID, path, "the certificate is not for this private key");
    } else {
        // A leaf without a SPIFFE name may sign notes; envelopes of it are refused by others.
        enum cm_status named = cm_san_uri(signer->spiffe, sizeof(signer->spiffe), leaf);
        if (named == CM_INVALID) {
            status = cm_fail(error, CM_INVALID, path, "the certificate has more than one URI name");
        }
    }
    ERR_clear_error();
    return status;
}

static enum cm_status read_chain(struct cm_signer *signer, BIO *bio, const char *path,
                                 struct cm_error *error)
{
    enum cm_status status = CM_OK;
    X509 *certificate;
    while (status == CM_OK &&
           (certificate = PEM_read_bio_X509(bio, NULL, give_passphrase, NULL)) != NULL) {
        if (signer->chain_count == 0) {
            status = take_leaf(signer, certificate, path, error);
        }
        if (status == CM_OK) {
            status = add_certificate(signer, certificate, path, error);
        }
        X509_free(certificate);
    }
    if (status != CM_OK) {
        return status;
    }
    unsigned long last = ERR_peek_last_error();
    ERR_clear_error();
    if (signer->chain_count == 0 || ERR_GET_REASON(last) != PEM_R_NO_START_LINE) {
        return cm_fail(error, CM_INVALID, path, "certificate %zu can't be read",
                       signer->chain_count + 1);
    }
    return CM_OK;
}

static enum cm_status load_chain(struct cm_signer *signer, const char *path, struct cm_error *error)
{
    struct cm_buf pem = {.max = MAX_PEM};
    enum cm_status status = cm_file_read(&pem, path, MAX_PEM, error);
    if (status == CM_OK) {
        BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
        status = bio != NULL ? read_chain(signer, bio, path, error)
                             : cm_fail(error, CM_MEMORY, path, "out of memory");
        BIO_free(bio);
    }
    cm_buf_clear(&pem);
    return status;
}

enum cm_status cm_signer_load(struct cm_signer **out, const char *key_path, const char *chain_path,
                              const char *passphrase, struct cm_error *error)
{
    *out = NULL;
    struct cm_signer *signer = calloc(1, sizeof(*signer));
    if (signer == NULL) {
        return cm_fail(error, CM_MEMORY, key_path, "out of memory");
    }
    atomic_init(&signer->references, 1);
    enum cm_status status = load_key(signer, key_path, passphrase, error);
    if (status == CM_OK) {
        status = load_chain(signer, chain_path, error);
    }
    if (status != CM_OK) {
        cm_signer_unref(signer);
        return status;
    }
    *out = signer;
    return CM_OK;
}

struct cm_signer *cm_signer_ref(struct cm_signer *signer)
{
    atomic_fetch_add_explicit(&signer->references, 1, memory_order_relaxed);
    return signer;
}

void cm_signer_unref(struct cm_signer *signer)
{
    if (signer == NULL ||
        atomic_fetch_sub_explicit(&signer->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    EVP_PKEY_free(signer->pkey); // OpenSSL cleanses the private number
    cm_key_free(signer->leaf);
    for (size_t i = 0; i < signer->chain_count; i++) {
        OPENSSL_free((void *)(uintptr_t)signer->chain[i].data);
    }
    free(signer);
}

const struct cm_digest *cm_signer_key_hash(const struct cm_signer *signer)
{
    return cm_key_hash(signer->leaf);
}

const char *cm_signer_spiffe(const struct cm_signer *signer)
{
    return signer->spiffe;
}

struct cm_bytes cm_signer_spki(const struct cm_signer *signer)
{
    return cm_key_spki(signer->leaf);
}

const struct cm_bytes *cm_signer_chain(const struct cm_signer *signer, size_t *count)
{
    *count = signer->chain_count;
    return signer->chain;
}

static enum cm_status sign(uint8_t der[CM_MAX_SIG_DER], size_t *len, const struct cm_signer *signer,
                           const struct cm_digest *digest)
{
    *len = CM_MAX_SIG_DER;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(signer->pkey, NULL);
    bool done = context != NULL && EVP_PKEY_sign_init(context) == 1 &&
                EVP_PKEY_sign(context, der, len, digest->b, sizeof(digest->b)) == 1;
    EVP_PKEY_CTX_free(context);
    if (!done) {
        ERR_clear_error();
        return CM_INTERNAL;
    }
    return CM_OK;
}

enum cm_status cm_signer_digest(uint8_t sig[CM_SIGNATURE_SIZE], const struct cm_signer *signer,
                                const struct cm_digest *digest)
{
    uint8_t der[CM_MAX_SIG_DER];
    size_t len;
    enum cm_status status = sign(der, &len, signer, digest);
    if (status != CM_OK) {
        return status;
    }
    const unsigned char *at = der;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)len);
    if (pair == NULL) {
        ERR_clear_error();
        return CM_INTERNAL;
    }
    const int half = CM_SIGNATURE_SIZE / 2;
    bool fits = BN_bn2binpad(ECDSA_SIG_get0_r(pair), sig, half) == half &&
                BN_bn2binpad(ECDSA_SIG_get0_s(pair), sig + half, half) == half;
    ECDSA_SIG_free(pair);
    return fits ? CM_OK : CM_INTERNAL;
}

enum cm_status cm_signer_raw(uint8_t sig[CM_SIGNATURE_SIZE], const struct cm_signer *signer,
                             struct cm_bytes data)
{
    struct cm_digest digest;
    cm_sha256_of(&digest, data);
    return cm_signer_digest(sig, signer, &digest);
}

enum cm_status cm_signer_der(struct cm_buf *sig, const struct cm_signer *signer,
                             struct cm_bytes data)
{
    struct cm_digest digest;
    cm_sha256_of(&digest, data);
    uint8_t der[CM_MAX_SIG_DER];
    size_t len;
    enum cm_status status = sign(der, &len, signer, &digest);
    return status == CM_OK ? cm_buf_add(sig, der, len) : status;
}

enum cm_status cm_signer_agree(uint8_t out[CM_AGREED_SIZE], const struct cm_signer *signer,
                               struct cm_bytes spki)
{
    return cm_agree(out, signer->pkey, spki);
}
