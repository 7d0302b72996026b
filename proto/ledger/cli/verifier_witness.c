// Checkpoints that others have, and what they signed of them.
#include "proto/ledger/cli/verifier_internal.h"

#include "proto/base/file.h"
#include "proto/ledger/cosign.h"
#include "proto/ledger/cosigners.h"
#include "proto/ledger/record.h"
#include "proto/ledger/witnessed.h"
#include "proto/trust/certificate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MAX_COSIGNERS_FILE = 1024 * 1024, SECOND_MS = 1000 };

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

// What the restored log holds it must hold as it was seen, but for the checkpoint that is named.
static bool admitted(const struct cm_verifier *v, const struct cm_seen *cosigned,
                     const struct cm_claim *c)
{
    const struct cm_seen seen = {c->epoch, c->checkpoint.size, c->checkpoint.root};
    const bool named = cosigned->epoch == seen.epoch && cosigned->size == seen.size;
    return seen.epoch + 1 == cm_ledger_folder_epoch(v->folder) &&
           (named || seen.size > v->previous.size) && cm_epoch_admits(cosigned, &seen);
}

void cm_verifier_claims_admitted(struct cm_verifier *v, const struct cm_seen *cosigned)
{
    for (size_t i = 0; i < v->claim_count; i++) {
        struct cm_claim *c = &v->claims[i];
        c->met = c->met || admitted(v, cosigned, c);
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

static bool vouched(const struct cm_verifier *v, const struct cm_cosigner *cosigner, int64_t time_s)
{
    bool good = v->options->trust_count == 0;
    for (size_t i = 0; !good && i < v->options->trust_count; i++) {
        struct cm_signatory *signatory = NULL;
        good = cm_trust_chain(&signatory, v->options->trusts[i], cosigner->chain,
                              cosigner->chain_count, time_s * SECOND_MS, NULL) == CM_OK;
        cm_signatory_unref(signatory);
    }
    return good;
}

// CM_NOT_FOUND: its line is not there, which is no fault.
static enum cm_status check_cosigner(const struct cm_verifier *v, struct cm_bytes note,
                                     const struct cm_cosigner *cosigner)
{
    struct cm_certificate leaf;
    char origin[CM_MAX_ORIGIN + 1];
    int64_t time_s = 0;
    enum cm_status status =
        cm_certificate_parse(&leaf, cosigner->chain[0], CM_COSIGNERS_FILE, NULL);
    if (status != CM_OK) {
        return CM_INVALID;
    }
    if (cm_checkpoint_origin(origin, leaf.uri) != CM_OK || strcmp(origin, cosigner->name) != 0) {
        status = CM_INVALID;
    } else {
        status = cm_cosign_find(&time_s, note, cosigner->name, leaf.key, NULL);
    }
    cm_certificate_clear(&leaf);
    return status == CM_OK && !vouched(v, cosigner, time_s) ? CM_UNAUTHENTICATED : status;
}

// Witnesses whose line holds: the file may name one twice.
struct signers {
    size_t count;
    struct cm_digest keys[CM_MAX_NOTE_SIGNATURES];
};

static void add_signer(struct signers *signers, const struct cm_cosigner *cosigner)
{
    struct cm_digest leaf;
    size_t at = 0;
    cm_sha256_of(&leaf, cosigner->chain[0]);
    while (at < signers->count && !cm_digest_equal(&signers->keys[at], &leaf)) {
        at++;
    }
    if (at == signers->count && at < CM_MAX_NOTE_SIGNATURES) {
        signers->keys[signers->count++] = leaf;
    }
}

// Signature lines of a note, less the ledger's own.
static size_t count_witnesses(struct cm_bytes note)
{
    struct cm_bytes text, lines;
    struct cm_note_line line;
    size_t count = 0;
    if (cm_note_split(&text, &lines, note) == CM_OK) {
        while (cm_note_next(&line, &lines)) {
            count++;
        }
    }
    return count > 0 ? count - 1 : 0;
}

static void check_cosigners(struct cm_verifier *v, struct cm_bytes note, struct cm_bytes rest)
{
    struct signers signers = {.count = 0};
    while (rest.len > 0) {
        struct cm_cosigner cosigner;
        struct cm_error error = {.text = ""};
        cm_arena_reset(v->arena);
        if (cm_cosigners_next(&cosigner, v->arena, &rest, &error) != CM_OK) {
            cm_verifier_error(v, &error);
            return;
        }
        const enum cm_status status = check_cosigner(v, note, &cosigner);
        if (status == CM_OK) {
            add_signer(&signers, &cosigner);
        } else if (status != CM_NOT_FOUND) {
            cm_verifier_problem(v, CM_COSIGNED_FILE, "%s did not sign it, or is not known",
                                cosigner.name);
        }
    }
    v->out->cosigners += (unsigned)signers.count;
    if (signers.count != count_witnesses(note)) {
        cm_verifier_problem(v, CM_COSIGNERS_FILE,
                            "%zu witnesses signed the checkpoint, and certificates fit %zu",
                            count_witnesses(note), signers.count);
    }
}

static bool read_beside(struct cm_verifier *v, struct cm_buf *out, const char *folder,
                        const char *name, size_t max)
{
    char path[PATH_MAX + 32];
    struct cm_error error = {.text = ""};
    snprintf(path, sizeof path, "%s/%s", folder, name);
    const enum cm_status status = cm_file_read(out, path, max, &error);
    if (status != CM_OK && status != CM_NOT_FOUND) {
        cm_verifier_error(v, &error);
    }
    return status == CM_OK;
}

static void check_cosigned(struct cm_verifier *v, const char *folder)
{
    struct cm_buf note = {0}, chains = {0}, behind = {0};
    struct cm_checkpoint checkpoint;
    const bool noted = read_beside(v, &note, folder, CM_COSIGNED_FILE, CM_MAX_CHECKPOINT);
    if (read_beside(v, &chains, folder, CM_COSIGNERS_FILE, MAX_COSIGNERS_FILE) && !noted) {
        cm_verifier_problem(v, CM_COSIGNED_FILE,
                            "is gone, though the certificates of its witnesses are there");
    }
    if (noted) {
        claim(v, cm_buf_bytes(&note), CM_COSIGNED_FILE);
        check_cosigners(v, cm_buf_bytes(&note), cm_buf_bytes(&chains));
        if (cm_checkpoint_parse(&checkpoint, cm_buf_bytes(&note), NULL) == CM_OK) {
            v->out->cosigned_size = checkpoint.size;
        }
    }
    if (read_beside(v, &behind, folder, CM_BEHIND_FILE, CM_MAX_CHECKPOINT)) {
        claim(v, cm_buf_bytes(&behind), CM_BEHIND_FILE);
    }
    cm_buf_clear(&note);
    cm_buf_clear(&chains);
    cm_buf_clear(&behind);
}

void cm_verifier_cosigned(struct cm_verifier *v)
{
    char folder[PATH_MAX];
    for (uint64_t epoch = 1; epoch <= v->out->epochs; epoch++) {
        if (cm_verifier_epoch_folder(folder, v, epoch)) {
            check_cosigned(v, folder);
        }
    }
}
