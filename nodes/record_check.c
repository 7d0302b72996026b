#include "nodes/record_check.h"

#include "proto/ledger/merkle.h"

#include <inttypes.h>
#include <string.h>

enum cm_status cm_record_check_head(struct cm_checkpoint *out, const struct cm_ask *ask,
                                    const char *origin, const struct cm_key *key,
                                    struct cm_error *error)
{
    const enum cm_status status = cm_checkpoint_open(out, ask->checkpoint, key, error);
    if (status) {
        return status;
    }
    if (strcmp(out->origin, origin) != 0) {
        return cm_fail(error, CM_INVALID, "ask.checkpoint", "the checkpoint is of another ledger");
    }
    return CM_OK;
}

static enum cm_status check_query(const struct cm_entry *entry,
                                  const struct cm_checked_query *checked, int64_t now_ms,
                                  struct cm_error *error)
{
    struct cm_commitments commitments;
    const struct cm_query *query = &checked->query;
    if (entry->kind != CM_ENTRY_QUERY || !cm_digest_equal(&entry->digest, &checked->digest) ||
        !cm_digest_equal(&entry->replay_key, &checked->replay_key) ||
        entry->expires_ms != query->expires_ms) {
        return cm_fail(error, CM_INVALID, "ask.entry", "the entry is of another query");
    }
    cm_commitments_of(&commitments, query, cm_signatory_identity(checked->signer)->agency);
    if (memcmp(&commitments, &entry->commitments, sizeof commitments) != 0) {
        return cm_fail(error, CM_INVALID, "ask.entry.commitments",
                       "the entry commits to something else than the query says");
    }
    if (entry->recorded_ms < query->issued_ms - CM_SKEW_MS ||
        entry->recorded_ms > now_ms + CM_SKEW_MS) {
        return cm_fail(error, CM_INVALID, "ask.entry.recorded_ms",
                       "the entry was not recorded between the query and now");
    }
    return CM_OK;
}

// None named means all that permit.
static bool names(const struct cm_query *query, const char *agency)
{
    bool found = query->agency_count == 0;
    for (size_t i = 0; i < query->agency_count && !found; i++) {
        found = strcmp(query->agencies[i], agency) == 0;
    }
    return found;
}

static enum cm_status check_leaf(struct cm_decision_leaf *leaf, struct cm_arena *arena,
                                 const struct cm_ask *ask, const struct cm_entry *entry,
                                 const char *agency, struct cm_error *error)
{
    const enum cm_status status = cm_decision_leaf_decode(leaf, arena, ask->leaf, error);
    if (status) {
        return status;
    }
    if (strcmp(leaf->agency, agency) != 0) {
        return cm_fail(error, CM_INVALID, "ask.leaf", "the decision is another agency's");
    }
    if (!leaf->permitted) {
        return cm_fail(error, CM_INVALID, "ask.leaf", "the gateway itself decided against asking");
    }
    const struct cm_inclusion path = {.index = ask->leaf_index,
                                      .size = entry->decisions,
                                      .count = ask->leaf_path_count,
                                      .hashes = ask->leaf_path};
    struct cm_digest hash;
    cm_merkle_leaf(&hash, ask->leaf);
    if (cm_merkle_check_inclusion(&path, &hash, &entry->decisions_root) != CM_OK) {
        return cm_fail(error, CM_INVALID, "ask.leaf_path",
                       "the decision is not among those recorded");
    }
    return CM_OK;
}

enum cm_status cm_record_check_entry(struct cm_decision_leaf *leaf, struct cm_arena *arena,
                                     const struct cm_ask *ask,
                                     const struct cm_checked_query *checked,
                                     const struct cm_checkpoint *checkpoint, const char *agency,
                                     uint64_t serial, int64_t now_ms, struct cm_error *error)
{
    struct cm_entry entry;
    struct cm_digest hash;
    if (!names(&checked->query, agency)) {
        return cm_fail(error, CM_INVALID, "ask.query", "the query is not for this agency");
    }
    enum cm_status status = cm_entry_decode(&entry, arena, ask->entry, error);
    if (!status) {
        status = check_query(&entry, checked, now_ms, error);
    }
    if (!status && (entry.directory_serial == 0 || entry.directory_serial > serial)) {
        status = cm_fail(error, CM_INVALID, "ask.entry.directory_serial",
                         "it decided by directory %" PRIu64 ", which it has not sent",
                         entry.directory_serial);
    }
    if (!status) {
        status = check_leaf(leaf, arena, ask, &entry, agency, error);
    }
    if (status) {
        return status;
    }
    cm_merkle_leaf(&hash, ask->entry);
    if (ask->inclusion.size != checkpoint->size ||
        cm_merkle_check_inclusion(&ask->inclusion, &hash, &checkpoint->root) != CM_OK) {
        return cm_fail(error, CM_INVALID, "ask.inclusion", "the entry is not under the checkpoint");
    }
    return CM_OK;
}

enum cm_status cm_record_check_growth(struct cm_seen *head, const struct cm_checkpoint *checkpoint,
                                      const struct cm_consistency *proof, struct cm_error *error)
{
    struct cm_digest old_root = head->root;
    if (head->size == 0) {
        cm_merkle_root_of(&old_root, NULL, 0);
    }
    if (proof->old_size != head->size || proof->new_size != checkpoint->size) {
        return cm_fail(error, CM_INVALID, "ask.consistency",
                       "the proof is not from %" PRIu64 ", seen last, to this checkpoint",
                       head->size);
    }
    if (cm_merkle_check_consistency(proof, &old_root, &checkpoint->root) != CM_OK) {
        return cm_fail(error, CM_INVALID, "ask.consistency",
                       "the gateway's ledger does not continue what it showed before");
    }
    *head = (struct cm_seen){.epoch = head->epoch > 0 ? head->epoch : 1,
                             .size = checkpoint->size,
                             .root = checkpoint->root};
    return CM_OK;
}
