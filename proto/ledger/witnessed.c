#include "proto/ledger/witnessed.h"

#include "proto/base/file.h"
#include "proto/base/folder.h"
#include "proto/base/log.h"
#include "proto/ledger/cosign.h"
#include "proto/ledger/cosigners.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    MAX_CHAINS = CM_MAX_NOTE_SIGNATURES * CM_MAX_CHAIN * 2 * CM_MAX_CERTIFICATE,
    CLOCKS_DIFFER_S = 600
};

// What of the ledger's own is in the file, or nothing.
static enum cm_status read_own(struct cm_witnessed *witnessed, struct cm_buf *note,
                               struct cm_seen *out, const char *name)
{
    char path[PATH_MAX];
    struct cm_checkpoint checkpoint;
    struct cm_error error = {.text = ""};
    note->max = CM_MAX_CHECKPOINT;
    enum cm_status status = cm_folder_path(path, witnessed->folder, name, &error);
    if (!status) {
        status = cm_file_read(note, path, CM_MAX_CHECKPOINT, &error);
    }
    if (status == CM_NOT_FOUND) {
        return CM_OK;
    }
    if (!status) {
        status = cm_checkpoint_open(&checkpoint, cm_buf_bytes(note), witnessed->key, &error);
    }
    if (!status) {
        status = cm_seen_of(out, cm_buf_bytes(note), witnessed->base, &error);
    }
    if (status) {
        cm_log(CM_LOG_ERROR, "checkpoint-not-read", "file=%s where=%s error=\"%s\"", path,
               error.where, error.text);
        note->len = 0;
    }
    return status == CM_MEMORY || status == CM_IO ? status : CM_OK;
}

static enum cm_status read_statement(struct cm_witnessed *witnessed, struct cm_error *error)
{
    struct cm_epoch_statement statement;
    const struct cm_epoch_owner owner = {&witnessed->identity, witnessed->key};
    enum cm_status status = cm_epoch_load(&witnessed->statement, &witnessed->epoch,
                                          witnessed->arena, witnessed->folder, error);
    if (!status && witnessed->epoch > 1) {
        status = cm_epoch_read(&statement, &witnessed->admitted, witnessed->arena,
                               &witnessed->statement, &owner, error);
    }
    return status;
}

static enum cm_status read_files(struct cm_witnessed *witnessed, struct cm_error *error)
{
    char path[PATH_MAX];
    enum cm_status status =
        read_own(witnessed, &witnessed->note, &witnessed->cosigned, CM_COSIGNED_FILE);
    if (!status) {
        status = read_own(witnessed, &witnessed->behind, &witnessed->refuted, CM_BEHIND_FILE);
    }
    if (!status) {
        status = cm_folder_path(path, witnessed->folder, CM_COSIGNERS_FILE, error);
    }
    if (!status) {
        status = cm_file_read(&witnessed->chains, path, (size_t)2 * MAX_CHAINS, error);
        status = status == CM_NOT_FOUND ? CM_OK : status;
    }
    if (status && error && !error->text[0]) {
        cm_fail(error, status, witnessed->folder, "what witnesses said can't be read");
    }
    return status;
}

enum cm_status cm_witnessed_open(struct cm_witnessed *witnessed, const char *folder,
                                 const struct cm_signer *signer,
                                 enum cm_status (*submit)(void *context, struct cm_job *job),
                                 void *context, struct cm_error *error)
{
    memset(witnessed, 0, sizeof *witnessed);
    witnessed->submit = submit;
    witnessed->context = context;
    witnessed->chains.max = (size_t)2 * MAX_CHAINS;
    witnessed->chains_before.max = MAX_CHAINS;
    witnessed->arena = cm_arena_new(CM_EPOCH_ARENA);
    if (!witnessed->arena || cm_key_new(&witnessed->key, cm_signer_spki(signer))) {
        return cm_fail(error, CM_MEMORY, "ledger", "out of memory");
    }
    if (snprintf(witnessed->folder, sizeof witnessed->folder, "%s", folder) >= PATH_MAX) {
        return cm_fail(error, CM_INVALID, folder, "the path is too long");
    }
    enum cm_status status =
        cm_identity_parse(&witnessed->identity, cm_bytes_of(cm_signer_spiffe(signer)), error);
    if (!status && cm_checkpoint_origin(witnessed->base, witnessed->identity.spiffe)) {
        status = cm_fail(error, CM_INVALID, "ledger", "not the certificate of a node or gateway");
    }
    if (!status) {
        status = read_statement(witnessed, error);
    }
    return status ? status : read_files(witnessed, error);
}

void cm_witnessed_clear(struct cm_witnessed *witnessed)
{
    cm_key_free(witnessed->key);
    cm_arena_free(witnessed->arena);
    cm_buf_clear(&witnessed->note);
    cm_buf_clear(&witnessed->chains);
    cm_buf_clear(&witnessed->chains_before);
    cm_buf_clear(&witnessed->behind);
    cm_buf_clear(&witnessed->notes_out);
    cm_buf_clear(&witnessed->chains_out);
    cm_buf_clear(&witnessed->behind_out);
}

// CM_STALE: our log lacks it.
static enum cm_status held(const struct cm_witnessed *witnessed, const struct cm_ledger *ledger,
                           const struct cm_seen *seen)
{
    const struct cm_checkpoint *head = &cm_ledger_head(ledger)->checkpoint;
    struct cm_consistency proof;
    if (seen->epoch < witnessed->epoch) {
        return cm_epoch_admits(&witnessed->admitted, seen) ? CM_OK : CM_STALE;
    }
    if (seen->epoch > witnessed->epoch || seen->size > head->size) {
        return CM_STALE;
    }
    if (seen->size == 0) {
        return CM_OK;
    }
    struct cm_arena *arena = cm_arena_new(CM_EPOCH_ARENA);
    enum cm_status status =
        arena ? cm_ledger_prove_consistency(&proof, arena, ledger, seen->size, head->size)
              : CM_MEMORY;
    if (!status && cm_merkle_check_consistency(&proof, &seen->root, &head->root)) {
        status = CM_STALE;
    }
    cm_arena_free(arena);
    return status;
}

static void log_refuted(const struct cm_witnessed *witnessed, const struct cm_ledger *ledger)
{
    cm_log(CM_LOG_ERROR, "ledger-refuted",
           "seen_epoch=%" PRIu64 " seen_size=%" PRIu64 " our_epoch=%" PRIu64 " our_size=%" PRIu64
           " why=\"our own key signed a checkpoint that our log does not hold\" action=\"put the "
           "right folder back, or recover from this one\"",
           witnessed->refuted.epoch, witnessed->refuted.size, witnessed->epoch,
           cm_ledger_head(ledger)->checkpoint.size);
}

static enum cm_status adopt(struct cm_witnessed *witnessed, const struct cm_seen *seen,
                            struct cm_bytes note)
{
    witnessed->behind.len = 0;
    const enum cm_status status = cm_buf_add(&witnessed->behind, note.data, note.len);
    witnessed->refuted = *seen;
    return status;
}

// What was remembered as refuting; gone once the right log was put back.
static enum cm_status check_behind(struct cm_witnessed *witnessed, const struct cm_ledger *ledger,
                                   struct cm_error *error)
{
    char path[PATH_MAX];
    enum cm_status status = cm_folder_path(path, witnessed->folder, CM_BEHIND_FILE, error);
    if (status || witnessed->refuted.epoch == 0) {
        return status;
    }
    status = held(witnessed, ledger, &witnessed->refuted);
    if (!status) {
        (void)unlink(path);
        witnessed->refuted.epoch = 0;
        witnessed->behind.len = 0;
    }
    return status == CM_STALE ? CM_OK : status;
}

static enum cm_status check_cosigned(struct cm_witnessed *witnessed, const struct cm_ledger *ledger)
{
    const struct cm_seen *cosigned = &witnessed->cosigned;
    const enum cm_status status = cosigned->epoch > 0 ? held(witnessed, ledger, cosigned) : CM_OK;
    if (status != CM_STALE) {
        return status;
    }
    return cm_seen_before(&witnessed->refuted, cosigned)
               ? adopt(witnessed, cosigned, cm_buf_bytes(&witnessed->note))
               : CM_OK;
}

enum cm_status cm_witnessed_check(struct cm_witnessed *witnessed, const struct cm_ledger *ledger,
                                  struct cm_error *error)
{
    if (witnessed->epoch > 1 && cm_ledger_head(ledger)->checkpoint.size == 0) {
        return cm_fail(error, CM_INVALID, witnessed->folder,
                       "an epoch that was begun holds no entry");
    }
    enum cm_status status = check_behind(witnessed, ledger, error);
    if (!status) {
        status = check_cosigned(witnessed, ledger);
    }
    if (!status && cm_witnessed_refuted(witnessed)) {
        log_refuted(witnessed, ledger);
    }
    return status ? cm_fail(error, status, witnessed->folder,
                            "what witnesses saw can't be compared with the log")
                  : CM_OK;
}

// Certificates before the note that needs them.
static void write_work(struct cm_job *job)
{
    struct cm_witnessed *witnessed = CM_CONTAINER(job, struct cm_witnessed, job);
    const struct {
        const char *name;
        const struct cm_buf *bytes;
    } files[] = {{CM_BEHIND_FILE, &witnessed->behind_out},
                 {CM_COSIGNERS_FILE, &witnessed->chains_out},
                 {CM_COSIGNED_FILE, &witnessed->notes_out}};
    char path[PATH_MAX];
    enum cm_status status = CM_OK;
    for (size_t i = 0; i < sizeof files / sizeof *files && !status; i++) {
        if (files[i].bytes->len == 0) {
            continue;
        }
        status = cm_folder_path(path, witnessed->folder, files[i].name, &witnessed->error);
        if (!status) {
            status = cm_file_write(path, cm_buf_bytes(files[i].bytes), 0600, &witnessed->error);
        }
    }
    if (status) {
        cm_log(CM_LOG_ERROR, "cosignatures-not-kept", "where=%s error=\"%s\"",
               witnessed->error.where, witnessed->error.text);
    }
}

static void write_files(struct cm_witnessed *witnessed);

static void written(struct cm_job *job)
{
    struct cm_witnessed *witnessed = CM_CONTAINER(job, struct cm_witnessed, job);
    witnessed->busy = false;
    if (witnessed->again) {
        write_files(witnessed);
    }
}

static enum cm_status copy(struct cm_buf *out, const struct cm_buf *in)
{
    out->len = 0;
    return in->len > 0 ? cm_buf_add(out, in->data, in->len) : CM_OK;
}

static void write_files(struct cm_witnessed *witnessed)
{
    witnessed->again = witnessed->busy;
    if (witnessed->busy) {
        return;
    }
    witnessed->job = (struct cm_job){.work = write_work, .done = written};
    witnessed->busy = true;
    if (copy(&witnessed->notes_out, &witnessed->note) ||
        copy(&witnessed->chains_out, &witnessed->chains) ||
        cm_buf_add(&witnessed->chains_out, witnessed->chains_before.data,
                   witnessed->chains_before.len) ||
        copy(&witnessed->behind_out, &witnessed->behind) ||
        witnessed->submit(witnessed->context, &witnessed->job)) {
        cm_log(CM_LOG_ERROR, "cosignatures-not-kept", "why=\"no memory or worker\"");
        witnessed->busy = false;
    }
}

// The certificates that it sends are kept, for others to believe: junk would refute our own folder.
static enum cm_status check_chain(const struct cm_cosignature *answer,
                                  const struct cm_signatory *witness, struct cm_trust *trust,
                                  int64_t now_ms, struct cm_error *error)
{
    struct cm_signatory *leaf = NULL;
    enum cm_status status =
        cm_trust_chain(&leaf, trust, answer->chain, answer->chain_count, now_ms, error);
    if (!status && !cm_digest_equal(cm_key_hash(cm_signatory_key(leaf)),
                                    cm_key_hash(cm_signatory_key(witness)))) {
        status = cm_fail(error, CM_UNAUTHENTICATED, "cosignature.chain",
                         "the certificate is of another key");
    }
    cm_signatory_unref(leaf);
    return status;
}

static bool signed_by(struct cm_bytes note, const char *name)
{
    struct cm_bytes text, lines;
    struct cm_note_line line;
    bool found = false;
    if (cm_note_split(&text, &lines, note)) {
        return false;
    }
    while (!found && cm_note_next(&line, &lines)) {
        found = cm_bytes_equal(line.name, cm_bytes_of(name));
    }
    return found;
}

// Until another note has taken its place on disk, the one there keeps its certificates.
static enum cm_status keep_before(struct cm_witnessed *witnessed)
{
    struct cm_bytes rest = cm_buf_bytes(&witnessed->chains);
    struct cm_arena *arena = cm_arena_new((size_t)4 * MAX_CHAINS);
    enum cm_status status = arena ? CM_OK : CM_MEMORY;
    if (!witnessed->busy) {
        witnessed->chains_before.len = 0;
    }
    while (!status && rest.len > 0) {
        struct cm_cosigner cosigner;
        const uint8_t *from = rest.data;
        status = cm_cosigners_next(&cosigner, arena, &rest, NULL);
        if (!status && signed_by(cm_buf_bytes(&witnessed->note), cosigner.name)) {
            status = cm_buf_add(&witnessed->chains_before, from, (size_t)(rest.data - from));
        }
    }
    cm_arena_free(arena);
    return status;
}

static enum cm_status add_line(struct cm_witnessed *witnessed, const char *name,
                               const struct cm_cosignature *answer)
{
    const size_t before = witnessed->note.len;
    enum cm_status status = cm_cosign_add(&witnessed->note, answer->line);
    if (status == CM_EXHAUSTED || (!status && witnessed->note.len == before)) {
        return CM_NOT_FOUND; // nothing new to keep
    }
    return status ? status
                  : cm_cosigners_add(&witnessed->chains, name, answer->chain, answer->chain_count);
}

enum cm_status cm_witnessed_take(struct cm_witnessed *witnessed, const struct cm_tree_head *head,
                                 const struct cm_cosignature *answer,
                                 const struct cm_signatory *witness, struct cm_trust *trust,
                                 int64_t now_ms, struct cm_error *error)
{
    char name[CM_MAX_ORIGIN + 1];
    if (answer->size != head->checkpoint.size ||
        cm_checkpoint_origin(name, cm_signatory_identity(witness)->spiffe)) {
        return cm_fail(error, CM_INVALID, "cosignature.size", "of another checkpoint");
    }
    int64_t time_s = 0;
    enum cm_status status =
        cm_cosign_check(&time_s, answer->line, head->note, name, cm_signatory_key(witness), error);
    if (!status &&
        (time_s < now_ms / 1000 - CLOCKS_DIFFER_S || time_s > now_ms / 1000 + CLOCKS_DIFFER_S)) {
        status = cm_fail(error, CM_INVALID, "cosignature.time", "the two clocks differ");
    }
    if (!status) {
        status = check_chain(answer, witness, trust, now_ms, error);
    }
    if (status || head->checkpoint.size < witnessed->cosigned.size) {
        return status;
    }
    if (head->checkpoint.size > witnessed->cosigned.size || witnessed->note.len == 0) {
        if (keep_before(witnessed)) {
            cm_log(CM_LOG_WARNING, "cosigners-not-kept", "why=\"no room, or damaged\"");
        }
        witnessed->note.len = witnessed->chains.len = 0;
        witnessed->cosigned = (struct cm_seen){.epoch = witnessed->epoch,
                                               .size = head->checkpoint.size,
                                               .root = head->checkpoint.root};
        status = cm_buf_add(&witnessed->note, head->note.data, head->note.len);
    }
    if (!status) {
        status = add_line(witnessed, name, answer);
    }
    if (status == CM_NOT_FOUND) {
        return CM_OK;
    }
    if (status) {
        return cm_fail(error, status, "cosignature", "out of memory");
    }
    write_files(witnessed);
    return CM_OK;
}

enum cm_status cm_witnessed_shown(struct cm_witnessed *witnessed, const struct cm_ledger *ledger,
                                  struct cm_bytes note, struct cm_error *error)
{
    struct cm_checkpoint checkpoint;
    struct cm_seen seen = {.epoch = 0};
    enum cm_status status = cm_checkpoint_open(&checkpoint, note, witnessed->key, error);
    if (!status) {
        status = cm_seen_of(&seen, note, witnessed->base, error);
    }
    if (!status) {
        status = held(witnessed, ledger, &seen);
    }
    if (status != CM_STALE) {
        return status;
    }
    cm_fail(error, CM_STALE, "ledger", "our key signed size %" PRIu64 ", which our log lacks",
            seen.size);
    if (!cm_seen_before(&witnessed->refuted, &seen)) {
        return CM_STALE; // known
    }
    if (adopt(witnessed, &seen, note)) {
        cm_log(CM_LOG_ERROR, "cosignatures-not-kept", "why=\"out of memory\"");
    }
    log_refuted(witnessed, ledger);
    write_files(witnessed);
    return CM_STALE;
}
