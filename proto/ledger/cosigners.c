#include "proto/ledger/cosigners.h"

#include <string.h>

enum { PEM_LINE = 64 };

static const char mark[] = "# ";
static const char begin[] = "-----BEGIN CERTIFICATE-----\n";
static const char end[] = "-----END CERTIFICATE-----\n";

static enum cm_status add_pem(struct cm_buf *out, struct cm_bytes der)
{
    struct cm_buf text = {0};
    enum cm_status status = cm_base64(&text, der);
    if (!status) {
        status = cm_buf_printf(out, "%s", begin);
    }
    for (size_t at = 0; at < text.len && !status; at += PEM_LINE) {
        const size_t left = text.len - at;
        status = cm_buf_printf(out, "%.*s\n", (int)(left < PEM_LINE ? left : PEM_LINE),
                               (const char *)text.data + at);
    }
    cm_buf_clear(&text);
    return status ? status : cm_buf_printf(out, "%s", end);
}

enum cm_status cm_cosigners_add(struct cm_buf *out, const char *name, const struct cm_bytes *chain,
                                size_t count)
{
    enum cm_status status = cm_buf_printf(out, "%s%s\n", mark, name);
    for (size_t i = 0; i < count && !status; i++) {
        status = add_pem(out, chain[i]);
    }
    return status;
}

static bool take(struct cm_bytes *rest, const char *text)
{
    const size_t len = strlen(text);
    if (rest->len < len || memcmp(rest->data, text, len) != 0) {
        return false;
    }
    *rest = (struct cm_bytes){rest->data + len, rest->len - len};
    return true;
}

static enum cm_status take_name(struct cm_cosigner *out, struct cm_arena *arena,
                                struct cm_bytes *rest)
{
    if (!take(rest, mark)) {
        return CM_INVALID;
    }
    const uint8_t *newline = rest->len > 0 ? memchr(rest->data, '\n', rest->len) : NULL;
    const size_t len = newline ? (size_t)(newline - rest->data) : 0;
    if (len == 0 || len > CM_MAX_ORIGIN || memchr(rest->data, '\0', len)) {
        return CM_INVALID;
    }
    out->name = cm_arena_string(arena, (struct cm_bytes){rest->data, len});
    *rest = (struct cm_bytes){newline + 1, rest->len - len - 1};
    return out->name ? CM_OK : CM_MEMORY;
}

// After its first line.
static enum cm_status take_pem(struct cm_cosigner *out, struct cm_arena *arena,
                               struct cm_bytes *rest)
{
    struct cm_buf text = {.max = 2 * CM_MAX_CERTIFICATE}, der = {.max = 2 * CM_MAX_CERTIFICATE};
    const uint8_t *stop = rest->len > 0 ? memmem(rest->data, rest->len, end, sizeof end - 1) : NULL;
    enum cm_status status = stop && out->chain_count < CM_MAX_CHAIN ? CM_OK : CM_INVALID;
    for (const uint8_t *at = rest->data; !status && at < stop;) {
        const uint8_t *newline = memchr(at, '\n', (size_t)(stop - at));
        const uint8_t *line_end = newline ? newline : stop;
        status = cm_buf_add(&text, at, (size_t)(line_end - at));
        at = line_end + 1;
    }
    if (!status) {
        status = cm_unbase64(&der, cm_buf_bytes(&text));
    }
    if (!status) {
        status = cm_arena_bytes(arena, &out->chain[out->chain_count++], cm_buf_bytes(&der));
        const size_t used = (size_t)(stop - rest->data) + sizeof end - 1;
        *rest = (struct cm_bytes){stop + sizeof end - 1, rest->len - used};
    }
    cm_buf_clear(&text);
    cm_buf_clear(&der);
    return status;
}

enum cm_status cm_cosigners_next(struct cm_cosigner *out, struct cm_arena *arena,
                                 struct cm_bytes *rest, struct cm_error *error)
{
    const struct cm_bytes all = *rest;
    struct cm_buf again = {0};
    *out = (struct cm_cosigner){.chain_count = 0};
    enum cm_status status = take_name(out, arena, rest);
    while (!status && take(rest, begin)) {
        status = take_pem(out, arena, rest);
    }
    if (!status) {
        status = cm_cosigners_add(&again, out->name, out->chain, out->chain_count);
    }
    if (!status &&
        (out->chain_count == 0 ||
         !cm_bytes_equal(cm_buf_bytes(&again), (struct cm_bytes){all.data, all.len - rest->len}))) {
        status = CM_INVALID;
    }
    cm_buf_clear(&again);
    return status ? cm_fail(error, status, "cosigners",
                            "this is no list of witnesses and their "
                            "certificates")
                  : CM_OK;
}
