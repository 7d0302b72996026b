#include "proto/ledger/note.h"

#include <stdlib.h>
#include <string.h>
#include <unictype.h>
#include <unistr.h>

enum { KEYID_SIZE = CM_NOTE_KEYID_SIZE };

static const char dash[] = "\xe2\x80\x94 "; // EM DASH, space

bool cm_note_name_fits(struct cm_bytes name)
{
    bool fits = name.len > 0 && cm_utf8_valid(name);
    ucs4_t c;
    for (size_t at = 0; fits && at < name.len;) {
        at += (size_t)u8_mbtouc(&c, name.data + at, name.len - at);
        fits = c != '+' && !uc_is_property_white_space(c);
    }
    return fits;
}

enum cm_status cm_note_line(struct cm_buf *out, const char *name, struct cm_bytes value)
{
    struct cm_buf text = {0};
    enum cm_status status = cm_base64(&text, value);
    if (!status) {
        status =
            cm_buf_printf(out, "%s%s %.*s\n", dash, name, (int)text.len, (const char *)text.data);
    }
    cm_buf_clear(&text);
    return status;
}

enum cm_status cm_note_sign(struct cm_buf *note, struct cm_bytes text, const char *name,
                            const struct cm_signer *signer)
{
    if (text.len == 0 || text.data[text.len - 1] != '\n' || !cm_note_name_fits(cm_bytes_of(name))) {
        return CM_INVALID;
    }
    struct cm_buf sig = {0};
    enum cm_status status = cm_buf_add(&sig, cm_signer_key_hash(signer)->b, KEYID_SIZE);
    if (!status) {
        status = cm_signer_der(&sig, signer, text);
    }
    if (!status) {
        status = cm_buf_add(note, text.data, text.len);
    }
    if (!status) {
        status = cm_buf_add(note, "\n", 1);
    }
    if (!status) {
        status = cm_note_line(note, name, cm_buf_bytes(&sig));
    }
    cm_buf_clear(&sig);
    return status;
}

// No control character but newline, well-formed UTF-8.
static bool printable(struct cm_bytes note)
{
    for (size_t i = 0; i < note.len; i++) {
        if ((note.data[i] < 0x20 && note.data[i] != '\n') || note.data[i] == 0x7f) {
            return false;
        }
    }
    return cm_utf8_valid(note);
}

// The text ends at the last blank line, which the signatures follow.
static bool split(struct cm_bytes note, struct cm_bytes *text, struct cm_bytes *signatures)
{
    for (size_t i = note.len; i-- > 1;) {
        if (note.data[i] == '\n' && note.data[i - 1] == '\n') {
            *text = (struct cm_bytes){note.data, i};
            *signatures = (struct cm_bytes){note.data + i + 1, note.len - i - 1};
            return signatures->len > 0;
        }
    }
    return false;
}

enum cm_status cm_note_split(struct cm_bytes *text, struct cm_bytes *lines, struct cm_bytes note)
{
    return printable(note) && split(note, text, lines) ? CM_OK : CM_INVALID;
}

bool cm_note_next(struct cm_note_line *out, struct cm_bytes *rest)
{
    const uint8_t *end = rest->len == 0 ? NULL : memchr(rest->data, '\n', rest->len);
    const size_t mark = sizeof dash - 1;
    if (!end) {
        return false;
    }
    const size_t len = (size_t)(end - rest->data);
    if (len <= mark || memcmp(rest->data, dash, mark) != 0) {
        return false;
    }
    const uint8_t *name = rest->data + mark;
    const uint8_t *space = memchr(name, ' ', len - mark);
    if (!space) {
        return false;
    }
    out->name = (struct cm_bytes){name, (size_t)(space - name)};
    out->value = (struct cm_bytes){space + 1, (size_t)(end - space - 1)};
    *rest = (struct cm_bytes){end + 1, rest->len - len - 1};
    return cm_note_name_fits(out->name);
}

// CM_NOT_FOUND when the line is another's.
static enum cm_status check_line(const struct cm_note_line *line, struct cm_bytes text,
                                 const char *name, const struct cm_key *key)
{
    struct cm_buf value = {.max = KEYID_SIZE + 1024};
    enum cm_status status = cm_unbase64(&value, line->value);
    if (!status && value.len <= KEYID_SIZE) {
        status = CM_INVALID;
    }
    if (!status && (!cm_bytes_equal(line->name, cm_bytes_of(name)) ||
                    memcmp(value.data, cm_key_hash(key)->b, KEYID_SIZE) != 0)) {
        status = CM_NOT_FOUND;
    }
    if (!status && value.len > KEYID_SIZE + CM_MAX_SIG_DER) {
        status = CM_UNAUTHENTICATED;
    }
    if (!status) {
        const struct cm_bytes sig = {value.data + KEYID_SIZE, value.len - KEYID_SIZE};
        status = cm_key_verify_der(key, text, sig);
    }
    cm_buf_clear(&value);
    return status;
}

enum cm_status cm_note_open(struct cm_bytes *text, struct cm_bytes note, const char *name,
                            const struct cm_key *key, struct cm_error *error)
{
    struct cm_bytes rest;
    if (cm_note_split(text, &rest, note)) {
        return cm_fail(error, CM_INVALID, "note", "this is no signed note");
    }
    bool signed_by_key = false;
    for (unsigned lines = 0; rest.len > 0; lines++) {
        struct cm_note_line line;
        if (lines == CM_MAX_NOTE_SIGNATURES || !cm_note_next(&line, &rest)) {
            return cm_fail(error, CM_INVALID, "note.signatures",
                           "a signature line is malformed, or there are more than %d",
                           CM_MAX_NOTE_SIGNATURES);
        }
        const enum cm_status status = check_line(&line, *text, name, key);
        if (status == CM_NOT_FOUND) {
            continue;
        }
        if (status == CM_INVALID) {
            return cm_fail(error, CM_INVALID, "note.signatures", "a signature is no base64");
        }
        if (status) {
            return cm_fail(error, status, "note.signatures", "the signature by %s does not hold",
                           name);
        }
        signed_by_key = true;
    }
    if (!signed_by_key) {
        return cm_fail(error, CM_UNAUTHENTICATED, "note.signatures",
                       "%s has not signed with its key", name);
    }
    return CM_OK;
}
