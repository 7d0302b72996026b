#include "proto/ledger/recovery.h"

#include "proto/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum { MUCH = 4096 }; // entries without tiles

struct run {
    struct cm_recovery *recovery;
    const struct cm_ledger_files *files;
    const char *origin;
    const struct cm_ledger_options *options;
    const struct cm_ledger_io *io;
    struct cm_error *error;
    bool untiled; // tiles can't be written now
};

// What was published is only read and compared.
static bool was_published(const struct cm_tiles *tiles, const struct cm_log_item *item)
{
    const uint64_t size = item->type == CM_ITEM_ENTRY ? item->index : item->checkpoint.size;
    return size <= cm_tiles_published(tiles);
}

// Full disks are no reason not to start: the tiles are made later.
static enum cm_status add_to_tiles(struct run *run, const struct cm_log_item *item)
{
    if (run->untiled) {
        return CM_OK;
    }
    struct cm_tiles *tiles = run->recovery->tiles;
    struct cm_error error = {.text = ""};
    if (item->type == CM_ITEM_ENTRY && item->index == cm_tiles_published(tiles) + MUCH) {
        cm_tiles_expect_much(tiles);
    }
    const enum cm_status status = cm_tiles_add(tiles, item, &error);
    if (status != CM_IO || was_published(tiles, item)) {
        if (status && run->error) {
            *run->error = error;
        }
        return status;
    }
    char text[600];
    cm_log(CM_LOG_ERROR, "ledger-not-published", "error=\"%s\"",
           cm_error_format(text, sizeof text, &error));
    run->untiled = true;
    return CM_OK;
}

static enum cm_status take_entry(struct run *run, const struct cm_log_item *item)
{
    const struct cm_ledger_options *options = run->options;
    enum cm_status status = cm_pages_add(run->recovery->pages, &item->leaf);
    if (!status && options->replay) {
        status = options->replay(options->context, item);
    }
    if (!status && run->untiled &&
        item->index - cm_tiles_published(run->recovery->tiles) > CM_MAX_UNPUBLISHED) {
        return cm_fail(run->error, CM_IO, "ledger", "too much of the log has no tiles");
    }
    return status ? cm_fail(run->error, status, "ledger",
                            "the entry at byte %" PRIu64 " can't be loaded", item->offset)
                  : CM_OK;
}

static enum cm_status load(struct run *run)
{
    struct cm_recovery *recovery = run->recovery;
    for (;;) {
        struct cm_log_item item;
        enum cm_status status = cm_log_reader_next(&item, recovery->reader, run->error);
        if (!status && item.type == CM_ITEM_ENTRY) {
            status = take_entry(run, &item);
        }
        if (status || item.type == CM_ITEM_END) {
            return status;
        }
        status = add_to_tiles(run, &item);
        if (status) {
            return status;
        }
        if (!run->untiled) {
            cm_pages_published(recovery->pages, cm_tiles_whole(recovery->tiles));
        }
    }
}

// The last checkpoint's root commits to all before it, so its signature speaks for all.
static enum cm_status verify(const struct run *run)
{
    struct cm_key *key = NULL;
    struct cm_checkpoint checkpoint;
    if (run->recovery->note.len == 0) {
        return CM_OK;
    }
    enum cm_status status = cm_key_new(&key, cm_signer_spki(run->options->signer));
    if (status) {
        return cm_fail(run->error, status, "ledger", "the key can't be used");
    }
    status = cm_checkpoint_open(&checkpoint, cm_buf_bytes(&run->recovery->note), key, run->error);
    cm_key_free(key);
    return status;
}

// What a killed process left may be in the system's memory alone: nothing is built on that.
static enum cm_status settle_log(const struct run *run)
{
    const struct cm_log_state *state = &run->recovery->state;
    if (state->torn > 0) {
        cm_log(CM_LOG_WARNING, "ledger-torn-tail", "bytes=%" PRIu64 " entries=%" PRIu64,
               state->torn, state->checkpoint.size);
    }
    if ((state->torn > 0 && run->io->ftruncate(run->files->log, (off_t)state->end) != 0) ||
        run->io->fdatasync(run->files->log) != 0) {
        return cm_fail(run->error, CM_IO, "ledger",
                       "what was recorded before can't be made durable: %s", strerror(errno));
    }
    return CM_OK;
}

static enum cm_status keep_state(struct cm_recovery *recovery)
{
    recovery->state = *cm_log_reader_state(recovery->reader);
    const struct cm_bytes note = recovery->state.note;
    const enum cm_status status = cm_buf_add(&recovery->note, note.data, note.len);
    recovery->state.note = cm_buf_bytes(&recovery->note);
    return status;
}

static enum cm_status open_readers(struct run *run)
{
    struct cm_recovery *recovery = run->recovery;
    enum cm_status status =
        cm_log_reader_open_fd(&recovery->reader, run->files->log, run->origin, run->error);
    if (!status) {
        status = cm_tiles_open(&recovery->tiles, run->files->folder, run->io, run->error);
    }
    return status;
}

// Tiles that couldn't follow are made from the log's beginning, by whoever takes them.
static enum cm_status begin_tiles_anew(struct run *run)
{
    struct cm_recovery *recovery = run->recovery;
    cm_log_reader_free(recovery->reader);
    cm_tiles_free(recovery->tiles);
    recovery->reader = NULL;
    recovery->tiles = NULL;
    return open_readers(run);
}

enum cm_status cm_recovery_run(struct cm_recovery *recovery, const struct cm_ledger_files *files,
                               const char *origin, const struct cm_ledger_options *options,
                               const struct cm_ledger_io *io, struct cm_error *error)
{
    struct run run = {recovery, files, origin, options, io, error, false};
    *recovery = (struct cm_recovery){.pages = NULL};
    enum cm_status status = open_readers(&run);
    if (!status && cm_pages_new(&recovery->pages, files->folder)) {
        status = cm_fail(error, CM_MEMORY, "ledger", "out of memory");
    }
    if (!status) {
        cm_pages_published(recovery->pages, cm_tiles_published(recovery->tiles));
        status = load(&run);
    }
    if (!status && keep_state(recovery)) {
        status = cm_fail(error, CM_MEMORY, "ledger", "out of memory");
    }
    if (!status) {
        status = verify(&run);
    }
    if (!status && !run.untiled) {
        status = cm_tiles_check_end(recovery->tiles, error);
    }
    if (!status) {
        status = settle_log(&run);
    }
    if (!status && run.untiled) {
        status = begin_tiles_anew(&run);
    }
    return status;
}

void cm_recovery_clear(struct cm_recovery *recovery)
{
    cm_pages_free(recovery->pages);
    cm_tiles_free(recovery->tiles);
    cm_log_reader_free(recovery->reader);
    cm_buf_clear(&recovery->note);
}
