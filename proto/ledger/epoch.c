#include "proto/ledger/epoch.h"

#include "proto/base/file.h"
#include "proto/ledger/record.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool cm_seen_before(const struct cm_seen *a, const struct cm_seen *b)
{
    return a->epoch < b->epoch || (a->epoch == b->epoch && a->size < b->size);
}

static enum cm_status refuse(struct cm_error *error, const char *where, const char *what)
{
    return cm_fail(error, CM_INVALID, where, "%s", what);
}

static enum cm_status read_cosigned(struct cm_seen *out, const struct cm_epoch_statement *statement,
                                    const struct cm_key *key, struct cm_error *error)
{
    struct cm_checkpoint checkpoint;
    *out = (struct cm_seen){.epoch = 0};
    if (statement->cosigned.len == 0) {
        return CM_OK;
    }
    const enum cm_status status = cm_checkpoint_open(&checkpoint, statement->cosigned, key, error);
    if (status) {
        return status;
    }
    *out = (struct cm_seen){.epoch = cm_origin_epoch(checkpoint.origin, statement->origin),
                            .size = checkpoint.size,
                            .root = checkpoint.root};
    if (out->epoch == 0 || out->epoch >= statement->epoch) {
        return refuse(error, "epoch.cosigned", "the checkpoint is not of an earlier epoch");
    }
    return CM_OK;
}

enum cm_status cm_epoch_read(struct cm_epoch_statement *out, struct cm_seen *cosigned,
                             struct cm_arena *arena, const struct cm_envelope *envelope,
                             const struct cm_epoch_owner *owner, struct cm_error *error)
{
    char origin[CM_MAX_ORIGIN + 1];
    if (envelope->family != CM_FAMILY_EPOCH) {
        return refuse(error, "epoch", "there is no statement of an epoch");
    }
    const enum cm_status status = cm_epoch_statement_decode(out, arena, envelope->payload, error);
    if (status) {
        return status;
    }
    if (cm_checkpoint_origin(origin, owner->identity->spiffe) || strcmp(out->origin, origin) != 0) {
        return refuse(error, "epoch.origin", "the statement is of another ledger");
    }
    return read_cosigned(cosigned, out, owner->key, error);
}

static bool may_sign(const struct cm_identity *signer, const struct cm_identity *owner)
{
    if (owner->role == CM_ROLE_GATEWAY) {
        return signer->role == CM_ROLE_DIRECTORY;
    }
    return signer->role == CM_ROLE_ADMIN && strcmp(signer->agency, owner->agency) == 0;
}

enum cm_status cm_epoch_verify(struct cm_epoch_statement *out, struct cm_seen *cosigned,
                               struct cm_signatory **signer, struct cm_arena *arena,
                               const struct cm_envelope *envelope,
                               const struct cm_epoch_owner *owner, struct cm_trust *trust,
                               int64_t now_ms, struct cm_error *error)
{
    struct cm_signatory *signatories[2];
    enum cm_status status = cm_epoch_read(out, cosigned, arena, envelope, owner, error);
    if (!status && out->signed_ms > now_ms + CM_SKEW_MS) {
        status = cm_fail(error, CM_STALE, "epoch.signed_ms", "the statement is of the future");
    }
    if (!status) {
        status = cm_trust_verify(signatories, trust, envelope, NULL, out->signed_ms, error);
    }
    if (status) {
        return status;
    }
    if (!may_sign(cm_signatory_identity(signatories[0]), owner->identity)) {
        status = cm_fail(error, CM_FORBIDDEN, "epoch", "not signed by %s",
                         owner->identity->role == CM_ROLE_GATEWAY
                             ? "the directory's signer"
                             : "an administrator of the node's agency");
    }
    if (!status && signer) {
        *signer = cm_signatory_ref(signatories[0]);
    }
    cm_signatory_unref(signatories[0]);
    return status;
}

bool cm_epoch_admits(const struct cm_seen *cosigned, const struct cm_seen *seen)
{
    if (seen->epoch == 0 || seen->size == 0) {
        return true;
    }
    const bool same = cosigned->epoch == seen->epoch && cosigned->size == seen->size;
    return same ? cm_digest_equal(&cosigned->root, &seen->root) : cm_seen_before(seen, cosigned);
}

static enum cm_status look_for_recovery(const char *folder, struct cm_error *error)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/" CM_EPOCH_NEXT, folder) >= (int)sizeof path) {
        return refuse(error, folder, "the path is too long");
    }
    if (access(path, F_OK) != 0) {
        return CM_OK;
    }
    cm_fail(error, CM_UNAVAILABLE, folder, "the recovery of this ledger was cut off");
    cm_error_hint(error, "run the same recover command again");
    return CM_UNAVAILABLE;
}

enum cm_status cm_epoch_load(struct cm_envelope *out, uint64_t *epoch, struct cm_arena *arena,
                             const char *folder, struct cm_error *error)
{
    char path[PATH_MAX];
    struct cm_buf bytes = {0};
    struct cm_bytes kept;
    struct cm_epoch_statement statement;
    *out = (struct cm_envelope){.family = CM_FAMILY_NONE};
    *epoch = 1;
    enum cm_status status = look_for_recovery(folder, error);
    if (status) {
        return status;
    }
    snprintf(path, sizeof path, "%s/" CM_EPOCH_FILE, folder);
    status = cm_file_read(&bytes, path, CM_MAX_EPOCH_STATEMENT + CM_MAX_ATTACHMENTS, error);
    if (status == CM_NOT_FOUND) {
        return CM_OK;
    }
    if (!status && cm_arena_bytes(arena, &kept, cm_buf_bytes(&bytes))) {
        status = cm_fail(error, CM_MEMORY, path, "out of memory");
    }
    cm_buf_clear(&bytes);
    if (!status) {
        status = cm_envelope_decode(out, arena, kept, error);
    }
    if (!status && out->family != CM_FAMILY_EPOCH) {
        status = refuse(error, path, "this is no statement of an epoch");
    }
    if (!status) {
        status = cm_epoch_statement_decode(&statement, arena, out->payload, error);
    }
    if (!status) {
        *epoch = statement.epoch;
    }
    return status;
}
