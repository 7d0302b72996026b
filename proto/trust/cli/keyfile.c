#include "proto/trust/cli/keyfile.h"

#include "proto/base/file.h"
#include "proto/envelope/dsse.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <string.h>

// OWASP's count for PBKDF2-HMAC-SHA256 (2023): some tenths of a second for each guess.
enum { PBKDF2_ROUNDS = 600000, SALT_SIZE = 16 };

int cm_keyfile_passphrase(char *out, int size, int writing, void *userdata)
{
    (void)writing;
    struct cm_bytes passphrase = userdata != NULL ? cm_bytes_of(userdata) : CM_BYTES_NONE;
    if (passphrase.len == 0 || size < 0 || passphrase.len > (size_t)size) {
        return -1;
    }
    memcpy(out, passphrase.data, passphrase.len);
    return (int)passphrase.len;
}

enum cm_status cm_keyfile_openssl(struct cm_error *error, const char *where, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    cm_fail(error, CM_INTERNAL, where, "%s: %s", what, reason != NULL ? reason : "OpenSSL failed");
    ERR_clear_error();
    return CM_INTERNAL;
}

enum cm_status cm_keyfile_new(EVP_PKEY **out, struct cm_error *error)
{
    *out = EVP_EC_gen("P-256");
    return *out != NULL ? CM_OK : cm_keyfile_openssl(error, "key", "cannot make a key");
}

static bool write_encrypted(BIO *bio, EVP_PKEY *key, const char *passphrase)
{
    uint8_t salt[SALT_SIZE];
    PKCS8_PRIV_KEY_INFO *plain = EVP_PKEY2PKCS8(key);
    X509_SIG *sealed = NULL;
    if (plain != NULL && RAND_bytes(salt, sizeof salt) == 1) {
        sealed = PKCS8_encrypt(-1, EVP_aes_256_cbc(), passphrase, (int)strlen(passphrase), salt,
                               sizeof salt, PBKDF2_ROUNDS, plain);
    }
    bool ok = sealed != NULL && PEM_write_bio_PKCS8(bio, sealed) == 1;
    X509_SIG_free(sealed);
    PKCS8_PRIV_KEY_INFO_free(plain);
    return ok;
}

enum cm_status cm_keyfile_save(const char *path, EVP_PKEY *key, const char *passphrase,
                               struct cm_error *error)
{
    enum cm_status status;
    BIO *bio = BIO_new(BIO_s_secmem());
    bool ok =
        bio != NULL &&
        (passphrase != NULL ? write_encrypted(bio, key, passphrase)
                            : PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
    if (!ok) {
        status = cm_keyfile_openssl(error, path, "cannot write the key");
        goto out;
    }
    char *text;
    long len = BIO_get_mem_data(bio, &text);
    status = cm_file_create(path, (struct cm_bytes){(uint8_t *)text, (size_t)len}, 0600, error);
    if (status == CM_INVALID) {
        cm_error_hint(error, "A key is never overwritten. Choose another folder, or move it away "
                             "when you are sure that nothing needs it.");
    }
    cm_wipe(text, (size_t)len);
out:
    BIO_free(bio);
    return status;
}

enum cm_status cm_keyfile_load(EVP_PKEY **out, const char *path, const char *passphrase,
                               struct cm_error *error)
{
    struct cm_buf text = {.max = 2 * CM_KEYFILE_MAX + 64 * 1024};
    BIO *bio = NULL;
    *out = NULL;
    enum cm_status status = cm_file_read(&text, path, CM_KEYFILE_MAX, error);
    if (status != CM_OK) {
        goto out;
    }
    bio = BIO_new_mem_buf(text.data, (int)text.len);
    void *userdata = (void *)(uintptr_t)passphrase;
    *out = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, cm_keyfile_passphrase, userdata) : NULL;
    if (*out == NULL) {
        status = cm_fail(error, CM_UNAUTHENTICATED, path,
                         "it is no private key, or the passphrase is not the one it was made with");
        ERR_clear_error();
        goto out;
    }
    struct cm_digest pin;
    status = cm_keyfile_pin(&pin, *out, path, error);
out:
    if (status != CM_OK) {
        EVP_PKEY_free(*out);
        *out = NULL;
    }
    BIO_free(bio);
    cm_wipe(text.data, text.len);
    cm_buf_clear(&text);
    return status;
}

enum cm_status cm_keyfile_pin(struct cm_digest *out, EVP_PKEY *key, const char *where,
                              struct cm_error *error)
{
    uint8_t *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    struct cm_key *checked = NULL;
    enum cm_status status = CM_INVALID;
    if (len > 0) {
        status = cm_key_new(&checked, (struct cm_bytes){der, (size_t)len});
    }
    if (status == CM_OK) {
        *out = *cm_key_hash(checked);
    } else {
        status = cm_fail(error, CM_INVALID, where, "its key is not on the curve P-256");
        cm_error_hint(error, "Make keys with 'comity keys request'; nothing else is accepted.");
    }
    cm_key_free(checked);
    OPENSSL_free(der);
    ERR_clear_error();
    return status;
}
