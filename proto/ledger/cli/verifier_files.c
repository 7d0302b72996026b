#include "proto/ledger/cli/verifier_internal.h"

#include "proto/base/clock.h"
#include "proto/base/file.h"
#include "proto/ledger/record.h"
#include "proto/ledger/vkey.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// "fed/agency/node/name" or "fed/gateway/name", less "/epoch/n".
static enum cm_status take_owner(struct cm_verifier *v, const char *origin, struct cm_error *error)
{
    char spiffe[4 * CM_MAX_ID];
    char parts[4][CM_MAX_ID + 1];
    char *base = v->out->origin;
    snprintf(base, sizeof v->out->origin, "%s", origin);
    char *epoch = strstr(base, "/epoch/");
    if (epoch) {
        *epoch = '\0';
    }
    if (sscanf(base, "%96[^/]/gateway/%96[^/]", parts[0], parts[1]) == 2) {
        snprintf(spiffe, sizeof spiffe, "spiffe://%s/_/gateway/%s", parts[0], parts[1]);
    } else if (sscanf(base, "%96[^/]/%96[^/]/node/%96[^/]", parts[0], parts[1], parts[2]) == 3) {
        snprintf(spiffe, sizeof spiffe, "spiffe://%s/%s/node/%s", parts[0], parts[1], parts[2]);
    } else {
        spiffe[0] = '\0';
    }
    char again[CM_MAX_ORIGIN + 1];
    if (cm_identity_parse(&v->owner, cm_bytes_of(spiffe), error) != CM_OK ||
        cm_checkpoint_origin(again, spiffe) != CM_OK || strcmp(again, base) != 0) {
        return cm_fail(error, CM_INVALID, "log", "its checkpoints name no node and no gateway");
    }
    return CM_OK;
}

static bool is_pinned(const struct cm_digest *pins, size_t count, const struct cm_digest *hash)
{
    for (size_t i = 0; i < count; i++) {
        if (cm_digest_equal(&pins[i], hash)) {
            return true;
        }
    }
    return false;
}

static bool pinned_by(const struct cm_directory *directory, const struct cm_identity *owner,
                      const struct cm_digest *hash)
{
    if (owner->role == CM_ROLE_GATEWAY) {
        const struct cm_gateway_entry *gateway = cm_directory_gateway(directory, owner->name);
        return gateway && is_pinned(gateway->pins, gateway->pin_count, hash);
    }
    const struct cm_agency *agency = cm_directory_agency(directory, owner->agency);
    return agency && is_pinned(agency->node_pins, agency->node_pin_count, hash);
}

static enum cm_status read_vkey(struct cm_buf *out, const char *folder, struct cm_error *error)
{
    char path[PATH_MAX + 8];
    snprintf(path, sizeof path, "%s/vkey", folder);
    return cm_file_read(out, path, CM_MAX_VKEY, error);
}

// As a daemon writes it, to the byte: a reader elsewhere may be less forgiving.
static bool same_vkey(const struct cm_verifier *v, uint64_t epoch, struct cm_bytes text)
{
    char origin[CM_MAX_ORIGIN + 1];
    struct cm_buf want = {0};
    const bool same = cm_checkpoint_epoch_origin(origin, v->out->origin, epoch) == CM_OK &&
                      cm_vkey_format(&want, origin, cm_key_spki(v->key)) == CM_OK &&
                      cm_bytes_equal(text, cm_buf_bytes(&want));
    cm_buf_clear(&want);
    return same;
}

// What was restored or recovered, and never opened since, has neither yet.
static bool was_published(const char *folder)
{
    char path[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/checkpoint", folder);
    return access(path, F_OK) == 0;
}

static void check_vkeys(struct cm_verifier *v)
{
    char folder[PATH_MAX];
    for (uint64_t epoch = 1; epoch <= v->out->epochs; epoch++) {
        struct cm_error error = {.text = ""};
        struct cm_buf text = {0};
        if (!cm_verifier_epoch_folder(folder, v, epoch)) {
            return;
        }
        const enum cm_status status = read_vkey(&text, folder, &error);
        if (status == CM_OK && !same_vkey(v, epoch, cm_buf_bytes(&text))) {
            cm_verifier_problem(v, "vkey", "is not the verifier key of the ledger's epoch %" PRIu64,
                                epoch);
        } else if (status != CM_OK && (status != CM_NOT_FOUND || was_published(folder))) {
            cm_verifier_error(v, &error);
        }
        cm_buf_clear(&text);
    }
}

static enum cm_status take_key(struct cm_verifier *v, struct cm_error *error)
{
    char name[CM_MAX_VKEY];
    struct cm_buf text = {0};
    if (v->options->key) {
        v->out->vouched = true;
        return cm_key_new(&v->key, cm_key_spki(v->options->key));
    }
    enum cm_status status = read_vkey(&text, cm_ledger_folder_path(v->folder), error);
    if (status == CM_NOT_FOUND) {
        cm_error_hint(error, "say whose ledger this is with --vkey");
    }
    if (status == CM_OK) {
        status = cm_vkey_parse(name, &v->key, cm_buf_bytes(&text), error);
    }
    cm_buf_clear(&text);
    return status;
}

enum cm_status cm_verifier_key(struct cm_verifier *v, const char *origin, struct cm_error *error)
{
    enum cm_status status = take_owner(v, origin, error);
    if (status == CM_OK) {
        status = take_key(v, error);
    }
    if (status != CM_OK) {
        return status;
    }
    v->out->key_hash = *cm_key_hash(v->key);
    for (size_t i = 0; i < v->options->trust_count; i++) {
        v->out->vouched = v->out->vouched || pinned_by(cm_trust_directory(v->options->trusts[i]),
                                                       &v->owner, &v->out->key_hash);
    }
    if (v->options->trust_count > 0 && !v->out->vouched) {
        cm_verifier_problem(v, "vkey", "no directory that was given lists this key for the ledger");
    }
    check_vkeys(v);
    return CM_OK;
}

static enum cm_status read_statement(struct cm_verifier *v, struct cm_envelope *envelope,
                                     struct cm_epoch_statement *statement, struct cm_seen *cosigned,
                                     struct cm_error *error)
{
    char folder[PATH_MAX];
    uint64_t number;
    const struct cm_epoch_owner owner = {&v->owner, v->key};
    if (!cm_verifier_epoch_folder(folder, v, cm_ledger_folder_epoch(v->folder))) {
        return CM_UNAVAILABLE;
    }
    enum cm_status status = cm_epoch_load(envelope, &number, v->arena, folder, error);
    if (status == CM_OK && envelope->family == CM_FAMILY_NONE) {
        status = cm_fail(error, CM_INVALID, "epoch", "the statement that began it is gone");
    }
    if (status == CM_OK) {
        status = cm_epoch_read(statement, cosigned, v->arena, envelope, &owner, error);
    }
    for (size_t i = 0; status == CM_OK && i < v->options->trust_count; i++) {
        status = cm_epoch_verify(statement, cosigned, NULL, v->arena, envelope, &owner,
                                 v->options->trusts[i], cm_wall_ms(cm_clock_system()), error);
        if (status == CM_OK) {
            break;
        }
        if (i + 1 < v->options->trust_count) {
            status = CM_OK; // an earlier or later directory may know the signer
        }
    }
    return status;
}

void cm_verifier_statement(struct cm_verifier *v, const struct cm_audit_record *first)
{
    struct cm_envelope envelope;
    struct cm_epoch_statement statement;
    struct cm_seen cosigned;
    struct cm_error error = {.text = ""};
    struct cm_digest digest;
    if (first->entry.kind != CM_ENTRY_EPOCH || first->entry.sequence != first->epoch) {
        cm_verifier_entry_problem(v, first, "epoch", "the log doesn't begin as this epoch must");
        return;
    }
    const struct cm_entry *entry = &first->entry;
    if (entry->old_size != v->previous.size ||
        (entry->old_size > 0 && !cm_digest_equal(&entry->old_root, &v->previous.root))) {
        cm_verifier_entry_problem(v, first, "epoch", "names another log than the one before it");
    }
    v->out->lost += entry->new_size > entry->old_size ? entry->new_size - entry->old_size : 0;
    cm_arena_reset(v->arena);
    const enum cm_status status = read_statement(v, &envelope, &statement, &cosigned, &error);
    if (status == CM_UNAVAILABLE && error.text[0] == '\0') {
        return; // in use: its folder can't be looked into
    }
    if (status != CM_OK) {
        cm_verifier_error(v, &error);
        return;
    }
    cm_sha256_of(&digest, envelope.payload);
    if (!cm_digest_equal(&digest, &entry->digest) || statement.epoch != first->epoch ||
        statement.restored_size != entry->old_size ||
        !cm_digest_equal(&statement.restored_root, &entry->old_root) ||
        cosigned.size != entry->new_size || !cm_digest_equal(&cosigned.root, &entry->new_root)) {
        cm_verifier_entry_problem(v, first, "epoch", "is not what the statement says");
        return;
    }
    cm_verifier_claims_admitted(v, &cosigned);
}
