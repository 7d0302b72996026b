#include "proto/trust/answer_check.h"

#include <string.h>

void cm_answer_check_init(struct cm_answer_check *check, const struct cm_digest *query_digest,
                          const struct cm_digest *key_hash, const char *agency, uint32_t attempt,
                          uint32_t limit)
{
    memset(check, 0, sizeof(*check));
    check->query_digest = *query_digest;
    check->key_hash = *key_hash;
    size_t len = strnlen(agency, CM_MAX_ID);
    memcpy(check->agency, agency, len);
    check->attempt = attempt;
    check->limit = limit;
}

void cm_answer_check_clear(struct cm_answer_check *check)
{
    cm_signatory_unref(check->node);
    check->node = NULL;
}

static enum cm_status invalid(struct cm_error *error, const char *where, const char *what)
{
    return cm_fail(error, CM_INVALID, where, "%s", what);
}

// Signed by a node of that agency, and all along by the same key.
static enum cm_status verify_signer(struct cm_answer_check *check, struct cm_trust *trust,
                                    const struct cm_envelope *envelope, int64_t as_of_ms,
                                    struct cm_error *error)
{
    if (envelope->family != CM_FAMILY_HEADER) {
        return invalid(error, "header", "this envelope holds no header");
    }
    struct cm_signatory *signatories[2];
    enum cm_status status =
        cm_trust_verify(signatories, trust, envelope, check->node, as_of_ms, error);
    if (status != CM_OK) {
        return status;
    }
    struct cm_signatory *node = signatories[0];
    const struct cm_identity *identity = cm_signatory_identity(node);
    if (strcmp(identity->agency, check->agency) != 0) {
        status = cm_fail(error, CM_UNAUTHENTICATED, "header",
                         "it is signed by a node of another agency");
    } else if (check->node != NULL &&
               !cm_digest_equal(&identity->key_hash,
                                &cm_signatory_identity(check->node)->key_hash)) {
        status = cm_fail(error, CM_UNAUTHENTICATED, "header",
                         "it is signed by another key than the one before");
    }
    if (status != CM_OK) {
        cm_signatory_unref(node);
        return status;
    }
    cm_signatory_unref(check->node);
    check->node = node;
    return CM_OK;
}

// The header as the next one of this answer.
static enum cm_status check_header(const struct cm_answer_check *check,
                                   const struct cm_header *header, struct cm_error *error)
{
    bool first = cm_digest_is_zero(&check->previous);
    if (!cm_digest_equal(&header->query_digest, &check->query_digest)) {
        return invalid(error, "header.query_digest", "it answers another query");
    }
    if (!cm_digest_equal(&header->key_hash, &check->key_hash)) {
        return invalid(error, "header.key_hash", "it answers another requester");
    }
    if (strcmp(header->agency, check->agency) != 0) {
        return invalid(error, "header.agency", "it is of another agency");
    }
    if (check->attempt != 0 && header->attempt != check->attempt) {
        return invalid(error, "header.attempt", "it is of another attempt");
    }
    if (!first && !cm_digest_equal(&header->rules_digest, &check->rules_digest)) {
        return invalid(error, "header.rules_digest", "the rules changed within the answer");
    }
    if (!cm_digest_equal(&header->previous, &check->previous)) {
        return invalid(error, "header.previous", "it does not follow the header before");
    }
    if (header->first_index != check->rows) {
        return invalid(error, "header.first_index", "rows are missing or repeated before it");
    }
    if (header->count > check->limit || check->rows > check->limit - header->count) {
        return invalid(error, "header.count", "the answer has more rows than the limit");
    }
    if (header->final && header->total != check->rows + header->count) {
        return invalid(error, "header.total", "it is not the sum of the rows");
    }
    return CM_OK;
}

static void advance(struct cm_answer_check *check, const struct cm_header *header,
                    struct cm_bytes payload)
{
    cm_sha256_of(&check->previous, payload);
    check->rules_digest = header->rules_digest;
    check->attempt = header->attempt;
    check->rows += header->count;
    check->final = header->final;
    if (header->count > 0) {
        memcpy(check->last_key, header->last_key.data, header->last_key.len);
        check->last_key_len = header->last_key.len;
    }
}

static enum cm_status verify_next(struct cm_answer_check *check, struct cm_header *header,
                                  struct cm_arena *arena, struct cm_trust *trust,
                                  const struct cm_envelope *envelope, int64_t as_of_ms,
                                  struct cm_error *error)
{
    if (check->final || check->unmerged) {
        return invalid(error, "header", "it comes after the answer's last header");
    }
    enum cm_status status = verify_signer(check, trust, envelope, as_of_ms, error);
    if (status == CM_OK) {
        status = cm_header_decode(header, arena, envelope->payload, error);
    }
    return status == CM_OK ? check_header(check, header, error) : status;
}

static struct cm_bytes last_key(const struct cm_answer_check *check)
{
    return (struct cm_bytes){check->last_key, check->last_key_len};
}

enum cm_status cm_answer_check_batch(struct cm_answer_check *check, struct cm_header *header,
                                     struct cm_arena *arena, struct cm_trust *trust,
                                     const struct cm_batch *batch, int64_t as_of_ms,
                                     struct cm_error *error)
{
    if (check->cut) {
        return invalid(error, "header", "rows come after others that were left out");
    }
    enum cm_status status =
        verify_next(check, header, arena, trust, &batch->header, as_of_ms, error);
    if (status == CM_OK) {
        status = cm_batch_check(batch, header, last_key(check), error);
    }
    if (status == CM_OK) {
        advance(check, header, batch->header.payload);
        check->cut = batch->withheld_count > 0;
    }
    return status;
}

enum cm_status cm_answer_check_unmerged(struct cm_answer_check *check, struct cm_header *header,
                                        struct cm_arena *arena, struct cm_trust *trust,
                                        const struct cm_envelope *envelope, int64_t as_of_ms,
                                        struct cm_error *error)
{
    enum cm_status status = verify_next(check, header, arena, trust, envelope, as_of_ms, error);
    if (status == CM_OK && header->count > 0 && check->last_key_len > 0 &&
        cm_bytes_compare(last_key(check), header->first_key) >= 0) {
        status = invalid(error, "header.first_key", "it does not come after the row before");
    }
    if (status == CM_OK) {
        advance(check, header, envelope->payload);
        check->unmerged = true;
    }
    return status;
}

enum cm_status cm_answer_check_end(const struct cm_answer_check *check, struct cm_error *error)
{
    if (!check->final) {
        return invalid(error, "header.final", "the answer ends without its last header");
    }
    return CM_OK;
}
