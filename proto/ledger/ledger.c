#include "proto/ledger/ledger.h"

#include "proto/base/log.h"
#include "proto/ledger/log_reader.h"
#include "proto/ledger/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

// Outlives a ledger that is closed while its task is still on the way to the loop.
struct mailbox {
    struct cm_task task;
    struct cm_ledger *ledger; // loop thread; NULL once closed
    bool posted;              // under the ledger's lock
};

struct cm_ledger {
    int fd;
    char origin[CM_MAX_ORIGIN + 1];
    struct cm_signer *signer;
    struct cm_poster *poster;
    unsigned max_waiting;
    unsigned waiting;
    bool closing;
    bool broken; // the tree in memory could not follow the log
    struct cm_merkle *tree;
    struct cm_tree_head *head;
    struct cm_writer *writer;
    struct mailbox *mailbox;
    pthread_mutex_t lock; // over the rest
    struct cm_append *landed;
    struct cm_append **landed_last;
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

static enum cm_status os_error(struct cm_error *error, const char *path, const char *what)
{
    return cm_fail(error, CM_IO, path, "the ledger's %s: %s", what, strerror(errno));
}

static enum cm_status sync_folder(const char *path)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return CM_IO;
    }
    const int failed = fsync(fd);
    close(fd);
    return failed ? CM_IO : CM_OK;
}

static enum cm_status make_folder(const char *folder, struct cm_error *error)
{
    if (mkdir(folder, 0700) != 0) {
        return errno == EEXIST ? CM_OK : os_error(error, folder, "folder can't be made");
    }
    char parent[4096];
    const int len = snprintf(parent, sizeof parent, "%s/..", folder);
    if (len < 0 || (size_t)len >= sizeof parent || sync_folder(parent) != CM_OK) {
        return os_error(error, folder, "folder can't be made durable");
    }
    return CM_OK;
}

// A new log, or one whose making was cut off before anything was recorded, gets its first bytes.
static enum cm_status begin_log(int fd, const char *folder, struct cm_error *error)
{
    uint8_t begun[CM_LOG_MAGIC_SIZE];
    const ssize_t got = pread(fd, begun, sizeof begun, 0);
    if (got < 0) {
        return os_error(error, folder, "log can't be read");
    }
    if (got == CM_LOG_MAGIC_SIZE || memcmp(begun, CM_LOG_MAGIC, (size_t)got) != 0) {
        return CM_OK;
    }
    if (pwrite(fd, CM_LOG_MAGIC, CM_LOG_MAGIC_SIZE, 0) != CM_LOG_MAGIC_SIZE || fsync(fd) != 0 ||
        sync_folder(folder) != CM_OK) {
        return os_error(error, folder, "log can't be begun");
    }
    return CM_OK;
}

static enum cm_status open_log(int *out, const char *folder, struct cm_error *error)
{
    char path[4096];
    const int len = snprintf(path, sizeof path, "%s/log", folder);
    if (len < 0 || (size_t)len >= sizeof path) {
        return cm_fail(error, CM_INVALID, "ledger", "the folder's name is too long");
    }
    enum cm_status status = make_folder(folder, error);
    if (status) {
        return status;
    }
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return os_error(error, path, "log can't be opened");
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        status = errno == EWOULDBLOCK
                     ? cm_fail(error, CM_UNAVAILABLE, path, "another process holds the ledger")
                     : os_error(error, path, "log can't be locked");
        close(fd);
        return status;
    }
    status = begin_log(fd, folder, error);
    if (status) {
        close(fd);
    } else {
        *out = fd;
    }
    return status;
}

// One reading: the whole tree, and each entry to the caller.
static enum cm_status load(struct cm_ledger *ledger, struct cm_log_reader *reader,
                           const struct cm_ledger_options *options, struct cm_error *error)
{
    for (;;) {
        struct cm_log_item item;
        enum cm_status status = cm_log_reader_next(&item, reader, error);
        if (status || item.type == CM_ITEM_END) {
            return status;
        }
        if (item.type == CM_ITEM_CHECKPOINT) {
            continue;
        }
        status = cm_merkle_add(ledger->tree, &item.leaf);
        if (!status && options->replay) {
            status = options->replay(options->context, &item);
        }
        if (status) {
            return cm_fail(error, status, "ledger", "the entry at byte %" PRIu64 " can't be loaded",
                           item.offset);
        }
    }
}

// The last checkpoint's root commits to all before it, so its signature speaks for all.
static enum cm_status verify(const struct cm_ledger *ledger, const struct cm_log_state *state,
                             struct cm_error *error)
{
    struct cm_key *key = NULL;
    struct cm_checkpoint checkpoint;
    if (state->note.len == 0) {
        return CM_OK;
    }
    enum cm_status status = cm_key_new(&key, cm_signer_spki(ledger->signer));
    if (status) {
        return cm_fail(error, status, "ledger", "the key can't be used");
    }
    status = cm_checkpoint_open(&checkpoint, state->note, key, error);
    cm_key_free(key);
    return status;
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

static enum cm_status cut_torn(struct cm_ledger *ledger, const struct cm_log_state *state,
                               struct cm_error *error)
{
    if (state->torn == 0) {
        return CM_OK;
    }
    cm_log(CM_LOG_WARNING, "ledger-torn-tail", "bytes=%" PRIu64 " entries=%" PRIu64, state->torn,
           state->checkpoint.size);
    if (ftruncate(ledger->fd, (off_t)state->end) != 0 || fdatasync(ledger->fd) != 0) {
        return os_error(error, "ledger", "torn tail can't be cut");
    }
    return CM_OK;
}

static void run_mail(struct cm_task *task);
static void landed(void *context, struct cm_append *first);

static enum cm_status start(struct cm_ledger *ledger, const struct cm_log_state *state,
                            const struct cm_ledger_io *io, struct cm_error *error)
{
    enum cm_status status = first_head(ledger, state);
    if (!status) {
        status = cm_writer_start(&ledger->writer,
                                 &(struct cm_writer_options){.fd = ledger->fd,
                                                             .end = state->end,
                                                             .frontier = state->frontier,
                                                             .origin = ledger->origin,
                                                             .signer = ledger->signer,
                                                             .io = io,
                                                             .landed = landed,
                                                             .context = ledger});
    }
    return status ? cm_fail(error, status, "ledger", "the writer can't be started") : CM_OK;
}

static enum cm_status recover(struct cm_ledger *ledger, const struct cm_ledger_options *options,
                              const struct cm_ledger_io *io, struct cm_error *error)
{
    struct cm_log_reader *reader = NULL;
    enum cm_status status = cm_log_reader_open_fd(&reader, ledger->fd, ledger->origin, error);
    if (!status) {
        status = load(ledger, reader, options, error);
    }
    if (!status) {
        status = verify(ledger, cm_log_reader_state(reader), error);
    }
    if (!status) {
        status = cut_torn(ledger, cm_log_reader_state(reader), error);
    }
    if (!status) {
        status = start(ledger, cm_log_reader_state(reader), io, error);
    }
    cm_log_reader_free(reader);
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
    ledger->fd = -1;
    ledger->signer = cm_signer_ref(options->signer);
    ledger->poster = options->poster;
    ledger->max_waiting = options->max_waiting;
    ledger->landed_last = &ledger->landed;
    ledger->mailbox = calloc(1, sizeof *ledger->mailbox);
    enum cm_status status = ledger->mailbox ? cm_merkle_new(&ledger->tree) : CM_MEMORY;
    if (status) {
        cm_fail(error, status, "ledger", "out of memory");
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
    status = open_log(&ledger->fd, options->folder, error);
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
    static const struct cm_ledger_io system_calls = {pwrite, fdatasync, ftruncate};
    return cm_ledger_open_with(out, options, &system_calls, error);
}

// Writer thread.
static void landed(void *context, struct cm_append *first)
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
    for (struct cm_append *append = first; append; append = append->next) {
        if (append->status) {
            continue;
        }
        ledger->broken = ledger->broken || cm_merkle_add(ledger->tree, &append->leaf) != CM_OK;
        newest = append->head;
    }
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
    if (ledger->fd >= 0) {
        close(ledger->fd);
    }
    cm_tree_head_unref(ledger->head);
    cm_merkle_free(ledger->tree);
    cm_signer_unref(ledger->signer);
    pthread_mutex_destroy(&ledger->lock);
    free(ledger);
}

enum cm_status cm_ledger_append(struct cm_ledger *ledger, struct cm_append *append)
{
    if (append->entry.len == 0 || append->entry.len > CM_MAX_ENTRY ||
        append->access.len > CM_MAX_ACCESS) {
        return CM_INVALID;
    }
    if (ledger->closing || cm_ledger_latched(ledger)) {
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

struct cm_tree_head *cm_ledger_head(const struct cm_ledger *ledger)
{
    return ledger->head;
}

enum cm_status cm_ledger_prove_inclusion(struct cm_inclusion *out, struct cm_arena *arena,
                                         const struct cm_ledger *ledger, uint64_t index,
                                         uint64_t size)
{
    return cm_merkle_inclusion(out, arena, ledger->tree, index, size);
}

enum cm_status cm_ledger_prove_consistency(struct cm_consistency *out, struct cm_arena *arena,
                                           const struct cm_ledger *ledger, uint64_t old_size,
                                           uint64_t new_size)
{
    return cm_merkle_consistency(out, arena, ledger->tree, old_size, new_size);
}
