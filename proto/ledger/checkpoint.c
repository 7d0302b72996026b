#include "proto/ledger/checkpoint.h"

#include "proto/ledger/note.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum cm_status cm_checkpoint_sign(struct cm_buf *note, const struct cm_checkpoint *checkpoint,
                                  const struct cm_signer *signer)
{
    struct cm_buf text = {0};
    enum cm_status status =
        cm_buf_printf(&text, "%s\n%" PRIu64 "\n", checkpoint->origin, checkpoint->size);
    if (!status) {
        status = cm_base64(&text, cm_bytes_digest(&checkpoint->root));
    }
    if (!status) {
        status = cm_buf_add(&text, "\n", 1);
    }
    if (!status) {
        status = cm_note_sign(note, cm_buf_bytes(&text), checkpoint->origin, signer);
    }
    cm_buf_clear(&text);
    return status;
}

// Cuts the first line off *rest; false when there is none.
static bool cut_line(struct cm_bytes *line, struct cm_bytes *rest)
{
    const uint8_t *end = rest->len ? memchr(rest->data, '\n', rest->len) : NULL;
    if (!end) {
        return false;
    }
    *line = (struct cm_bytes){rest->data, (size_t)(end - rest->data)};
    *rest = (struct cm_bytes){end + 1, rest->len - line->len - 1};
    return true;
}

// Decimal without leading zeros.
static bool parse_size(uint64_t *out, struct cm_bytes line)
{
    if (line.len == 0 || (line.data[0] == '0' && line.len > 1)) {
        return false;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < line.len; i++) {
        const unsigned digit = (unsigned)line.data[i] - '0';
        if (digit > 9 || value > (UINT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

static bool parse_root(struct cm_digest *out, struct cm_bytes line)
{
    struct cm_buf root = {.max = 64};
    const bool ok = cm_unbase64(&root, line) == CM_OK && root.len == CM_DIGEST_SIZE;
    if (ok) {
        memcpy(out->b, root.data, CM_DIGEST_SIZE);
    }
    cm_buf_clear(&root);
    return ok;
}

enum cm_status cm_checkpoint_parse(struct cm_checkpoint *out, struct cm_bytes note,
                                   struct cm_error *error)
{
    struct cm_bytes origin, size, root, blank = CM_BYTES_NONE;
    struct cm_bytes rest = note;
    struct cm_bytes whole, lines;
    // Extension lines are refused: none is defined here, so none may be passed over.
    if (note.len > CM_MAX_CHECKPOINT || !cut_line(&origin, &rest) || !cut_line(&size, &rest) ||
        !cut_line(&root, &rest) || !cut_line(&blank, &rest) || blank.len != 0) {
        return cm_fail(error, CM_INVALID, "checkpoint", "this is no checkpoint");
    }
    // A second blank line would put more under the signature than is read here.
    if (cm_note_split(&whole, &lines, note) != CM_OK || whole.len != note.len - rest.len - 1) {
        return cm_fail(error, CM_INVALID, "checkpoint", "this is no signed note");
    }
    if (origin.len == 0 || origin.len > CM_MAX_ORIGIN || !cm_utf8_valid(origin)) {
        return cm_fail(error, CM_INVALID, "checkpoint.origin", "the origin is malformed");
    }
    memcpy(out->origin, origin.data, origin.len);
    out->origin[origin.len] = '\0';
    if (!parse_size(&out->size, size)) {
        return cm_fail(error, CM_INVALID, "checkpoint.size", "the size is malformed");
    }
    if (!parse_root(&out->root, root)) {
        return cm_fail(error, CM_INVALID, "checkpoint.root", "the root is no SHA-256 in base64");
    }
    return CM_OK;
}

enum cm_status cm_checkpoint_open(struct cm_checkpoint *out, struct cm_bytes note,
                                  const struct cm_key *key, struct cm_error *error)
{
    struct cm_bytes text;
    const enum cm_status status = cm_checkpoint_parse(out, note, error);
    return status ? status : cm_note_open(&text, note, out->origin, key, error);
}

enum cm_status cm_checkpoint_origin(char out[CM_MAX_ORIGIN + 1], const char *spiffe)
{
    char federation[CM_MAX_ID + 1], agency[CM_MAX_ID + 1], role[CM_MAX_ID + 1], name[CM_MAX_ID + 1];
    int end = 0;
    if (sscanf(spiffe, "spiffe://%96[a-z0-9.-]/%96[a-z0-9._-]/%96[a-z]/%96[a-z0-9.-]%n", federation,
               agency, role, name, &end) != 4 ||
        spiffe[end] != '\0') {
        return CM_INVALID;
    }
    int len = -1;
    if (strcmp(agency, "_") == 0 && strcmp(role, "gateway") == 0) {
        len = snprintf(out, CM_MAX_ORIGIN + 1, "%s/gateway/%s", federation, name);
    } else if (strcmp(agency, "_") != 0 && strcmp(role, "node") == 0) {
        len = snprintf(out, CM_MAX_ORIGIN + 1, "%s/%s/node/%s", federation, agency, name);
    }
    return len > 0 && len <= CM_MAX_ORIGIN ? CM_OK : CM_INVALID;
}

enum cm_status cm_checkpoint_epoch_origin(char out[CM_MAX_ORIGIN + 1], const char *base,
                                          uint64_t epoch)
{
    const int len = epoch > 1 ? snprintf(out, CM_MAX_ORIGIN + 1, "%s/epoch/%" PRIu64, base, epoch)
                              : snprintf(out, CM_MAX_ORIGIN + 1, "%s", base);
    return len > 0 && len <= CM_MAX_ORIGIN ? CM_OK : CM_INVALID;
}
