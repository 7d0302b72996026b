#include "proto/ledger/cli/verifier_internal.h"

#include "proto/base/clock.h"
#include "proto/base/file.h"
#include "proto/ledger/cosign.h"
#include "proto/ledger/record.h"
#include "proto/ledger/vkey.h"
#include "proto/ledger/witnessed.h"
#include "proto/trust/certificate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MAX_COSIGNERS_FILE = 1024 * 1024 };

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

// As a daemon writes it, to the byte: a reader elsewhere may be less forgiving.
static bool same_vkey(struct cm_bytes text, const char *name, const struct cm_key *key)
{
    struct cm_buf again = {0};
    const bool same = cm_vkey_format(&again, name, cm_key_spki(key)) == CM_OK &&
                      cm_bytes_equal(text, cm_buf_bytes(&again));
    cm_buf_clear(&again);
    return same;
}

static enum cm_status read_vkey(struct cm_key **out, struct cm_verifier *v, struct cm_error *error)
{
    char path[PATH_MAX + 8];
    char name[CM_MAX_VKEY];
    struct cm_buf text = {0};
    snprintf(path, sizeof path, "%s/vkey", cm_ledger_folder_path(v->folder));
    enum cm_status status = cm_file_read(&text, path, CM_MAX_VKEY, error);
    if (status == CM_NOT_FOUND) {
        cm_error_hint(error, "say whose ledger this is with --vkey");
    }
    if (status == CM_OK) {
        status = cm_vkey_parse(name, out, cm_buf_bytes(&text), error);
    }
    if (status == CM_OK && (cm_origin_epoch(name, v->out->origin) == 0 ||
                            !same_vkey(cm_buf_bytes(&text), name, *out))) {
        cm_key_free(*out);
        *out = NULL;
        status = cm_fail(error, CM_INVALID, path, "is not the vkey of this log's ledger");
    }
    cm_buf_clear(&text);
    return status;
}

enum cm_status cm_verifier_key(struct cm_verifier *v, const char *origin, struct cm_error *error)
{
    struct cm_error why = {.text = ""};
    enum cm_status status = take_owner(v, origin, error);
    if (status != CM_OK) {
        return status;
    }
    if (v->options->key) {
        status = cm_key_new(&v->key, cm_key_spki(v->options->key));
        v->out->vouched = true;
        struct cm_key *own = NULL;
        const enum cm_status there = read_vkey(&own, v, &why);
        if (there == CM_INVALID ||
            (there == CM_OK && !cm_digest_equal(cm_key_hash(own), cm_key_hash(v->options->key)))) {
            cm_verifier_problem(v, "vkey", "is not the key that was given");
        }
        cm_key_free(own);
    } else {
        status = read_vkey(&v->key, v, error);
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
    return CM_OK;
}

static void claim(struct cm_verifier *v, struct cm_bytes note, const char *where)
{
    struct cm_error error = {.text = ""};
    struct cm_claim claim = {.where = where};
    if (cm_checkpoint_open(&claim.checkpoint, note, v->key, &error) != CM_OK) {
        cm_verifier_problem(v, where, "is no checkpoint that the ledger's key signed");
        return;
    }
    claim.epoch = cm_origin_epoch(claim.checkpoint.origin, v->out->origin);
    if (claim.epoch == 0) {
        cm_verifier_problem(v, where, "is a checkpoint of another ledger");
        return;
    }
    claim.met = claim.checkpoint.size == 0;
    if (v->claim_count < CM_MAX_CLAIMS) {
        v->claims[v->claim_count++] = claim;
    }
}

void cm_verifier_take_seen(struct cm_verifier *v)
{
    for (size_t i = 0; i < v->options->seen_count; i++) {
        claim(v, v->options->seen[i], "--seen");
    }
    v->out->seen = (unsigned)v->claim_count;
}

void cm_verifier_claims_met(struct cm_verifier *v, const struct cm_checkpoint *checkpoint)
{
    const uint64_t epoch = cm_ledger_folder_epoch(v->folder);
    for (size_t i = 0; i < v->claim_count; i++) {
        struct cm_claim *c = &v->claims[i];
        c->met = c->met || (c->epoch == epoch && c->checkpoint.size == checkpoint->size &&
                            cm_digest_equal(&c->checkpoint.root, &checkpoint->root));
    }
}

void cm_verifier_claims_end(struct cm_verifier *v)
{
    for (size_t i = 0; i < v->claim_count; i++) {
        const struct cm_claim *c = &v->claims[i];
        if (!c->met) {
            cm_verifier_problem(v, c->where,
                                "the ledger signed a checkpoint of size %" PRIu64
                                " that this log does not hold: it was cut, rewritten or put back",
                                c->checkpoint.size);
        }
    }
}

// One "# name" with the certificates under it. Their path is not looked at: the key is what signed.
static bool cosigned_by(const struct cm_bytes note, const char *name, struct cm_bytes pem,
                        struct cm_error *error)
{
    struct cm_certificate leaf;
    static const char end[] = "-----END CERTIFICATE-----\n";
    const uint8_t *last = memmem(pem.data, pem.len, end, sizeof end - 1);
    if (!last) {
        cm_error_fill(error, CM_INVALID, CM_COSIGNERS_FILE, "holds no certificate for a witness");
        return false;
    }
    const struct cm_bytes first = {pem.data, (size_t)(last - pem.data) + sizeof end - 1};
    if (cm_certificate_parse_pem(&leaf, first, CM_COSIGNERS_FILE, error) != CM_OK) {
        return false;
    }
    char origin[CM_MAX_ORIGIN + 1];
    const bool holds = cm_checkpoint_origin(origin, leaf.uri) == CM_OK &&
                       strcmp(origin, name) == 0 &&
                       cm_cosign_find(NULL, note, name, leaf.key, error) == CM_OK;
    cm_certificate_clear(&leaf);
    if (!holds) {
        cm_error_fill(error, CM_UNAUTHENTICATED, CM_COSIGNED_FILE,
                      "a witness that it names did not sign it");
    }
    return holds;
}

static void count_cosigners(struct cm_verifier *v, struct cm_bytes note, struct cm_bytes chains)
{
    char name[CM_MAX_ORIGIN + 1];
    size_t at = 0;
    while (at < chains.len) {
        const uint8_t *begin = chains.data + at;
        const uint8_t *line = memchr(begin, '\n', chains.len - at);
        const size_t len = line ? (size_t)(line - begin) : chains.len - at;
        struct cm_error error = {.text = ""};
        if (!line || len < 3 || len - 2 > CM_MAX_ORIGIN || memcmp(begin, "# ", 2) != 0) {
            cm_verifier_problem(v, CM_COSIGNERS_FILE, "is not as a daemon writes it");
            return;
        }
        snprintf(name, sizeof name, "%.*s", (int)(len - 2), (const char *)begin + 2);
        at += len + 1;
        const uint8_t *next = memmem(chains.data + at, chains.len - at, "\n# ", 3);
        const size_t end = next ? (size_t)(next - chains.data) + 1 : chains.len;
        if (cosigned_by(note, name, (struct cm_bytes){chains.data + at, end - at}, &error)) {
            v->out->cosigners++;
        } else {
            cm_verifier_error(v, &error);
        }
        at = end;
    }
}

static bool read_beside(struct cm_verifier *v, struct cm_buf *out, const char *name, size_t max)
{
    char path[PATH_MAX + 32];
    struct cm_error error = {.text = ""};
    snprintf(path, sizeof path, "%s/%s", cm_ledger_folder_path(v->folder), name);
    const enum cm_status status = cm_file_read(out, path, max, &error);
    if (status != CM_OK && status != CM_NOT_FOUND) {
        cm_verifier_error(v, &error);
    }
    return status == CM_OK;
}

void cm_verifier_cosigned(struct cm_verifier *v)
{
    struct cm_buf note = {0};
    struct cm_buf chains = {0};
    struct cm_buf behind = {0};
    struct cm_checkpoint checkpoint;
    if (cm_ledger_folder_is_live(v->folder)) {
        return;
    }
    if (read_beside(v, &note, CM_COSIGNED_FILE, CM_MAX_CHECKPOINT)) {
        claim(v, cm_buf_bytes(&note), CM_COSIGNED_FILE);
        if (cm_checkpoint_parse(&checkpoint, cm_buf_bytes(&note), NULL) == CM_OK) {
            v->out->cosigned_size = checkpoint.size;
        }
        if (read_beside(v, &chains, CM_COSIGNERS_FILE, MAX_COSIGNERS_FILE)) {
            count_cosigners(v, cm_buf_bytes(&note), cm_buf_bytes(&chains));
        }
    }
    if (read_beside(v, &behind, CM_BEHIND_FILE, CM_MAX_CHECKPOINT)) {
        claim(v, cm_buf_bytes(&behind), CM_BEHIND_FILE);
    }
    cm_buf_clear(&note);
    cm_buf_clear(&chains);
    cm_buf_clear(&behind);
}

static enum cm_status read_statement(struct cm_verifier *v, struct cm_envelope *envelope,
                                     struct cm_epoch_statement *statement, struct cm_error *error)
{
    char folder[PATH_MAX];
    uint64_t number;
    struct cm_seen cosigned;
    const struct cm_epoch_owner owner = {&v->owner, v->key};
    if (!cm_verifier_epoch_folder(folder, v, cm_ledger_folder_epoch(v->folder))) {
        return CM_UNAVAILABLE;
    }
    enum cm_status status = cm_epoch_load(envelope, &number, v->arena, folder, error);
    if (status == CM_OK && envelope->family == CM_FAMILY_NONE) {
        status = cm_fail(error, CM_INVALID, "epoch", "the statement that began it is gone");
    }
    if (status == CM_OK) {
        status = cm_epoch_read(statement, &cosigned, v->arena, envelope, &owner, error);
    }
    for (size_t i = 0; status == CM_OK && i < v->options->trust_count; i++) {
        status = cm_epoch_verify(statement, &cosigned, v->arena, envelope, &owner,
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
    cm_arena_reset(v->arena);
    const enum cm_status status = read_statement(v, &envelope, &statement, &error);
    if (status == CM_UNAVAILABLE && error.text[0] == '\0') {
        return; // in use: its folder can't be looked into
    }
    if (status != CM_OK) {
        cm_verifier_error(v, &error);
        return;
    }
    cm_sha256_of(&digest, envelope.payload);
    if (!cm_digest_equal(&digest, &entry->digest) || statement.epoch != first->epoch ||
        statement.restored_size != entry->old_size) {
        cm_verifier_entry_problem(v, first, "epoch", "is not what the statement says");
    }
}
