#include "gateway/client/receipt.h"

#include "proto/codec/gateway.h"
#include "proto/codec/receipt.h"

#include <string.h>

enum { SCRATCH_CAP = 256 * 1024 };

struct part {
    enum cm_receipt_kind kind;
    struct cm_bytes bytes;
};

static size_t most(enum cm_receipt_kind kind)
{
    switch (kind) {
    case CM_RECEIPT_QUESTION:
        return CM_MAX_ENVELOPE;
    case CM_RECEIPT_DIRECTORY:
        return CM_MAX_BUNDLE;
    case CM_RECEIPT_GATEWAY:
        return CM_MAX_CERTIFICATE;
    case CM_RECEIPT_RESPONSE:
        return CM_MAX_LOOKUP_RESPONSE;
    case CM_RECEIPT_SIGNATURE:
        return cm_family_facts(CM_FAMILY_RECEIPT)->max_envelope;
    case CM_RECEIPT_NONE:
    case CM_RECEIPT_KIND_COUNT:
        break;
    }
    return 0;
}

void cm_receipt_part(uint8_t out[CM_RECEIPT_PART_SIZE], enum cm_receipt_kind kind, size_t len)
{
    out[0] = (uint8_t)kind;
    for (size_t i = 1; i < CM_RECEIPT_PART_SIZE; i++) {
        out[i] = (uint8_t)(len >> (8 * (CM_RECEIPT_PART_SIZE - 1 - i)));
    }
}

// The first part of rest, which is shortened by it.
static bool take(struct part *out, struct cm_bytes *rest)
{
    if (rest->len < CM_RECEIPT_PART_SIZE || rest->data[0] >= CM_RECEIPT_KIND_COUNT) {
        return false;
    }
    size_t len = 0;
    for (size_t i = 1; i < CM_RECEIPT_PART_SIZE; i++) {
        len = len << 8 | rest->data[i];
    }
    out->kind = (enum cm_receipt_kind)rest->data[0];
    if (len == 0 || len > most(out->kind) || len > rest->len - CM_RECEIPT_PART_SIZE) {
        return false;
    }
    out->bytes = (struct cm_bytes){rest->data + CM_RECEIPT_PART_SIZE, len};
    rest->data += CM_RECEIPT_PART_SIZE + len;
    rest->len -= CM_RECEIPT_PART_SIZE + len;
    return true;
}

static bool take_kind(struct cm_bytes *out, struct cm_bytes *rest, enum cm_receipt_kind kind)
{
    struct part part;
    struct cm_bytes after = *rest;
    if (!take(&part, &after) || part.kind != kind) {
        return false;
    }
    *out = part.bytes;
    *rest = after;
    return true;
}

bool cm_receipt_next(struct cm_bytes *out, struct cm_bytes *responses)
{
    return take_kind(out, responses, CM_RECEIPT_RESPONSE);
}

enum cm_status cm_receipt_read(struct cm_receipt *out, struct cm_bytes bytes,
                               struct cm_error *error)
{
    struct cm_bytes rest = bytes;
    struct cm_bytes response;
    *out = (struct cm_receipt){0};
    if (bytes.len < CM_RECEIPT_MAGIC_SIZE ||
        memcmp(bytes.data, CM_RECEIPT_MAGIC, CM_RECEIPT_MAGIC_SIZE) != 0) {
        return cm_fail(error, CM_INVALID, "receipt", "is none of comity's, or of another version");
    }
    rest.data += CM_RECEIPT_MAGIC_SIZE;
    rest.len -= CM_RECEIPT_MAGIC_SIZE;
    if (!take_kind(&out->question, &rest, CM_RECEIPT_QUESTION) ||
        !take_kind(&out->directory, &rest, CM_RECEIPT_DIRECTORY) ||
        !take_kind(&out->gateway, &rest, CM_RECEIPT_GATEWAY)) {
        return cm_fail(error, CM_INVALID, "receipt",
                       "does not begin with question, directory and gateway");
    }
    out->responses.data = rest.data;
    while (cm_receipt_next(&response, &rest)) {
        out->responses.len = (size_t)(rest.data - out->responses.data);
    }
    out->content = (struct cm_bytes){bytes.data, (size_t)(rest.data - bytes.data)};
    if (rest.len > 0 && !take_kind(&out->signature, &rest, CM_RECEIPT_SIGNATURE)) {
        return cm_fail(error, CM_INVALID, "receipt", "is cut short, or a part is out of its place");
    }
    if (rest.len > 0 || out->responses.len == 0) {
        return cm_fail(error, CM_INVALID, "receipt",
                       rest.len > 0 ? "goes on after its end" : "holds no answer");
    }
    return CM_OK;
}

enum cm_status cm_receipt_question(struct cm_query *out, struct cm_arena *arena,
                                   struct cm_bytes question, struct cm_error *error)
{
    struct cm_envelope envelope;
    enum cm_status status = cm_envelope_decode(&envelope, arena, question, error);
    if (status == CM_OK && envelope.family != CM_FAMILY_QUERY) {
        status = cm_fail(error, CM_INVALID, "question", "is another message");
    }
    return status == CM_OK ? cm_query_decode(out, arena, envelope.payload, error) : status;
}

enum cm_status cm_receipt_sign(struct cm_buf *out, struct cm_bytes content,
                               const struct cm_signer *signer, int64_t saved_ms,
                               struct cm_error *error)
{
    struct cm_buf payload = {0};
    struct cm_buf envelope = {0};
    struct cm_receipt_seal seal = {.saved_ms = saved_ms};
    uint8_t part[CM_RECEIPT_PART_SIZE];
    cm_sha256_of(&seal.content, content);
    enum cm_status status = cm_receipt_seal_encode(&payload, &seal);
    if (status == CM_OK) {
        status = cm_dsse_sign(&envelope, CM_FAMILY_RECEIPT, cm_buf_bytes(&payload), signer, false);
    }
    if (status == CM_OK) {
        cm_receipt_part(part, CM_RECEIPT_SIGNATURE, envelope.len);
        status = cm_buf_add(out, part, sizeof part);
    }
    if (status == CM_OK) {
        status = cm_buf_add(out, envelope.data, envelope.len);
    }
    cm_buf_clear(&payload);
    cm_buf_clear(&envelope);
    return status == CM_OK ? CM_OK : cm_fail(error, status, "receipt", "cannot be signed");
}

static enum cm_status verify(struct cm_receipt_seal *out, struct cm_arena *arena,
                             struct cm_bytes signature, const struct cm_key *key,
                             struct cm_error *error)
{
    struct cm_envelope envelope;
    enum cm_status status = cm_envelope_decode(&envelope, arena, signature, error);
    if (status == CM_OK &&
        (envelope.family != CM_FAMILY_RECEIPT || envelope.signatures[0].chain_count != 0)) {
        status = cm_fail(error, CM_INVALID, "receipt", "is not signed as receipts are");
    }
    if (status == CM_OK && key != NULL && cm_dsse_verify(&envelope, 0, key) != CM_OK) {
        status = cm_fail(error, CM_UNAUTHENTICATED, "receipt",
                         "is not signed by the key that signed the question");
    }
    return status == CM_OK ? cm_receipt_seal_decode(out, arena, envelope.payload, error) : status;
}

enum cm_status cm_receipt_verify(int64_t *saved_ms, const struct cm_receipt *receipt,
                                 const struct cm_key *key, struct cm_error *error)
{
    struct cm_digest digest;
    struct cm_receipt_seal seal;
    if (receipt->signature.len == 0) {
        return cm_fail(error, CM_UNAUTHENTICATED, "receipt",
                       "carries no signature: its end is gone");
    }
    struct cm_arena *arena = cm_arena_new(SCRATCH_CAP);
    if (arena == NULL) {
        return cm_fail(error, CM_MEMORY, "receipt", "out of memory");
    }
    enum cm_status status = verify(&seal, arena, receipt->signature, key, error);
    if (status == CM_OK) {
        cm_sha256_of(&digest, receipt->content);
        *saved_ms = seal.saved_ms;
        if (!cm_digest_equal(&digest, &seal.content)) {
            status =
                cm_fail(error, CM_UNAUTHENTICATED, "receipt", "was altered after it was saved");
        }
    }
    cm_arena_free(arena);
    return status;
}
