#include "proto/ledger/cli/review.h"

#include "proto/base/file.h"
#include "proto/codec/access.h"
#include "proto/trust/certificate.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool set_origin(struct cm_review *out, struct cm_arena *arena, const char *origin)
{
    const char *epoch = strstr(origin, "/epoch/");
    size_t length = epoch != NULL ? (size_t)(epoch - origin) : strlen(origin);
    out->origin = cm_arena_string(arena, (struct cm_bytes){(const uint8_t *)origin, length});
    return out->origin != NULL;
}

enum cm_status cm_review_take(struct cm_review *review, struct cm_arena *arena,
                              const struct cm_audit_record *record, int64_t from_ms, int64_t to_ms)
{
    const enum cm_entry_kind kind = record->entry.kind;
    const int64_t when = record->entry.recorded_ms;
    if (review->origin == NULL && !set_origin(review, arena, record->checkpoint.origin)) {
        return CM_MEMORY;
    }
    review->size = record->checkpoint.size;
    review->root = record->checkpoint.root;
    if (when >= from_ms && when < to_ms) {
        review->from = record->index < review->from ? record->index : review->from;
        review->to = record->index + 1;
        review->searches += kind == CM_ENTRY_QUERY || kind == CM_ENTRY_NODE ||
                            kind == CM_ENTRY_COPY || kind == CM_ENTRY_REFUSED ||
                            kind == CM_ENTRY_REACH;
    }
    return CM_OK;
}

enum cm_status cm_review_format(struct cm_buf *out, const struct cm_review *review)
{
    char root[2 * CM_DIGEST_SIZE + 1];
    cm_hex(root, cm_bytes_digest(&review->root));
    return cm_buf_printf(
        out, "%" PRIu64 " %" PRIu64 "-%" PRIu64 " of %" PRIu64 " %s searches %" PRIu64 ": %s",
        review->epoch, review->from, review->to, review->size, root, review->searches,
        review->note);
}

static bool take_number(uint64_t *out, const char **at, const char *after)
{
    char *end;
    errno = 0;
    *out = strtoull(*at, &end, 10);
    const size_t length = strlen(after);
    if (errno != 0 || end == *at || strncmp(end, after, length) != 0) {
        return false;
    }
    *at = end + length;
    return true;
}

// Exactly what cm_review_format writes: formatting again gives the same.
static bool parse(struct cm_review *out, const char *arguments)
{
    char root[2 * CM_DIGEST_SIZE + 1] = "";
    struct cm_buf again = {0};
    const char *at = arguments;
    bool well = take_number(&out->epoch, &at, " ") && take_number(&out->from, &at, "-") &&
                take_number(&out->to, &at, " of ") && take_number(&out->size, &at, " ") &&
                strlen(at) > 2 * CM_DIGEST_SIZE;
    if (!well) {
        return false;
    }
    memcpy(root, at, sizeof root - 1);
    at += sizeof root - 1;
    if (cm_unhex(out->root.b, sizeof out->root.b, root) != CM_OK ||
        strncmp(at, " searches ", 10) != 0) {
        return false;
    }
    at += 10;
    if (!take_number(&out->searches, &at, ": ") || out->from >= out->to || out->to > out->size) {
        return false;
    }
    out->note = at;
    bool same = cm_review_format(&again, out) == CM_OK &&
                cm_bytes_equal(cm_buf_bytes(&again), cm_bytes_of(arguments));
    cm_buf_clear(&again);
    return same;
}

// By the key of the certificate that came with it: who that is, nobody has said yet.
static enum cm_status check_own(const char **person, struct cm_arena *arena,
                                const struct cm_envelope *envelope, struct cm_error *error)
{
    struct cm_certificate leaf = {0};
    const struct cm_signature *signature = &envelope->signatures[0];
    if (signature->chain_count == 0) {
        return cm_fail(error, CM_UNAUTHENTICATED, "review", "has no certificate");
    }
    enum cm_status status = cm_certificate_parse(&leaf, signature->chain[0], "review", error);
    if (status != CM_OK) {
        return status;
    }
    if (cm_dsse_verify(envelope, 0, leaf.key) != CM_OK) {
        status = cm_fail(error, CM_UNAUTHENTICATED, "review", "its signature does not hold");
    }
    *person = cm_arena_string(arena, cm_bytes_of(leaf.uri));
    cm_certificate_clear(&leaf);
    return status == CM_OK && *person == NULL ? cm_fail(error, CM_MEMORY, "review", "out of memory")
                                              : status;
}

static enum cm_status check_trusts(struct cm_review *out, const struct cm_envelope *envelope,
                                   const struct cm_trusts *trusts, struct cm_error *error)
{
    enum cm_status status = CM_OK;
    for (size_t i = 0; !out->checked && i < trusts->count; i++) {
        struct cm_signatory *signatories[2] = {NULL, NULL};
        status =
            cm_trust_verify(signatories, trusts->list[i], envelope, NULL, out->signed_ms, error);
        out->checked = status == CM_OK;
        cm_signatory_unref(signatories[0]);
        cm_signatory_unref(signatories[1]);
    }
    return status;
}

enum cm_status cm_review_open(struct cm_review *out, struct cm_arena *arena,
                              const struct cm_envelope *envelope, const struct cm_trusts *trusts,
                              struct cm_error *error)
{
    struct cm_audit_request request;
    *out = (struct cm_review){0};
    if (envelope->family != CM_FAMILY_AUDIT) {
        return cm_fail(error, CM_INVALID, "review", "is not what an auditor signed");
    }
    enum cm_status status = cm_audit_request_decode(&request, arena, envelope->payload, error);
    if (status != CM_OK) {
        return status;
    }
    if (strcmp(request.command, CM_REVIEW_COMMAND) != 0 || !parse(out, request.arguments)) {
        return cm_fail(error, CM_NOT_FOUND, "review", "is another request of an auditor");
    }
    out->signed_ms = request.signed_ms;
    out->note = cm_arena_string(arena, cm_bytes_of(out->note));
    if (out->note == NULL || !set_origin(out, arena, request.origin)) {
        return cm_fail(error, CM_MEMORY, "review", "out of memory");
    }
    status = check_own(&out->person, arena, envelope, error);
    return status != CM_OK ? status : check_trusts(out, envelope, trusts, error);
}

enum cm_status cm_review_read(struct cm_review *out, struct cm_arena *arena, const char *path,
                              const struct cm_trusts *trusts, struct cm_error *error)
{
    struct cm_buf file = {.max = CM_MAX_AUDIT_REQUEST + CM_MAX_ATTACHMENTS};
    struct cm_envelope envelope;
    enum cm_status status = cm_file_read(&file, path, file.max, error);
    if (status == CM_OK) {
        status = cm_envelope_decode(&envelope, arena, cm_buf_bytes(&file), error);
    }
    if (status == CM_OK) {
        status = cm_review_open(out, arena, &envelope, trusts, error);
    }
    cm_buf_clear(&file);
    return status;
}

enum cm_status cm_review_sign(struct cm_buf *out, const struct cm_review *review,
                              const struct cm_signer *signer, struct cm_error *error)
{
    struct cm_buf arguments = {.max = CM_MAX_ACCESS_TEXT};
    struct cm_buf payload = {.max = CM_MAX_AUDIT_REQUEST};
    enum cm_status status = cm_review_format(&arguments, review);
    if (status == CM_OK) {
        status = cm_buf_add(&arguments, "", 1);
    }
    if (status == CM_OK) {
        struct cm_audit_request request = {.origin = review->origin,
                                           .command = CM_REVIEW_COMMAND,
                                           .arguments = (const char *)arguments.data,
                                           .signed_ms = review->signed_ms};
        // No daemon asked: the tree's root stands where its challenge would.
        memcpy(request.challenge, review->root.b, sizeof request.challenge);
        status = cm_audit_request_encode(&payload, &request);
    }
    if (status == CM_OK) {
        status = cm_dsse_sign(out, CM_FAMILY_AUDIT, cm_buf_bytes(&payload), signer, true);
    }
    cm_buf_clear(&payload);
    cm_buf_clear(&arguments);
    return status == CM_OK ? status : cm_fail(error, status, "review", "could not be signed");
}

bool cm_review_covers(const struct cm_review *reviews, const struct cm_sighting *seen)
{
    for (const struct cm_review *review = reviews; review != NULL; review = review->next) {
        if (review->held && strcmp(review->origin, seen->source->origin) == 0 &&
            review->epoch == seen->epoch && seen->index >= review->from &&
            seen->index < review->to) {
            return true;
        }
    }
    return false;
}
