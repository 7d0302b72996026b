#include "proto/ledger/vkey.h"

#include "proto/ledger/note.h"

#include <string.h>

enum { TYPE_P256 = 0x02, HASH_SIZE = 4, HASH_DIGITS = 2 * HASH_SIZE };

enum cm_status cm_vkey_format(struct cm_buf *out, const char *name, struct cm_bytes spki)
{
    const uint8_t type = TYPE_P256;
    struct cm_digest hash;
    char digits[HASH_DIGITS + 1];
    struct cm_buf key = {0};
    cm_sha256_of(&hash, spki);
    cm_hex(digits, (struct cm_bytes){hash.b, HASH_SIZE});
    enum cm_status status = cm_buf_add(&key, &type, 1);
    if (!status) {
        status = cm_buf_add(&key, spki.data, spki.len);
    }
    if (!status) {
        status = cm_buf_printf(out, "%s+%s+", name, digits);
    }
    if (!status) {
        status = cm_base64(out, cm_buf_bytes(&key));
    }
    if (!status) {
        status = cm_buf_add(out, "\n", 1);
    }
    cm_buf_clear(&key);
    return status;
}

static enum cm_status parse_key(struct cm_key **out, const char *digits, struct cm_bytes value)
{
    char want[HASH_DIGITS + 1];
    struct cm_buf key = {.max = CM_MAX_VKEY};
    enum cm_status status = cm_unbase64(&key, value);
    if (!status && (key.len < 2 || key.data[0] != TYPE_P256)) {
        status = CM_INVALID;
    }
    if (!status) {
        status = cm_key_new(out, (struct cm_bytes){key.data + 1, key.len - 1});
    }
    cm_buf_clear(&key);
    if (status) {
        return status;
    }
    cm_hex(want, (struct cm_bytes){cm_key_hash(*out)->b, HASH_SIZE});
    if (strcmp(want, digits) != 0) {
        cm_key_free(*out);
        *out = NULL;
        return CM_INVALID;
    }
    return CM_OK;
}

enum cm_status cm_vkey_parse(char *name, struct cm_key **out, struct cm_bytes vkey,
                             struct cm_error *error)
{
    if (vkey.len > 0 && vkey.data[vkey.len - 1] == '\n') {
        vkey.len--;
    }
    // Base64 may hold a '+' too, so the parts are cut from the left.
    const uint8_t *plus = vkey.len > 0 ? memchr(vkey.data, '+', vkey.len) : NULL;
    const size_t name_len = plus ? (size_t)(plus - vkey.data) : 0;
    const size_t head = name_len + 1 + HASH_DIGITS + 1;
    if (!plus || name_len >= CM_MAX_VKEY || vkey.len <= head || vkey.data[head - 1] != '+' ||
        !cm_note_name_fits((struct cm_bytes){vkey.data, name_len})) {
        return cm_fail(error, CM_INVALID, "vkey", "this is no verifier key");
    }
    char digits[HASH_DIGITS + 1] = "";
    memcpy(digits, plus + 1, HASH_DIGITS);
    const enum cm_status status =
        parse_key(out, digits, (struct cm_bytes){vkey.data + head, vkey.len - head});
    if (status) {
        return cm_fail(error, status, "vkey", "this is no verifier key of ECDSA P-256");
    }
    memcpy(name, vkey.data, name_len);
    name[name_len] = '\0';
    return CM_OK;
}
