#include "proto/ledger/witness.h"

#include "proto/base/file.h"
#include "proto/base/folder.h"
#include "proto/ledger/merkle.h"
#include "proto/ledger/record.h"

#include <inttypes.h>

static enum cm_status find(struct cm_witness_verdict *out, enum cm_witness_finding finding,
                           const struct cm_seen *seen, struct cm_error *error)
{
    out->finding = finding;
    return cm_fail(error, CM_STALE, "checkpoint",
                   "epoch %" PRIu64 " of size %" PRIu64 " %s epoch %" PRIu64 " of size %" PRIu64
                   ", seen before",
                   out->shown.epoch, out->shown.size,
                   finding == CM_WITNESS_ROLLBACK ? "goes back behind" : "does not grow out of",
                   seen->epoch, seen->size);
}

static enum cm_status judge_epoch(struct cm_witness_verdict *out, const struct cm_seen *seen,
                                  const struct cm_witness_checkpoint *offered,
                                  const struct cm_epoch_owner *owner, struct cm_trust *trust,
                                  int64_t now_ms, struct cm_error *error)
{
    struct cm_epoch_statement statement;
    struct cm_seen cosigned;
    struct cm_arena *arena = cm_arena_new(CM_EPOCH_ARENA);
    if (!arena) {
        return cm_fail(error, CM_MEMORY, "epoch", "out of memory");
    }
    struct cm_signatory *signer = NULL;
    enum cm_status status = cm_epoch_verify(&statement, &cosigned, &signer, arena, &offered->epoch,
                                            owner, trust, now_ms, error);
    if (!status && statement.epoch != out->shown.epoch) {
        status = cm_fail(error, CM_INVALID, "epoch", "the statement is of another epoch");
    }
    int64_t since_ms;
    // Its time is the signer's word alone: who has the key since then could have put any. To whom
    // saw nothing yet it says no more than a first epoch, which needs no statement.
    if (!status && seen->epoch > 0 && cm_trust_revoked(&since_ms, trust, signer)) {
        status = cm_fail(error, CM_UNAUTHENTICATED, "epoch", "its signer is revoked by now");
        cm_error_hint(error, "let an administrator who isn't sign another");
    }
    cm_signatory_unref(signer);
    cm_arena_free(arena);
    if (status) {
        return status;
    }
    if (!cm_epoch_admits(&cosigned, seen)) {
        find(out, CM_WITNESS_ROLLBACK, seen, NULL);
        cm_fail(error, CM_STALE, "epoch", "the statement hides that size %" PRIu64 " was seen",
                seen->size);
        cm_error_hint(error, "recover again, with the checkpoint that was seen");
        return CM_STALE;
    }
    out->finding = CM_WITNESS_EPOCH;
    cm_sha256_of(&out->statement_digest, offered->epoch.payload);
    return CM_OK;
}

static enum cm_status judge_growth(struct cm_witness_verdict *out, const struct cm_seen *seen,
                                   const struct cm_consistency *proof, struct cm_error *error)
{
    struct cm_digest old_root = seen->root;
    if (seen->size == 0) {
        cm_merkle_root_of(&old_root, NULL, 0);
    }
    if (out->shown.size == seen->size) { // needs no proof
        return cm_digest_equal(&out->shown.root, &old_root)
                   ? CM_OK
                   : find(out, CM_WITNESS_FORK, seen, error);
    }
    if (proof->old_size != seen->size || proof->new_size != out->shown.size) {
        return cm_fail(error, CM_INVALID, "checkpoint.consistency",
                       "the proof is not from %" PRIu64 ", seen last, to this checkpoint",
                       seen->size);
    }
    return cm_merkle_check_consistency(proof, &old_root, &out->shown.root)
               ? find(out, CM_WITNESS_FORK, seen, error)
               : CM_OK;
}

enum cm_status cm_witness_judge(struct cm_witness_verdict *out, const struct cm_seen *seen,
                                const struct cm_witness_checkpoint *offered,
                                const struct cm_epoch_owner *owner, struct cm_trust *trust,
                                int64_t now_ms, struct cm_error *error)
{
    char base[CM_MAX_ORIGIN + 1];
    struct cm_seen from = *seen;
    *out = (struct cm_witness_verdict){.finding = CM_WITNESS_NONE};
    if (cm_checkpoint_origin(base, owner->identity->spiffe)) {
        return cm_fail(error, CM_INVALID, "checkpoint", "not a node or gateway");
    }
    enum cm_status status =
        cm_checkpoint_open(&out->checkpoint, offered->checkpoint, owner->key, error);
    if (status) {
        return status;
    }
    out->shown = (struct cm_seen){.epoch = cm_origin_epoch(out->checkpoint.origin, base),
                                  .size = out->checkpoint.size,
                                  .root = out->checkpoint.root};
    if (out->shown.epoch == 0) {
        return cm_fail(error, CM_INVALID, "checkpoint.origin", "the checkpoint is another's");
    }
    if (out->shown.epoch < seen->epoch) {
        return find(out, CM_WITNESS_ROLLBACK, seen, error);
    }
    if (out->shown.epoch > seen->epoch) {
        if (out->shown.epoch > 1) {
            status = judge_epoch(out, seen, offered, owner, trust, now_ms, error);
        }
        from = (struct cm_seen){.epoch = out->shown.epoch};
    } else if (out->shown.size < seen->size) {
        status = find(out, CM_WITNESS_ROLLBACK, seen, error);
    }
    if (!status && out->shown.size == 0) {
        status = cm_fail(error, CM_INVALID, "checkpoint.size", "an empty ledger shows nothing");
    }
    return status ? status : judge_growth(out, &from, &offered->consistency, error);
}

enum cm_status cm_seen_of(struct cm_seen *out, struct cm_bytes note, const char *base,
                          struct cm_error *error)
{
    struct cm_checkpoint checkpoint;
    const enum cm_status status = cm_checkpoint_parse(&checkpoint, note, error);
    if (status) {
        return status;
    }
    *out = (struct cm_seen){.epoch = cm_origin_epoch(checkpoint.origin, base),
                            .size = checkpoint.size,
                            .root = checkpoint.root};
    return out->epoch ? CM_OK
                      : cm_fail(error, CM_INVALID, "checkpoint.origin",
                                "the checkpoint is of the ledger %s", checkpoint.origin);
}

static enum cm_status path_of(char out[PATH_MAX], const char *folder, const struct cm_key *key,
                              struct cm_error *error)
{
    char name[2 * CM_DIGEST_SIZE + 1];
    cm_hex(name, cm_bytes_digest(cm_key_hash(key)));
    return cm_folder_path(out, folder, name, error);
}

enum cm_status cm_witness_read(struct cm_seen *out, struct cm_buf *note, const char *folder,
                               const struct cm_epoch_owner *owner, struct cm_error *error)
{
    char path[PATH_MAX], base[CM_MAX_ORIGIN + 1];
    *out = (struct cm_seen){.epoch = 0};
    enum cm_status status = path_of(path, folder, owner->key, error);
    if (!status) {
        status = cm_file_read(note, path, CM_MAX_CHECKPOINT, error);
    }
    if (status) {
        return status == CM_NOT_FOUND ? CM_OK : status;
    }
    struct cm_error what = {.text = ""};
    if (cm_checkpoint_origin(base, owner->identity->spiffe) ||
        cm_seen_of(out, cm_buf_bytes(note), base, &what)) {
        cm_fail(error, CM_INVALID, path, "what was seen of this key's ledger doesn't fit: %s",
                what.text);
        cm_error_hint(error, "a key signs one ledger; the file shows which");
        return CM_INVALID;
    }
    return CM_OK;
}

enum cm_status cm_witness_keep(const char *folder, const struct cm_key *key, struct cm_bytes note,
                               struct cm_error *error)
{
    char path[PATH_MAX];
    const enum cm_status status = path_of(path, folder, key, error);
    return status ? status : cm_file_write(path, note, 0600, error);
}
