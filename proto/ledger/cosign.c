#include "proto/ledger/cosign.h"

#include "proto/ledger/checkpoint.h"

#include <inttypes.h>
#include <string.h>

enum { TIME_SIZE = 8, MIN_VALUE = CM_NOTE_KEYID_SIZE + TIME_SIZE };

static const char type_of_key[] = "\xff"
                                  "comity.v1/ecdsa-p256";

// C2SP signed-note: SHA-256(name ‖ 0x0A ‖ type ‖ public key), its first four bytes.
static void key_id(struct cm_digest *out, const char *name, struct cm_bytes spki)
{
    const struct cm_bytes parts[] = {cm_bytes_of(name), cm_bytes_of("\n"), cm_bytes_of(type_of_key),
                                     spki};
    cm_sha256(out, parts, sizeof parts / sizeof *parts);
}

static enum cm_status signed_text(struct cm_buf *out, struct cm_bytes note, uint64_t time_s)
{
    struct cm_bytes text, lines;
    enum cm_status status = cm_note_split(&text, &lines, note);
    if (!status) {
        status = cm_buf_printf(out, "cosignature/v1\ntime %" PRIu64 "\n", time_s);
    }
    return status ? status : cm_buf_add(out, text.data, text.len);
}

enum cm_status cm_cosign(struct cm_buf *line, struct cm_bytes note, int64_t time_s,
                         const struct cm_signer *signer)
{
    char name[CM_MAX_ORIGIN + 1];
    struct cm_digest id;
    struct cm_buf text = {0}, value = {0};
    uint8_t head[MIN_VALUE];
    enum cm_status status =
        time_s < 0 ? CM_INVALID : cm_checkpoint_origin(name, cm_signer_spiffe(signer));
    if (!status) {
        status = signed_text(&text, note, (uint64_t)time_s);
    }
    if (!status) {
        key_id(&id, name, cm_signer_spki(signer));
        memcpy(head, id.b, CM_NOTE_KEYID_SIZE);
        for (int i = 0; i < TIME_SIZE; i++) {
            head[CM_NOTE_KEYID_SIZE + i] = (uint8_t)((uint64_t)time_s >> (56 - 8 * i));
        }
        status = cm_buf_add(&value, head, sizeof head);
    }
    if (!status) {
        status = cm_signer_der(&value, signer, cm_buf_bytes(&text));
    }
    if (!status) {
        status = cm_note_line(line, name, cm_buf_bytes(&value));
    }
    cm_buf_clear(&text);
    cm_buf_clear(&value);
    return status;
}

// CM_NOT_FOUND: another's line. CM_UNAUTHENTICATED: name's and key's, and it doesn't hold.
static enum cm_status check(int64_t *time_s, const struct cm_note_line *line, struct cm_bytes note,
                            const char *name, const struct cm_key *key)
{
    struct cm_digest id;
    struct cm_buf value = {.max = MIN_VALUE + CM_MAX_SIG_DER}, text = {0};
    uint64_t time = 0;
    key_id(&id, name, cm_key_spki(key));
    enum cm_status status = CM_NOT_FOUND;
    if (cm_bytes_equal(line->name, cm_bytes_of(name)) &&
        cm_unbase64(&value, line->value) == CM_OK && value.len > MIN_VALUE &&
        memcmp(value.data, id.b, CM_NOTE_KEYID_SIZE) == 0) {
        for (int i = 0; i < TIME_SIZE; i++) {
            time = time << 8 | value.data[CM_NOTE_KEYID_SIZE + i];
        }
        status = time > INT64_MAX ? CM_UNAUTHENTICATED : signed_text(&text, note, time);
    }
    if (!status) {
        status =
            cm_key_verify_der(key, cm_buf_bytes(&text),
                              (struct cm_bytes){value.data + MIN_VALUE, value.len - MIN_VALUE});
    }
    if (!status && time_s) {
        *time_s = (int64_t)time;
    }
    cm_buf_clear(&text);
    cm_buf_clear(&value);
    return status;
}

static enum cm_status refuse(struct cm_error *error, const char *name)
{
    return cm_fail(error, CM_UNAUTHENTICATED, "cosignature",
                   "%s has not signed this checkpoint with its key", name);
}

enum cm_status cm_cosign_check(int64_t *time_s, struct cm_bytes line, struct cm_bytes note,
                               const char *name, const struct cm_key *key, struct cm_error *error)
{
    struct cm_note_line one;
    if (line.len > CM_MAX_COSIGNATURE_LINE || !cm_note_next(&one, &line) || line.len > 0) {
        return cm_fail(error, CM_INVALID, "cosignature", "not one signature line");
    }
    const enum cm_status status = check(time_s, &one, note, name, key);
    return status == CM_NOT_FOUND || status == CM_UNAUTHENTICATED ? refuse(error, name) : status;
}

enum cm_status cm_cosign_find(int64_t *time_s, struct cm_bytes note, const char *name,
                              const struct cm_key *key, struct cm_error *error)
{
    struct cm_bytes text, lines;
    struct cm_note_line line;
    enum cm_status status = CM_NOT_FOUND;
    if (cm_note_split(&text, &lines, note)) {
        return cm_fail(error, CM_INVALID, "note", "this is no signed note");
    }
    while (status == CM_NOT_FOUND && lines.len > 0) {
        if (!cm_note_next(&line, &lines)) {
            return cm_fail(error, CM_INVALID, "note.signatures", "a signature line is malformed");
        }
        status = check(time_s, &line, note, name, key);
    }
    return status == CM_UNAUTHENTICATED ? refuse(error, name) : status;
}

// Name and key id are the same.
static bool same_signer(const struct cm_note_line *a, const struct cm_note_line *b)
{
    struct cm_buf one = {0}, other = {0};
    const bool same = cm_bytes_equal(a->name, b->name) && !cm_unbase64(&one, a->value) &&
                      !cm_unbase64(&other, b->value) && one.len > CM_NOTE_KEYID_SIZE &&
                      other.len > CM_NOTE_KEYID_SIZE &&
                      memcmp(one.data, other.data, CM_NOTE_KEYID_SIZE) == 0;
    cm_buf_clear(&one);
    cm_buf_clear(&other);
    return same;
}

enum cm_status cm_cosign_add(struct cm_buf *note, struct cm_bytes line)
{
    struct cm_bytes text, lines, rest = line;
    struct cm_note_line new, old;
    unsigned count = 0;
    if (cm_note_split(&text, &lines, cm_buf_bytes(note)) || !cm_note_next(&new, &rest) ||
        rest.len > 0) {
        return CM_INVALID;
    }
    for (; lines.len > 0; count++) {
        if (!cm_note_next(&old, &lines)) {
            return CM_INVALID;
        }
        if (same_signer(&old, &new)) {
            return CM_OK;
        }
    }
    if (count >= CM_MAX_NOTE_SIGNATURES || note->len + line.len > CM_MAX_CHECKPOINT) {
        return CM_EXHAUSTED;
    }
    return cm_buf_add(note, line.data, line.len);
}
