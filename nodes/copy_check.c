#include "nodes/copy_check.h"

#include "proto/ledger/record.h"

#include <string.h>

enum { MANIFEST_ARENA_CAP = 64 * 1024 * 1024 };

struct check {
    struct cm_arena *arena;
    struct cm_trust *trust;
    const struct cm_copy *copy;
    const struct cm_copy_expectation *expectation;
    struct cm_error *error;
    struct cm_entry entry; // the gateway's
    struct cm_query query;
    struct cm_digest digest;
};

static enum cm_status lie(const struct check *check, const char *where, const char *what)
{
    return cm_fail(check->error, CM_INVALID, where, "%s", what);
}

static enum cm_status check_record(struct check *check)
{
    const struct cm_signatory *gateway = check->expectation->gateway;
    const struct cm_record *record = &check->copy->record;
    struct cm_checkpoint head;
    const enum cm_status status = cm_record_open(&check->entry, &head, check->arena, record,
                                                 cm_signatory_identity(gateway)->spiffe,
                                                 cm_signatory_key(gateway), check->error);
    if (status == CM_UNAUTHENTICATED) {
        return lie(check, "copy.record", "the checkpoint is not signed by the gateway's key");
    }
    if (status) {
        return status;
    }
    if (check->entry.kind != CM_ENTRY_QUERY && check->entry.kind != CM_ENTRY_REFUSED) {
        return lie(check, "copy.record", "it is no record of a question");
    }
    cm_sha256_of(&check->digest, check->copy->query.payload);
    if (!cm_digest_equal(&check->entry.digest, &check->digest)) {
        return lie(check, "copy.record", "it is the record of another question");
    }
    return CM_OK;
}

// A chain as of when the gateway recorded the question: certificates end, records stay.
static enum cm_status check_signer(struct check *check)
{
    const struct cm_envelope *envelope = &check->copy->query;
    const struct cm_signature *signature = &envelope->signatures[0];
    struct cm_signatory *signer = NULL;
    enum cm_status status =
        cm_trust_chain(&signer, check->trust, signature->chain, signature->chain_count,
                       check->entry.recorded_ms, check->error);
    if (status) {
        return status;
    }
    const struct cm_identity *identity = cm_signatory_identity(signer);
    const bool may_ask =
        cm_family_facts(CM_FAMILY_QUERY)->signer_roles >> (unsigned)identity->role & 1u;
    if (cm_dsse_verify(envelope, 0, cm_signatory_key(signer))) {
        status = lie(check, "copy.query", "the signature does not hold");
    } else if (strcmp(identity->agency, check->expectation->agency) != 0) {
        status = cm_fail(check->error, CM_FORBIDDEN, "copy.query", "it is another agency's");
    } else if (check->entry.kind == CM_ENTRY_QUERY && !may_ask) {
        status = cm_fail(check->error, CM_FORBIDDEN, "copy.query", "its signer may not ask");
    }
    cm_signatory_unref(signer);
    return status;
}

// What a gateway took must have been fit to be taken, and taken while it was.
static enum cm_status check_taken(const struct check *check)
{
    const struct cm_query *query = &check->query;
    const struct cm_entry *entry = &check->entry;
    struct cm_digest replay_key;
    if (entry->kind != CM_ENTRY_QUERY) {
        return CM_OK;
    }
    cm_query_replay_key(&replay_key, query);
    if (strcmp(query->gateway, cm_signatory_identity(check->expectation->gateway)->name) != 0 ||
        !cm_digest_equal(&replay_key, &entry->replay_key) ||
        query->expires_ms != entry->expires_ms) {
        return lie(check, "copy.record", "it does not fit the question");
    }
    return entry->recorded_ms >= query->issued_ms - CM_SKEW_MS &&
                   entry->recorded_ms <= query->expires_ms + CM_SKEW_MS
               ? CM_OK
               : lie(check, "copy.record", "it was made before or after the question's life");
}

static enum cm_status check_question(struct check *check)
{
    struct cm_commitments commitments;
    enum cm_status status = check_signer(check);
    if (!status) {
        status =
            cm_query_decode(&check->query, check->arena, check->copy->query.payload, check->error);
    }
    if (!status) {
        status = check_taken(check);
    }
    if (status) {
        return status;
    }
    cm_commitments_of(&commitments, &check->query, check->expectation->agency);
    const bool same = memcmp(&commitments, &check->entry.commitments, sizeof commitments) == 0;
    if (check->entry.kind == CM_ENTRY_QUERY || check->entry.committed) {
        return same ? CM_OK : lie(check, "copy.record", "it commits to other values");
    }
    check->entry.commitments = commitments;
    return CM_OK;
}

static enum cm_status check_leaves(const struct check *check)
{
    struct cm_decision_leaf leaf;
    const struct cm_copy *copy = check->copy;
    const uint32_t most = check->entry.kind == CM_ENTRY_QUERY ? check->entry.decisions : 0;
    if (copy->leaf_count > most) {
        return lie(check, "copy.leaves", "there are more than were decided");
    }
    for (size_t i = 0; i < copy->leaf_count; i++) {
        const enum cm_status status =
            cm_decision_leaf_decode(&leaf, check->arena, copy->leaves[i], check->error);
        if (status) {
            return status;
        }
    }
    return CM_OK;
}

static enum cm_status read_manifest(struct cm_manifest *out, const struct check *check,
                                    struct cm_arena *arena)
{
    const struct cm_envelope *envelope = &check->copy->manifest;
    const struct cm_signatory *gateway = check->expectation->gateway;
    struct cm_signatory *signers[2] = {NULL, NULL};
    enum cm_status status = cm_manifest_decode(out, arena, envelope->payload, check->error);
    if (!status) {
        status =
            cm_trust_verify(signers, check->trust, envelope, NULL, out->finished_ms, check->error);
    }
    if (!status &&
        !cm_identity_same(cm_signatory_identity(signers[0]), cm_signatory_identity(gateway))) {
        status = lie(check, "copy.manifest", "another gateway signed it");
    }
    cm_signatory_unref(signers[0]);
    cm_signatory_unref(signers[1]);
    return status;
}

static enum cm_status check_manifest(struct cm_entry *out, const struct check *check)
{
    struct cm_manifest manifest;
    struct cm_arena *arena = cm_arena_new(MANIFEST_ARENA_CAP);
    enum cm_status status = arena ? read_manifest(&manifest, check, arena) : CM_MEMORY;
    if (!status && (!cm_digest_equal(&manifest.query_digest, &check->digest) ||
                    !cm_bytes_equal(manifest.entry, check->copy->record.entry))) {
        status = lie(check, "copy.manifest", "it is of another question");
    }
    if (!status) {
        out->rows = manifest.rows;
        cm_sha256_of(&out->last_digest, check->copy->manifest.payload);
    }
    cm_arena_free(arena);
    return status;
}

enum cm_status cm_copy_check(struct cm_entry *out, struct cm_arena *arena, struct cm_trust *trust,
                             const struct cm_copy *copy,
                             const struct cm_copy_expectation *expectation, struct cm_error *error)
{
    struct check check = {
        .arena = arena, .trust = trust, .copy = copy, .expectation = expectation, .error = error};
    enum cm_status status = check_record(&check);
    if (!status) {
        status = check_question(&check);
    }
    if (!status) {
        status = check_leaves(&check);
    }
    *out = (struct cm_entry){
        .kind = CM_ENTRY_COPY,
        .digest = check.digest,
        .gateway = cm_signatory_identity(expectation->gateway)->name,
        .gateway_index = copy->record.inclusion.index,
        .committed = true,
        .commitments = check.entry.commitments,
        .deciding_rule = "",
        .agency = "",
        .text = "",
    };
    return status ? status : check_manifest(out, &check);
}
