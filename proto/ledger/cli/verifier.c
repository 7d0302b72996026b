#include "proto/ledger/cli/verifier_internal.h"

#include "proto/ledger/record.h"
#include "proto/ledger/tiles.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ARENA_CAP ((size_t)64 * 1024 * 1024)

static void report(struct cm_verifier *v, const struct cm_problem *problem)
{
    v->out->problems++;
    if (v->options->problem) {
        v->options->problem(v->options->context, problem);
    }
}

void cm_verifier_problem(struct cm_verifier *v, const char *where, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    report(v, &(struct cm_problem){.epoch = cm_ledger_folder_epoch(v->folder),
                                   .where = where,
                                   .text = text,
                                   .hint = ""});
}

void cm_verifier_error(struct cm_verifier *v, const struct cm_error *error)
{
    report(v, &(struct cm_problem){.epoch = cm_ledger_folder_epoch(v->folder),
                                   .where = error->where,
                                   .text = error->text,
                                   .hint = error->hint});
}

void cm_verifier_entry_problem(struct cm_verifier *v, const struct cm_audit_record *record,
                               const char *where, const char *text)
{
    report(v, &(struct cm_problem){.epoch = record->epoch,
                                   .at_entry = true,
                                   .index = record->index,
                                   .where = where,
                                   .text = text,
                                   .hint = ""});
}

bool cm_verifier_epoch_folder(char out[PATH_MAX], const struct cm_verifier *v, uint64_t epoch)
{
    const char *path = cm_ledger_folder_path(v->folder);
    const int len = epoch == cm_ledger_folder_epochs(v->folder)
                        ? snprintf(out, PATH_MAX, "%s", path)
                        : snprintf(out, PATH_MAX, "%s/" CM_EPOCH_FOLDER "/%" PRIu64, path, epoch);
    return !cm_ledger_folder_is_live(v->folder) && len > 0 && len < PATH_MAX;
}

// Whether what is wrong is the ledger, and not this machine.
static bool is_damage(enum cm_status status)
{
    return status == CM_INVALID || status == CM_UNAUTHENTICATED;
}

// The tiles of the epoch that is read; NULL when it has none, or they can't be looked at.
static struct cm_tiles *open_tiles(struct cm_verifier *v, int *folder)
{
    char path[PATH_MAX];
    struct cm_tiles *tiles = NULL;
    struct cm_error error = {.text = ""};
    *folder = -1;
    if (!cm_verifier_epoch_folder(path, v, cm_ledger_folder_epoch(v->folder))) {
        return NULL;
    }
    *folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*folder < 0 || cm_tiles_open(&tiles, *folder, NULL, &error) != CM_OK) {
        cm_verifier_problem(v, path, "%s",
                            *folder < 0             ? strerror(errno)
                            : error.text[0] != '\0' ? error.text
                                                    : "the published checkpoint can't be read");
        return NULL;
    }
    if (cm_tiles_published(tiles) == 0 && faccessat(*folder, "tile", F_OK, 0) == 0) {
        cm_verifier_problem(v, path, "there are tiles, and the checkpoint over them is gone");
    }
    return tiles;
}

static void close_tiles(struct cm_tiles **tiles, int *folder)
{
    cm_tiles_free(*tiles);
    *tiles = NULL;
    if (*folder >= 0) {
        close(*folder);
    }
    *folder = -1;
}

// The first difference is told; what follows from it is not.
static void compare_tiles(struct cm_verifier *v, struct cm_tiles **tiles, int *folder,
                          const struct cm_log_item *item)
{
    struct cm_error error = {.text = ""};
    const enum cm_status status = item->type == CM_ITEM_END ? cm_tiles_check_end(*tiles, &error)
                                                            : cm_tiles_add(*tiles, item, &error);
    if (status != CM_OK) {
        cm_verifier_error(v, &error);
        close_tiles(tiles, folder);
    }
}

static void check_signature(struct cm_verifier *v, const struct cm_log_item *item)
{
    struct cm_checkpoint checkpoint;
    struct cm_error error = {.text = ""};
    if (cm_checkpoint_open(&checkpoint, item->note, v->key, &error) != CM_OK) {
        cm_verifier_problem(v, "log",
                            "the checkpoint at byte %" PRIu64 ", of size %" PRIu64
                            ", is not signed by the ledger's key",
                            item->offset, item->checkpoint.size);
    }
    v->out->signatures++;
}

// With the first checkpoint that is read: whose ledger this is, and what must be in it.
static enum cm_status know_owner(struct cm_verifier *v, const char *origin, struct cm_error *error)
{
    if (v->key) {
        return CM_OK;
    }
    const enum cm_status status = cm_verifier_key(v, origin, error);
    if (status == CM_OK) {
        cm_verifier_take_seen(v);
        cm_verifier_cosigned(v);
    }
    return status;
}

static void take_checkpoint(struct cm_verifier *v, const struct cm_log_item *item)
{
    const uint64_t epoch = cm_ledger_folder_epoch(v->folder);
    if (cm_origin_epoch(item->checkpoint.origin, v->out->origin) != epoch) {
        cm_verifier_problem(v, "log",
                            "the checkpoint at byte %" PRIu64
                            " does not name this ledger's epoch %" PRIu64,
                            item->offset, epoch);
    }
    v->out->checkpoints++;
    if (!v->options->last_signature) {
        check_signature(v, item);
    }
    cm_verifier_claims_met(v, &item->checkpoint);
}

static void take_entry(struct cm_verifier *v, const struct cm_audit_record *record)
{
    v->out->entries++;
    v->out->clear[record->clear]++;
    const bool begins = record->index == 0 && record->epoch > 1;
    if (begins) {
        cm_verifier_statement(v, record);
    } else if (record->entry.kind == CM_ENTRY_EPOCH) {
        cm_verifier_entry_problem(v, record, "epoch", "an epoch begins in the middle of a log");
    }
    cm_arena_reset(v->arena);
    cm_verifier_record(v, record);
}

struct epoch_run {
    struct cm_tiles *tiles;
    int folder;
    struct cm_buf last; // the newest checkpoint's note
    struct cm_log_item item;
};

static enum cm_status keep_last(struct epoch_run *run)
{
    run->last.len = 0;
    return cm_buf_add(&run->last, run->item.note.data, run->item.note.len);
}

static enum cm_status run_items(struct cm_verifier *v, struct epoch_run *run,
                                struct cm_error *error)
{
    enum cm_status status;
    do {
        const struct cm_audit_record *record;
        status = cm_ledger_folder_step(&run->item, &record, v->folder, error);
        if (status == CM_OK && run->item.type != CM_ITEM_END) {
            status = know_owner(v, cm_ledger_folder_state(v->folder)->checkpoint.origin, error);
        }
        if (status == CM_OK && record) {
            take_entry(v, record);
        } else if (status == CM_OK && run->item.type == CM_ITEM_CHECKPOINT) {
            take_checkpoint(v, &run->item);
            status = keep_last(run);
        }
        if (status == CM_OK && run->tiles) {
            compare_tiles(v, &run->tiles, &run->folder, &run->item);
        }
    } while (status == CM_OK && run->item.type != CM_ITEM_END);
    return status;
}

// *whole false: the log is damaged, and nothing after that place was read.
static enum cm_status run_epoch(struct cm_verifier *v, bool *whole, struct cm_error *error)
{
    struct epoch_run run = {.folder = -1};
    run.tiles = open_tiles(v, &run.folder);
    enum cm_status status = run_items(v, &run, error);
    const struct cm_log_state *state = cm_ledger_folder_state(v->folder);
    v->out->published = v->out->published || (run.tiles && cm_tiles_published(run.tiles) > 0);
    close_tiles(&run.tiles, &run.folder);
    *whole = status == CM_OK;
    if (is_damage(status)) {
        cm_verifier_error(v, error);
        status = CM_OK;
    } else if (*whole && state->checkpoint.size == 0 && cm_ledger_folder_epoch(v->folder) > 1) {
        cm_verifier_problem(v, "log", "the epoch holds no entry");
    }
    if (*whole && v->options->last_signature && run.last.len > 0) {
        run.item.note = cm_buf_bytes(&run.last);
        run.item.checkpoint = state->checkpoint;
        check_signature(v, &run.item);
    }
    v->out->head = v->previous = state->checkpoint;
    v->out->torn = state->torn;
    cm_buf_clear(&run.last);
    return status;
}

static enum cm_status run(struct cm_verifier *v, struct cm_error *error)
{
    enum cm_status status;
    bool more = true;
    bool whole;
    do {
        status = run_epoch(v, &whole, error);
        if (status == CM_OK && whole && !v->key) {
            status = cm_fail(error, CM_NOT_FOUND, cm_ledger_folder_path(v->folder),
                             "the ledger holds nothing yet");
        }
        if (status == CM_OK) {
            status = cm_ledger_folder_next_epoch(v->folder, &more, error);
        }
    } while (status == CM_OK && more);
    if (status == CM_OK) {
        cm_verifier_claims_end(v);
    }
    return status;
}

enum cm_status cm_verify(struct cm_verified *out, struct cm_ledger_folder *folder,
                         const struct cm_verifier_options *options, struct cm_error *error)
{
    struct cm_verifier v = {.options = options, .folder = folder, .out = out};
    *out = (struct cm_verified){.epochs = cm_ledger_folder_epochs(folder)};
    v.arena = cm_arena_new(ARENA_CAP);
    v.signers = cm_signer_cache_new();
    enum cm_status status = v.arena && v.signers
                                ? cm_ledger_folder_rewind(folder, error)
                                : cm_fail(error, CM_MEMORY, "verify", "out of memory");
    if (status == CM_OK) {
        status = run(&v, error);
    }
    cm_signer_cache_free(v.signers);
    cm_key_free(v.key);
    cm_arena_free(v.arena);
    return status;
}
