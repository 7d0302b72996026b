#include "proto/ledger/ledger.h"

#include "proto/base/log.h"
#include "proto/ledger/publisher.h"
#include "proto/ledger/recovery.h"
#include "proto/ledger/writer.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Outlives a ledger that is closed while its task is still on the way to the loop.
struct mailbox {
    struct cm_task task;
    struct cm_ledger *ledger; // loop thread; NULL once closed
    bool posted;              // under the ledger's lock
};

struct cm_ledger {
    struct cm_ledger_files files;
    char origin[CM_MAX_ORIGIN + 1];
    struct cm_signer *signer;
    struct cm_poster *poster;
    unsigned max_waiting;
    unsigned waiting;
    bool closing;
    bool broken; // the tree's hashes could not follow the log
    struct cm_pages *pages;
    struct cm_tree_head *head;
    struct cm_writer *writer;
    struct cm_publisher *publisher;
    struct mailbox *mailbox;
    pthread_mutex_t lock; // over the rest
    struct cm_append *landed;
    struct cm_append **landed_last;
};

const struct cm_ledger_io cm_ledger_system_calls = {
    .pwrite = pwrite,
    .fdatasync = fdatasync,
    .ftruncate = ftruncate,
    .fallocate = fallocate,
    .fsync = fsync,
    .syncfs = syncfs,
    .renameat = renameat,
    .mkdirat = mkdirat,
    .unlinkat = unlinkat,
};

struct cm_tree_head *cm_tree_head_ref(struct cm_tree_head *head)
{
    head->references++;
    return head;
}

void cm_tree_head_unref(struct cm_tree_head *head)
{
    if (head && --head->references == 0) {
        free(head);
    }
}

static enum cm_status first_head(struct cm_ledger *ledger, const struct cm_log_state *state)
{
    struct cm_buf note = {0};
    struct cm_checkpoint empty = {.size = 0};
    if (state->note.len > 0) {
        ledger->head = cm_tree_head_new(&state->checkpoint, state->note, 1);
        return ledger->head ? CM_OK : CM_MEMORY;
    }
    memcpy(empty.origin, ledger->origin, sizeof empty.origin);
    cm_merkle_root_of(&empty.root, NULL, 0);
    enum cm_status status = cm_checkpoint_sign(&note, &empty, ledger->signer);
    if (!status) {
        ledger->head = cm_tree_head_new(&empty, cm_buf_bytes(&note), 1);
        status = ledger->head ? CM_OK : CM_MEMORY;
    }
    cm_buf_clear(&note);
    return status;
}

static void run_mail(struct cm_task *task);
static void landed(void *context, struct cm_append *first, uint64_t end);

static enum cm_status start(struct cm_ledger *ledger, const struct cm_ledger_options *options,
                            struct cm_recovery *recovery, const struct cm_ledger_io *io)
{
    const struct cm_log_state *state = &recovery->state;
    enum cm_status status = first_head(ledger, state);
    if (status) {
        return status;
    }
    const struct cm_publisher_options publishing = {.reader = recovery->reader,
                                                    .tiles = recovery->tiles,
                                                    .end = state->end,
                                                    .pace_ms = options->publish_ms};
    recovery->reader = NULL;
    recovery->tiles = NULL;
    status = cm_publisher_start(&ledger->publisher, &publishing);
    if (status) {
        return status;
    }
    ledger->pages = recovery->pages;
    recovery->pages = NULL;
    return cm_writer_start(&ledger->writer,
                           &(struct cm_writer_options){.fd = ledger->files.log,
                                                       .end = state->end,
                                                       .frontier = state->frontier,
                                                       .origin = ledger->origin,
                                                       .signer = ledger->signer,
                                                       .max_bytes = options->max_bytes,
                                                       .io = io,
                                                       .landed = landed,
                                                       .context = ledger});
}

static enum cm_status recover(struct cm_ledger *ledger, const struct cm_ledger_options *options,
                              const struct cm_ledger_io *io, struct cm_error *error)
{
    struct cm_recovery recovery = {.pages = NULL};
    enum cm_status status =
        cm_recovery_run(&recovery, &ledger->files, ledger->origin, options, io, error);
    if (!status) {
        status = cm_ledger_files_vkey(&ledger->files, options->folder, ledger->origin,
                                      cm_signer_spki(ledger->signer), error);
    }
    if (!status) {
        status = start(ledger, options, &recovery, io);
        if (status) {
            cm_fail(error, status, "ledger", "its threads can't be started");
        }
    }
    cm_recovery_clear(&recovery);
    return status;
}

enum cm_status cm_ledger_open_with(struct cm_ledger **out, const struct cm_ledger_options *options,
                                   const struct cm_ledger_io *io, struct cm_error *error)
{
    struct cm_ledger *ledger = calloc(1, sizeof *ledger);
    if (!ledger) {
        return cm_fail(error, CM_MEMORY, "ledger", "out of memory");
    }
    pthread_mutex_init(&ledger->lock, NULL);
    ledger->files = (struct cm_ledger_files){-1, -1};
    ledger->signer = cm_signer_ref(options->signer);
    ledger->poster = options->poster;
    ledger->max_waiting = options->max_waiting;
    ledger->landed_last = &ledger->landed;
    ledger->mailbox = calloc(1, sizeof *ledger->mailbox);
    enum cm_status status = CM_OK;
    if (!ledger->mailbox) {
        status = cm_fail(error, CM_MEMORY, "ledger", "out of memory");
        goto out;
    }
    ledger->mailbox->task.run = run_mail;
    ledger->mailbox->ledger = ledger;
    char base[CM_MAX_ORIGIN + 1];
    status = cm_checkpoint_origin(base, cm_signer_spiffe(ledger->signer));
    if (!status) {
        status = cm_checkpoint_epoch_origin(ledger->origin, base, options->epoch);
    }
    if (status) {
        cm_fail(error, status, "ledger", "the key is neither a gateway's nor a node's");
        goto out;
    }
    status = cm_ledger_files_open(&ledger->files, options->folder, error);
    if (!status) {
        status = recover(ledger, options, io, error);
    }
out:
    if (status) {
        cm_ledger_close(ledger);
    } else {
        *out = ledger;
    }
    return status;
}

enum cm_status cm_ledger_open(struct cm_ledger **out, const struct cm_ledger_options *options,
                              struct cm_error *error)
{
    return cm_ledger_open_with(out, options, &cm_ledger_system_calls, error);
}

// Writer thread.
static void landed(void *context, struct cm_append *first, uint64_t end)
{
    struct cm_ledger *ledger = context;
    pthread_mutex_lock(&ledger->lock);
    *ledger->landed_last = first;
    while (*ledger->landed_last) {
        ledger->landed_last = &(*ledger->landed_last)->next;
    }
    const bool post = !ledger->mailbox->posted;
    ledger->mailbox->posted = true;
    pthread_mutex_unlock(&ledger->lock);
    if (post) {
        cm_post(ledger->poster, &ledger->mailbox->task);
    }
    cm_publisher_follow(ledger->publisher, end);
}

static struct cm_append *take_landed(struct cm_ledger *ledger, bool *posted)
{
    pthread_mutex_lock(&ledger->lock);
    struct cm_append *first = ledger->landed;
    ledger->landed = NULL;
    ledger->landed_last = &ledger->landed;
    if (posted) {
        *posted = ledger->mailbox->posted;
    } else {
        ledger->mailbox->posted = false;
    }
    pthread_mutex_unlock(&ledger->lock);
    return first;
}

// The whole batch enters the tree before anybody is told, so that its head can be proved.
static void deliver(struct cm_ledger *ledger, struct cm_append *first)
{
    struct cm_tree_head *newest = NULL;
    if (!first) {
        return;
    }
    for (struct cm_append *append = first; append; append = append->next) {
        if (append->status) {
            continue;
        }
        ledger->broken = ledger->broken || cm_pages_add(ledger->pages, &append->leaf) != CM_OK;
        newest = append->head;
    }
    cm_pages_published(ledger->pages, cm_ledger_published(ledger));
    if (newest && !ledger->broken) {
        cm_tree_head_unref(ledger->head);
        ledger->head = cm_tree_head_ref(newest);
    }
    while (first) {
        struct cm_append *append = first;
        first = append->next;
        append->next = NULL;
        if (!append->status && ledger->broken) {
            cm_tree_head_unref(append->head);
            append->head = NULL;
            append->status = CM_UNAVAILABLE;
        }
        ledger->waiting--;
        append->done(append);
    }
}

static void run_mail(struct cm_task *task)
{
    struct mailbox *mailbox = CM_CONTAINER(task, struct mailbox, task);
    if (mailbox->ledger) {
        deliver(mailbox->ledger, take_landed(mailbox->ledger, NULL));
    } else {
        free(mailbox);
    }
}

void cm_ledger_close(struct cm_ledger *ledger)
{
    if (!ledger) {
        return;
    }
    ledger->closing = true;
    cm_writer_stop(ledger->writer);
    ledger->writer = NULL;
    bool posted = false;
    if (ledger->mailbox) {
        deliver(ledger, take_landed(ledger, &posted));
    }
    if (posted) {
        ledger->mailbox->ledger = NULL;
    } else {
        free(ledger->mailbox);
    }
    cm_publisher_stop(ledger->publisher);
    cm_ledger_files_close(&ledger->files);
    cm_tree_head_unref(ledger->head);
    cm_pages_free(ledger->pages);
    cm_signer_unref(ledger->signer);
    pthread_mutex_destroy(&ledger->lock);
    free(ledger);
}

// The publisher's thread may be ahead of the head that the loop knows.
static uint64_t unpublished(const struct cm_ledger *ledger)
{
    const uint64_t size = ledger->head->checkpoint.size;
    const uint64_t published = cm_ledger_published(ledger);
    return size > published ? size - published : 0;
}

enum cm_status cm_ledger_append(struct cm_ledger *ledger, struct cm_append *append)
{
    if (append->entry.len == 0 || append->entry.len > CM_MAX_ENTRY ||
        append->access.len > CM_MAX_ACCESS) {
        return CM_INVALID;
    }
    if (ledger->closing || cm_ledger_latched(ledger) || unpublished(ledger) > CM_MAX_UNPUBLISHED) {
        return CM_UNAVAILABLE;
    }
    if (ledger->waiting >= ledger->max_waiting) {
        return CM_EXHAUSTED;
    }
    ledger->waiting++;
    append->head = NULL;
    cm_writer_give(ledger->writer, append);
    return CM_OK;
}

bool cm_ledger_latched(const struct cm_ledger *ledger)
{
    return ledger->broken || (ledger->writer && cm_writer_latched(ledger->writer));
}

bool cm_ledger_full(const struct cm_ledger *ledger)
{
    return cm_writer_full(ledger->writer);
}

uint64_t cm_ledger_published(const struct cm_ledger *ledger)
{
    return cm_publisher_size(ledger->publisher);
}

struct cm_tree_head *cm_ledger_head(const struct cm_ledger *ledger)
{
    return ledger->head;
}

enum cm_status cm_ledger_prove_inclusion(struct cm_inclusion *out, struct cm_arena *arena,
                                         const struct cm_ledger *ledger, uint64_t index,
                                         uint64_t size)
{
    const struct cm_hash_source source = cm_pages_source(ledger->pages);
    return cm_merkle_inclusion_from(out, arena, &source, index, size);
}

enum cm_status cm_ledger_prove_consistency(struct cm_consistency *out, struct cm_arena *arena,
                                           const struct cm_ledger *ledger, uint64_t old_size,
                                           uint64_t new_size)
{
    const struct cm_hash_source source = cm_pages_source(ledger->pages);
    return cm_merkle_consistency_from(out, arena, &source, old_size, new_size);
}
