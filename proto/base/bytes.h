// Borrowed spans, fixed digests, a growable buffer; hex and base64. Pure; any thread.
#ifndef CM_BASE_BYTES_H
#define CM_BASE_BYTES_H

#include "proto/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CM_DIGEST_SIZE = 32 };

// Borrowed; data may be NULL only when len is 0.
struct cm_bytes {
    const uint8_t *data;
    size_t len;
};

struct cm_digest {
    uint8_t b[CM_DIGEST_SIZE];
};

// Owned, growing up to max bytes. Zeroed means empty with no bound.
struct cm_buf {
    uint8_t *data;
    size_t len;
    size_t cap;
    size_t max; // 0: none
};

#define CM_BYTES_NONE ((struct cm_bytes){NULL, 0})

struct cm_bytes cm_bytes_of(const char *text);
struct cm_bytes cm_bytes_digest(const struct cm_digest *digest);
struct cm_bytes cm_buf_bytes(const struct cm_buf *buf);
bool cm_bytes_equal(struct cm_bytes a, struct cm_bytes b);
bool cm_digest_equal(const struct cm_digest *a, const struct cm_digest *b);
bool cm_digest_is_zero(const struct cm_digest *a);
// memcmp order, the shorter first among equals.
int cm_bytes_compare(struct cm_bytes a, struct cm_bytes b);
// For secrets: time depends on the lengths alone.
bool cm_secret_equal(struct cm_bytes a, struct cm_bytes b);
// For secrets: not optimised away.
void cm_wipe(void *data, size_t len);

// SHA-256 of the parts one after another. Aborts only if OpenSSL has no SHA-256.
void cm_sha256(struct cm_digest *out, const struct cm_bytes *parts, size_t count);
void cm_sha256_of(struct cm_digest *out, struct cm_bytes data);
void cm_hmac_sha256(struct cm_digest *out, struct cm_bytes key, struct cm_bytes data);
// From the operating system's generator.
enum cm_status cm_random(void *out, size_t len) CM_MUST_CHECK;

// CM_MEMORY past max or out of memory; the buffer is then as before.
enum cm_status cm_buf_add(struct cm_buf *buf, const void *data, size_t len) CM_MUST_CHECK;
// Room for len more bytes; *out points at the first. The caller then raises buf->len.
enum cm_status cm_buf_reserve(struct cm_buf *buf, size_t len, uint8_t **out) CM_MUST_CHECK;
enum cm_status cm_buf_printf(struct cm_buf *buf, const char *format, ...)
    CM_PRINTF(2, 3) CM_MUST_CHECK;
void cm_buf_clear(struct cm_buf *buf);

// out holds 2 * len + 1 characters. Lower case.
void cm_hex(char *out, struct cm_bytes in);
// Exactly len bytes from 2 * len hex digits of either case.
enum cm_status cm_unhex(uint8_t *out, size_t len, const char *text) CM_MUST_CHECK;
// RFC 4648 section 4, padded.
enum cm_status cm_base64(struct cm_buf *out, struct cm_bytes in) CM_MUST_CHECK;
// Strict: canonical padding, no white space.
enum cm_status cm_unbase64(struct cm_buf *out, struct cm_bytes in) CM_MUST_CHECK;

// Well-formed UTF-8 (RFC 3629) without NUL.
bool cm_utf8_valid(struct cm_bytes text);

#endif
