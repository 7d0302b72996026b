#include "proto/rpc/tls.h"

#include "proto/base/file.h"
#include "proto/base/log.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_PEM = 256 * 1024 };

struct cm_tls_server {
    struct cm_tls_files files; // owned copies
    grpc_server_credentials *credentials;
    pthread_mutex_t lock; // handshakes start on several threads
    struct cm_tls_mark seen;
};

static void wipe(struct cm_buf *secret)
{
    cm_wipe(secret->data, secret->cap);
    cm_buf_clear(secret);
}

void cm_tls_clear(struct cm_tls_material *material)
{
    wipe(&material->key);
    cm_buf_clear(&material->chain);
    cm_buf_clear(&material->root);
}

static enum cm_status read_text(struct cm_buf *out, const char *path, struct cm_error *error)
{
    // Room for the whole first: a buffer that grows would leave parts of a key behind.
    uint8_t *room;
    if (cm_buf_reserve(out, (size_t)2 * MAX_PEM, &room)) {
        return cm_fail(error, CM_MEMORY, path, "out of memory");
    }
    enum cm_status status = cm_file_read(out, path, MAX_PEM, error);
    if (status) {
        return status;
    }
    if (memchr(out->data, '\0', out->len)) {
        return cm_fail(error, CM_INVALID, path, "is not a PEM file");
    }
    if (cm_buf_add(out, "", 1)) {
        return cm_fail(error, CM_MEMORY, path, "out of memory");
    }
    return CM_OK;
}

// Returns the number of certificates, the first in *first; 0 when one is malformed.
static unsigned read_certificates(X509 **first, const struct cm_buf *pem)
{
    unsigned count = 0;
    BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->len - 1);
    for (X509 *x; bio && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL;) {
        if (count++ == 0 && first) {
            *first = x;
        } else {
            X509_free(x);
        }
    }
    // Running out of PEM blocks is how a good file ends.
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
        count = 0;
    }
    ERR_clear_error();
    BIO_free(bio);
    return count;
}

static int give_passphrase(char *out, int size, int writing, void *context)
{
    const char *passphrase = context;
    (void)writing;
    size_t len = passphrase ? strlen(passphrase) : 0;
    if (!passphrase || len > (size_t)size) {
        return -1;
    }
    for (size_t i = 0; i < len; i++) { // no terminator is wanted
        out[i] = passphrase[i];
    }
    return (int)len;
}

static enum cm_status parse_key(EVP_PKEY **out, const struct cm_buf *pem, const char *path,
                                const char *passphrase, struct cm_error *error)
{
    BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->len - 1);
    *out = bio ? PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, (void *)passphrase) : NULL;
    BIO_free(bio);
    ERR_clear_error();
    if (*out) {
        return CM_OK;
    }
    if (!strstr((const char *)pem->data, "ENCRYPTED")) {
        return cm_fail(error, CM_INVALID, path, "holds no private key in PEM");
    }
    return cm_fail(error, CM_INVALID, path, "%s",
                   passphrase ? "the passphrase doesn't open this key"
                              : "is encrypted, and no passphrase was given");
}

// gRPC takes a key in the clear only.
static enum cm_status write_key(struct cm_buf *out, EVP_PKEY *key)
{
    enum cm_status status = CM_MEMORY;
    BIO *bio = BIO_new(BIO_s_secmem());
    char *text = NULL;
    if (!bio || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1) {
        goto out;
    }
    long len = BIO_get_mem_data(bio, &text);
    uint8_t *room;
    wipe(out);
    status = cm_buf_reserve(out, (size_t)len + 1, &room);
    if (status) {
        goto out;
    }
    memcpy(room, text, (size_t)len);
    room[len] = '\0';
    out->len = (size_t)len + 1;
out:
    BIO_free(bio);
    return status;
}

enum cm_status cm_tls_load(struct cm_tls_material *out, const struct cm_tls_files *files,
                           const char *passphrase, struct cm_error *error)
{
    *out = (struct cm_tls_material){0};
    X509 *leaf = NULL;
    EVP_PKEY *key = NULL;
    enum cm_status status = read_text(&out->key, files->key_path, error);
    if (status == CM_OK) {
        status = read_text(&out->chain, files->chain_path, error);
    }
    if (status == CM_OK) {
        status = read_text(&out->root, files->root_path, error);
    }
    if (status == CM_OK) {
        status = parse_key(&key, &out->key, files->key_path, passphrase, error);
    }
    if (status) {
        goto out;
    }
    if (!read_certificates(&leaf, &out->chain)) {
        status = cm_fail(error, CM_INVALID, files->chain_path, "holds no certificate in PEM");
    } else if (!read_certificates(NULL, &out->root)) {
        status = cm_fail(error, CM_INVALID, files->root_path, "holds no certificate in PEM");
    } else if (X509_check_private_key(leaf, key) != 1) {
        status = cm_fail(error, CM_INVALID, files->key_path, "doesn't belong to the certificate %s",
                         files->chain_path);
    } else if (write_key(&out->key, key)) {
        status = cm_fail(error, CM_MEMORY, files->key_path, "out of memory");
    }
out:
    ERR_clear_error();
    X509_free(leaf);
    EVP_PKEY_free(key);
    if (status) {
        cm_tls_clear(out);
    }
    return status;
}

void cm_tls_mark(struct cm_tls_mark *out, const struct cm_tls_files *files)
{
    const char *paths[] = {files->key_path, files->chain_path, files->root_path};
    *out = (struct cm_tls_mark){{0}};
    for (size_t i = 0; i < 3; i++) {
        struct stat st;
        if (stat(paths[i], &st)) {
            continue;
        }
        out->of[3 * i] = (int64_t)st.st_ino;
        out->of[3 * i + 1] = st.st_size;
        out->of[3 * i + 2] = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    }
}

static enum cm_status fetch(struct cm_tls_server *tls, grpc_ssl_server_certificate_config **config,
                            struct cm_error *error)
{
    struct cm_tls_material material;
    enum cm_status status = cm_tls_load(&material, &tls->files, NULL, error);
    if (status) {
        return status;
    }
    grpc_ssl_pem_key_cert_pair pair = {(const char *)material.key.data,
                                       (const char *)material.chain.data};
    *config = grpc_ssl_server_certificate_config_create((const char *)material.root.data, &pair, 1);
    cm_tls_clear(&material);
    return CM_OK;
}

static grpc_ssl_certificate_config_reload_status
on_handshake(void *context, grpc_ssl_server_certificate_config **config)
{
    struct cm_tls_server *tls = context;
    struct cm_tls_mark now;
    grpc_ssl_certificate_config_reload_status result = GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    pthread_mutex_lock(&tls->lock);
    cm_tls_mark(&now, &tls->files);
    if (memcmp(&now, &tls->seen, sizeof now) != 0) {
        struct cm_error error = {0};
        // The mark of before the read: what changes meanwhile is read next time.
        tls->seen = now;
        if (fetch(tls, config, &error) == CM_OK) {
            result = GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
        } else {
            result = GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_FAIL;
            cm_log(CM_LOG_ERROR, "certificate-reload-failed", "file=%s error=%s", error.where,
                   error.text);
        }
    }
    pthread_mutex_unlock(&tls->lock);
    return result;
}

enum cm_status cm_tls_server_new(struct cm_tls_server **out, const struct cm_tls_files *files,
                                 struct cm_error *error)
{
    *out = NULL;
    struct cm_tls_material material;
    enum cm_status status = cm_tls_load(&material, files, NULL, error);
    if (status) {
        return status;
    }
    cm_tls_clear(&material);
    struct cm_tls_server *tls = calloc(1, sizeof *tls);
    if (!tls || pthread_mutex_init(&tls->lock, NULL)) {
        free(tls);
        return cm_fail(error, CM_MEMORY, "tls", "out of memory");
    }
    tls->files.key_path = strdup(files->key_path);
    tls->files.chain_path = strdup(files->chain_path);
    tls->files.root_path = strdup(files->root_path);
    if (!tls->files.key_path || !tls->files.chain_path || !tls->files.root_path) {
        cm_tls_server_free(tls);
        return cm_fail(error, CM_MEMORY, "tls", "out of memory");
    }
    tls->credentials = grpc_ssl_server_credentials_create_with_options(
        grpc_ssl_server_credentials_create_options_using_config_fetcher(
            GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY, on_handshake, tls));
    *out = tls;
    return CM_OK;
}

void cm_tls_server_free(struct cm_tls_server *tls)
{
    if (!tls) {
        return;
    }
    if (tls->credentials) {
        grpc_server_credentials_release(tls->credentials);
    }
    free((char *)tls->files.key_path);
    free((char *)tls->files.chain_path);
    free((char *)tls->files.root_path);
    pthread_mutex_destroy(&tls->lock);
    free(tls);
}

grpc_server_credentials *cm_tls_server_credentials(const struct cm_tls_server *tls)
{
    return tls->credentials;
}
