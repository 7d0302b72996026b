#include "proto/base/bytes.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistr.h>

struct cm_bytes cm_bytes_of(const char *text)
{
    return (struct cm_bytes){(const uint8_t *)text, text != NULL ? strlen(text) : 0};
}

struct cm_bytes cm_bytes_digest(const struct cm_digest *digest)
{
    return (struct cm_bytes){digest->b, CM_DIGEST_SIZE};
}

struct cm_bytes cm_buf_bytes(const struct cm_buf *buf)
{
    return (struct cm_bytes){buf->data, buf->len};
}

bool cm_bytes_equal(struct cm_bytes a, struct cm_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool cm_digest_equal(const struct cm_digest *a, const struct cm_digest *b)
{
    return memcmp(a->b, b->b, CM_DIGEST_SIZE) == 0;
}

bool cm_digest_is_zero(const struct cm_digest *a)
{
    static const struct cm_digest zero;
    return cm_digest_equal(a, &zero);
}

int cm_bytes_compare(struct cm_bytes a, struct cm_bytes b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter > 0 ? memcmp(a.data, b.data, shorter) : 0;
    if (order != 0) {
        return order;
    }
    return (a.len > b.len) - (a.len < b.len);
}

bool cm_secret_equal(struct cm_bytes a, struct cm_bytes b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.data, b.data, a.len) == 0);
}

void cm_wipe(void *data, size_t len)
{
    OPENSSL_cleanse(data, len);
}

// Fetched once: a fetch per hash costs three times the hash of a Merkle node.
static EVP_MD *sha256_method;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;
static pthread_once_t hmac_once = PTHREAD_ONCE_INIT;
static EVP_MAC_CTX *hmac_template; // keyed with nothing secret
static _Thread_local EVP_MD_CTX *sha256_context;
static pthread_key_t sha256_key;

static void free_context(void *context)
{
    EVP_MD_CTX_free(context);
}

static void fetch_sha256(void)
{
    sha256_method = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (sha256_method == NULL || pthread_key_create(&sha256_key, free_context) != 0) {
        abort();
    }
}

static EVP_MD_CTX *start_sha256(void)
{
    pthread_once(&sha256_once, fetch_sha256);
    if (sha256_context == NULL) {
        sha256_context = EVP_MD_CTX_new();
        if (sha256_context == NULL || pthread_setspecific(sha256_key, sha256_context) != 0) {
            abort();
        }
    }
    if (EVP_DigestInit_ex2(sha256_context, sha256_method, NULL) != 1) {
        abort();
    }
    return sha256_context;
}

void cm_sha256(struct cm_digest *out, const struct cm_bytes *parts, size_t count)
{
    EVP_MD_CTX *context = start_sha256();
    int ok = 1;
    for (size_t i = 0; i < count; i++) {
        ok &= EVP_DigestUpdate(context, parts[i].data, parts[i].len);
    }
    ok &= EVP_DigestFinal_ex(context, out->b, NULL);
    if (ok != 1) {
        abort();
    }
}

void cm_sha256_of(struct cm_digest *out, struct cm_bytes data)
{
    cm_sha256(out, &data, 1);
}

// Keyed once, so that copies of it can be keyed anew without a fetch.
static void fetch_hmac(void)
{
    static const uint8_t key;
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *method = EVP_MAC_fetch(NULL, "HMAC", NULL);
    hmac_template = EVP_MAC_CTX_new(method);
    EVP_MAC_free(method);
    if (hmac_template == NULL || EVP_MAC_init(hmac_template, &key, sizeof key, parameters) != 1) {
        abort();
    }
}

void cm_hmac_sha256(struct cm_digest *out, struct cm_bytes key, struct cm_bytes data)
{
    static const uint8_t nothing;
    pthread_once(&hmac_once, fetch_hmac);
    EVP_MAC_CTX *context = EVP_MAC_CTX_dup(hmac_template);
    if (context == NULL ||
        EVP_MAC_init(context, key.len > 0 ? key.data : &nothing, key.len, NULL) != 1 ||
        EVP_MAC_update(context, data.data, data.len) != 1 ||
        EVP_MAC_final(context, out->b, NULL, CM_DIGEST_SIZE) != 1) {
        abort();
    }
    EVP_MAC_CTX_free(context);
}

enum cm_status cm_random(void *out, size_t len)
{
    return RAND_priv_bytes(out, (int)len) == 1 ? CM_OK : CM_INTERNAL;
}

enum cm_status cm_buf_reserve(struct cm_buf *buf, size_t len, uint8_t **out)
{
    size_t bound = buf->max != 0 ? buf->max : SIZE_MAX / 2;
    if (buf->len > bound || len > bound - buf->len) {
        return CM_MEMORY;
    }
    if (buf->len + len > buf->cap || buf->data == NULL) {
        size_t cap = buf->cap < 32 ? 64 : buf->cap * 2;
        if (cap < buf->len + len) {
            cap = buf->len + len;
        }
        uint8_t *grown = realloc(buf->data, cap);
        if (grown == NULL) {
            return CM_MEMORY;
        }
        buf->data = grown;
        buf->cap = cap;
    }
    *out = buf->data + buf->len;
    return CM_OK;
}

enum cm_status cm_buf_add(struct cm_buf *buf, const void *data, size_t len)
{
    uint8_t *room;
    enum cm_status status = cm_buf_reserve(buf, len, &room);
    if (status == CM_OK && len > 0) {
        memcpy(room, data, len);
        buf->len += len;
    }
    return status;
}

enum cm_status cm_buf_printf(struct cm_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    uint8_t *room;
    enum cm_status status = len < 0 ? CM_INTERNAL : cm_buf_reserve(buf, (size_t)len + 1, &room);
    if (status == CM_OK) {
        vsnprintf((char *)room, (size_t)len + 1, format, again);
        buf->len += (size_t)len;
    }
    va_end(again);
    return status;
}

void cm_buf_clear(struct cm_buf *buf)
{
    free(buf->data);
    *buf = (struct cm_buf){.max = buf->max};
}

void cm_hex(char *out, struct cm_bytes in)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < in.len; i++) {
        out[2 * i] = digits[in.data[i] >> 4];
        out[2 * i + 1] = digits[in.data[i] & 15];
    }
    out[2 * in.len] = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

enum cm_status cm_unhex(uint8_t *out, size_t len, const char *text)
{
    if (strlen(text) != 2 * len) {
        return CM_INVALID;
    }
    for (size_t i = 0; i < len; i++) {
        int high = hex_value(text[2 * i]);
        int low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return CM_INVALID;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return CM_OK;
}

enum cm_status cm_base64(struct cm_buf *out, struct cm_bytes in)
{
    size_t len = (in.len + 2) / 3 * 4;
    uint8_t *room;
    enum cm_status status = cm_buf_reserve(out, len + 1, &room);
    if (status == CM_OK) {
        EVP_EncodeBlock(room, in.data, (int)in.len);
        out->len += len;
    }
    return status;
}

enum cm_status cm_unbase64(struct cm_buf *out, struct cm_bytes in)
{
    if (in.len % 4 != 0) {
        return CM_INVALID;
    }
    if (in.len == 0) {
        return CM_OK;
    }
    uint8_t *room;
    enum cm_status status = cm_buf_reserve(out, in.len / 4 * 3, &room);
    if (status != CM_OK) {
        return status;
    }
    int len = EVP_DecodeBlock(room, in.data, (int)in.len);
    if (len < 0) {
        return CM_INVALID;
    }
    size_t padding = (size_t)(in.data[in.len - 1] == '=') + (size_t)(in.data[in.len - 2] == '=');
    struct cm_bytes decoded = {room, (size_t)len - padding};
    // Encoding again catches white space, stray bits and misplaced padding, which OpenSSL forgives.
    struct cm_buf again = {0};
    status = cm_base64(&again, decoded);
    if (status == CM_OK && !cm_bytes_equal(cm_buf_bytes(&again), in)) {
        status = CM_INVALID;
    }
    cm_buf_clear(&again);
    if (status == CM_OK) {
        out->len += decoded.len;
    }
    return status;
}

bool cm_utf8_valid(struct cm_bytes text)
{
    return text.len == 0 ||
           (u8_check(text.data, text.len) == NULL && memchr(text.data, 0, text.len) == NULL);
}
