#include "gateway/client/transcript_seal.h"

#include "proto/base/file.h"
#include "proto/envelope/agree.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC "comity-answer-v1\n"

enum {
    CHUNK = 64 * 1024,
    TAG = 16,
    NONCE = 12,
    KEY = 32,
    OWNER_AT = sizeof MAGIC - 1,
    FRESH_AT = OWNER_AT + CM_DIGEST_SIZE,
    HEAD = FRESH_AT + CM_SPKI_SIZE,
};

struct cm_seal {
    int file;
    EVP_CIPHER_CTX *cipher;
    uint64_t chunks; // sealed so far
    size_t len;      // of what waits
    uint8_t waiting[CHUNK];
    uint8_t sealed[CHUNK + TAG];
};

static enum cm_status broken(struct cm_error *error)
{
    ERR_clear_error();
    return cm_fail(error, CM_INTERNAL, "encryption", "OpenSSL refused it");
}

static enum cm_status derive(uint8_t key[KEY], uint8_t agreed[CM_AGREED_SIZE],
                             const uint8_t head[HEAD])
{
    static char digest[] = "SHA256";
    static char info[] = "comity-answer-v1";
    struct cm_digest salt;
    cm_sha256_of(&salt, (struct cm_bytes){head, HEAD});
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, agreed, CM_AGREED_SIZE),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt.b, sizeof salt.b),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, sizeof info - 1),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
    bool done = context != NULL && EVP_KDF_derive(context, key, KEY, parameters) == 1;
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    cm_wipe(agreed, CM_AGREED_SIZE);
    return done ? CM_OK : CM_INTERNAL;
}

static void nonce_of(uint8_t nonce[NONCE], uint64_t chunk, bool last)
{
    memset(nonce, 0, NONCE);
    for (size_t i = 0; i < sizeof chunk; i++) {
        nonce[NONCE - 2 - i] = (uint8_t)(chunk >> (8 * i));
    }
    nonce[NONCE - 1] = last;
}

// A context that seals or opens under the file's key, which is nowhere else afterwards.
static enum cm_status start(EVP_CIPHER_CTX **out, uint8_t agreed[CM_AGREED_SIZE],
                            const uint8_t head[HEAD], bool seals)
{
    uint8_t key[KEY];
    enum cm_status status = derive(key, agreed, head);
    *out = status == CM_OK ? EVP_CIPHER_CTX_new() : NULL;
    if (*out == NULL ||
        EVP_CipherInit_ex(*out, EVP_aes_256_gcm(), NULL, key, NULL, seals ? 1 : 0) != 1) {
        EVP_CIPHER_CTX_free(*out);
        *out = NULL;
        status = CM_INTERNAL;
    }
    cm_wipe(key, sizeof key);
    return status;
}

static enum cm_status put(int file, const uint8_t *data, size_t len, struct cm_error *error)
{
    while (len > 0) {
        ssize_t done = write(file, data, len);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            return cm_fail(error, CM_IO, "kept answer", "cannot be written: %s", strerror(errno));
        }
        data += done;
        len -= (size_t)done;
    }
    return CM_OK;
}

enum cm_status cm_seal_new(struct cm_seal **out, int file, struct cm_bytes owner,
                           struct cm_error *error)
{
    uint8_t head[HEAD];
    uint8_t agreed[CM_AGREED_SIZE];
    struct cm_digest hash;
    *out = NULL;
    struct cm_seal *seal = calloc(1, sizeof *seal);
    if (seal == NULL) {
        return cm_fail(error, CM_MEMORY, "kept answer", "out of memory");
    }
    seal->file = file;
    cm_sha256_of(&hash, owner);
    memcpy(head, MAGIC, OWNER_AT);
    memcpy(head + OWNER_AT, hash.b, sizeof hash.b);
    enum cm_status status = cm_agree_fresh(agreed, head + FRESH_AT, owner);
    if (status == CM_OK) {
        status = start(&seal->cipher, agreed, head, true);
    }
    if (status != CM_OK) {
        status = broken(error);
    } else {
        status = put(file, head, sizeof head, error);
    }
    if (status != CM_OK) {
        cm_seal_free(seal);
        return status;
    }
    *out = seal;
    return CM_OK;
}

static enum cm_status seal_chunk(struct cm_seal *seal, bool last, struct cm_error *error)
{
    uint8_t nonce[NONCE];
    int len = 0;
    int rest = 0;
    nonce_of(nonce, seal->chunks, last);
    if (EVP_EncryptInit_ex(seal->cipher, NULL, NULL, NULL, nonce) != 1 ||
        EVP_EncryptUpdate(seal->cipher, seal->sealed, &len, seal->waiting, (int)seal->len) != 1 ||
        EVP_EncryptFinal_ex(seal->cipher, seal->sealed + len, &rest) != 1 ||
        EVP_CIPHER_CTX_ctrl(seal->cipher, EVP_CTRL_AEAD_GET_TAG, TAG, seal->sealed + len) != 1) {
        return broken(error);
    }
    seal->chunks++;
    seal->len = 0;
    return put(seal->file, seal->sealed, (size_t)len + TAG, error);
}

enum cm_status cm_seal_add(struct cm_seal *seal, struct cm_bytes clear, struct cm_error *error)
{
    enum cm_status status = CM_OK;
    while (clear.len > 0 && status == CM_OK) {
        // A full chunk waits until more comes: it could be the last.
        if (seal->len == CHUNK) {
            status = seal_chunk(seal, false, error);
        }
        size_t part = clear.len < CHUNK - seal->len ? clear.len : CHUNK - seal->len;
        memcpy(seal->waiting + seal->len, clear.data, part);
        seal->len += part;
        clear.data += part;
        clear.len -= part;
    }
    return status;
}

enum cm_status cm_seal_end(struct cm_seal *seal, struct cm_error *error)
{
    return seal_chunk(seal, true, error);
}

uint64_t cm_seal_size(const struct cm_seal *seal)
{
    return HEAD + seal->chunks * (CHUNK + TAG) + seal->len;
}

void cm_seal_free(struct cm_seal *seal)
{
    if (seal == NULL) {
        return;
    }
    EVP_CIPHER_CTX_free(seal->cipher); // OpenSSL cleanses the key
    cm_wipe(seal, sizeof *seal);
    free(seal);
}

static bool open_chunk(uint8_t *out, EVP_CIPHER_CTX *cipher, struct cm_bytes sealed,
                       uint64_t number, bool last)
{
    uint8_t nonce[NONCE];
    int len = 0;
    int rest = 0;
    uint8_t tag[TAG];
    size_t clear = sealed.len - TAG;
    nonce_of(nonce, number, last);
    memcpy(tag, sealed.data + clear, TAG);
    return EVP_DecryptInit_ex(cipher, NULL, NULL, NULL, nonce) == 1 &&
           EVP_DecryptUpdate(cipher, out, &len, sealed.data, (int)clear) == 1 &&
           EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1 &&
           EVP_DecryptFinal_ex(cipher, out + len, &rest) == 1;
}

static enum cm_status open_all(struct cm_buf *out, EVP_CIPHER_CTX *cipher, struct cm_bytes sealed,
                               const char *path, struct cm_error *error)
{
    uint8_t *room;
    enum cm_status status = cm_buf_reserve(out, sealed.len, &room);
    if (status != CM_OK) {
        return cm_fail(error, status, path, "too large to hold in memory");
    }
    for (uint64_t number = 0;; number++) {
        size_t len = sealed.len < CHUNK + TAG ? sealed.len : CHUNK + TAG;
        bool last = len == sealed.len;
        if (len < TAG ||
            !open_chunk(room, cipher, (struct cm_bytes){sealed.data, len}, number, last)) {
            ERR_clear_error();
            return cm_fail(error, CM_UNAUTHENTICATED, path, "is damaged or not whole");
        }
        room += len - TAG;
        out->len += len - TAG;
        sealed.data += len;
        sealed.len -= len;
        if (last) {
            return CM_OK;
        }
    }
}

static enum cm_status open_read(struct cm_buf *out, struct cm_bytes file,
                                const struct cm_signer *owner, const char *path,
                                struct cm_error *error)
{
    uint8_t agreed[CM_AGREED_SIZE];
    EVP_CIPHER_CTX *cipher = NULL;
    if (file.len < HEAD || memcmp(file.data, MAGIC, OWNER_AT) != 0) {
        return cm_fail(error, CM_UNAUTHENTICATED, path, "is no kept answer");
    }
    if (memcmp(file.data + OWNER_AT, cm_signer_key_hash(owner)->b, CM_DIGEST_SIZE) != 0) {
        return cm_fail(error, CM_UNAUTHENTICATED, path, "was kept for another key than yours");
    }
    enum cm_status status =
        cm_signer_agree(agreed, owner, (struct cm_bytes){file.data + FRESH_AT, CM_SPKI_SIZE});
    if (status == CM_OK) {
        status = start(&cipher, agreed, file.data, false);
    }
    status = status == CM_INVALID ? cm_fail(error, CM_UNAUTHENTICATED, path, "is damaged")
             : status != CM_OK
                 ? broken(error)
                 : open_all(out, cipher, (struct cm_bytes){file.data + HEAD, file.len - HEAD}, path,
                            error);
    EVP_CIPHER_CTX_free(cipher);
    return status;
}

enum cm_status cm_seal_open(struct cm_buf *out, const char *path, const struct cm_signer *owner,
                            size_t max, struct cm_error *error)
{
    struct cm_buf file = {0};
    enum cm_status status = cm_file_read(&file, path, max, error);
    if (status == CM_OK) {
        status = open_read(out, cm_buf_bytes(&file), owner, path, error);
    }
    cm_buf_clear(&file);
    if (status != CM_OK && out->data != NULL) {
        cm_wipe(out->data, out->len);
        out->len = 0;
    }
    return status;
}
