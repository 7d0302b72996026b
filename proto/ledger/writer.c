#include "proto/ledger/writer.h"

#include "proto/base/log.h"
#include "proto/ledger/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { AHEAD = 1024 * 1024 }; // disk that is taken at once, so that few batches have to

struct cm_writer {
    struct cm_writer_options options; // end and frontier move with what is durable
    struct cm_buf frames;             // of one batch
    uint64_t taken;                   // the log has its disk up to here; UINT64_MAX: can't be said
    pthread_t thread;
    atomic_bool latched;
    atomic_bool full;
    pthread_mutex_t lock; // over the rest
    pthread_cond_t changed;
    struct cm_append *first;
    struct cm_append **last;
    bool stopping;
};

struct cm_tree_head *cm_tree_head_new(const struct cm_checkpoint *checkpoint, struct cm_bytes note,
                                      unsigned references)
{
    struct cm_tree_head *head = calloc(1, sizeof *head + note.len);
    if (!head) {
        return NULL;
    }
    uint8_t *text = (uint8_t *)(head + 1);
    memcpy(text, note.data, note.len);
    head->checkpoint = *checkpoint;
    head->note = (struct cm_bytes){text, note.len};
    head->references = references;
    return head;
}

static void latch(struct cm_writer *writer, const char *what, int number)
{
    atomic_store(&writer->latched, true);
    cm_log(CM_LOG_ERROR, "ledger-latched", "what=%s error=\"%s\"", what, strerror(number));
}

static enum cm_status write_all(struct cm_writer *writer, struct cm_bytes data, int *number)
{
    const struct cm_writer_options *o = &writer->options;
    for (size_t done = 0; done < data.len;) {
        const ssize_t wrote =
            o->io->pwrite(o->fd, data.data + done, data.len - done, (off_t)(o->end + done));
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            *number = wrote < 0 ? errno : EIO;
            return CM_UNAVAILABLE;
        }
        done += (size_t)wrote;
    }
    return CM_OK;
}

// After a full disk the file can be as it was before; then the next batch may try again.
static bool cut_back(struct cm_writer *writer)
{
    const struct cm_writer_options *o = &writer->options;
    struct stat facts;
    writer->taken = writer->taken == UINT64_MAX ? UINT64_MAX : o->end;
    return o->io->ftruncate(o->fd, (off_t)o->end) == 0 && fstat(o->fd, &facts) == 0 &&
           facts.st_size == (off_t)o->end;
}

static bool is_full(int number)
{
    return number == ENOSPC || number == EDQUOT;
}

// CM_EXHAUSTED: no room.
static enum cm_status make_durable(struct cm_writer *writer, struct cm_bytes data)
{
    int number = 0;
    const enum cm_status status = write_all(writer, data, &number);
    if (status) {
        if (is_full(number) && cut_back(writer)) {
            return CM_EXHAUSTED;
        }
        latch(writer, "write", number);
        return status;
    }
    // What the kernel holds after a failed fsync is unknown, so it is never tried again.
    if (writer->options.io->fdatasync(writer->options.fd) != 0) {
        latch(writer, "fdatasync", errno);
        return CM_UNAVAILABLE;
    }
    writer->options.end += data.len;
    return CM_OK;
}

// Takes disk for the log up to an offset. False: there is none.
static bool take_disk(struct cm_writer *writer, uint64_t upto)
{
    const struct cm_writer_options *o = &writer->options;
    for (uint64_t more = AHEAD; writer->taken < upto; more = 0) {
        const uint64_t len = upto + more - o->end;
        if (o->io->fallocate(o->fd, FALLOC_FL_KEEP_SIZE, (off_t)o->end, (off_t)len) == 0) {
            writer->taken = upto + more;
        } else if (!is_full(errno)) {
            writer->taken = UINT64_MAX; // not on this file system
        } else if (more == 0) {
            return false;
        }
    }
    return true;
}

// Whether the log may grow by len. What is essential may use the room that is kept for it.
static bool has_room(struct cm_writer *writer, size_t len, bool essential)
{
    const struct cm_writer_options *o = &writer->options;
    const uint64_t upto = o->end + len + (essential ? 0 : CM_LOG_RESERVE);
    if (o->max_bytes > 0 && upto > o->max_bytes) {
        return false;
    }
    // Where even the reserve is used up, the write itself will tell.
    return take_disk(writer, upto) || essential;
}

static enum cm_status pack(struct cm_buf *out, struct cm_frontier *frontier,
                           struct cm_append *first, uint64_t offset, unsigned *count)
{
    for (struct cm_append *append = first; append; append = append->next) {
        append->offset = offset + out->len;
        enum cm_status status = cm_frame_add(out, CM_FRAME_ENTRY, append->entry);
        if (!status && append->access.len > 0) {
            status = cm_frame_add(out, CM_FRAME_ACCESS, append->access);
        }
        if (status) {
            return status;
        }
        append->index = frontier->size;
        cm_merkle_leaf(&append->leaf, append->entry);
        cm_frontier_add(frontier, &append->leaf);
        ++*count;
    }
    return CM_OK;
}

static enum cm_status write_batch(struct cm_writer *writer, struct cm_append *first, bool essential,
                                  struct cm_tree_head **head)
{
    struct cm_buf *frames = &writer->frames;
    struct cm_buf note = {.max = CM_MAX_CHECKPOINT};
    struct cm_frontier frontier = writer->options.frontier;
    struct cm_checkpoint checkpoint = {.size = 0};
    unsigned count = 0;
    frames->len = 0;
    enum cm_status status = pack(frames, &frontier, first, writer->options.end, &count);
    snprintf(checkpoint.origin, sizeof checkpoint.origin, "%s", writer->options.origin);
    checkpoint.size = frontier.size;
    cm_frontier_root(&checkpoint.root, &frontier);
    if (!status) {
        status = cm_checkpoint_sign(&note, &checkpoint, writer->options.signer);
    }
    if (!status) {
        status = cm_frame_add(frames, CM_FRAME_CHECKPOINT, cm_buf_bytes(&note));
    }
    if (!status && !has_room(writer, frames->len, essential)) {
        status = CM_EXHAUSTED;
    }
    if (!status) {
        *head = cm_tree_head_new(&checkpoint, cm_buf_bytes(&note), count);
        status = *head ? make_durable(writer, cm_buf_bytes(frames)) : CM_MEMORY;
    }
    if (status) {
        free(*head);
        *head = NULL;
    } else {
        writer->options.frontier = frontier;
    }
    cm_buf_clear(&note);
    return status;
}

// Takes what is essential out of a batch.
static struct cm_append *take_essential(struct cm_append **first)
{
    struct cm_append *essential = NULL;
    struct cm_append **last = &essential;
    while (*first) {
        struct cm_append *append = *first;
        if (append->essential) {
            *first = append->next;
            append->next = NULL;
            *last = append;
            last = &append->next;
        } else {
            first = &append->next;
        }
    }
    return essential;
}

static void mark(struct cm_append *first, enum cm_status status, struct cm_tree_head *head)
{
    for (struct cm_append *append = first; append; append = append->next) {
        append->status = status ? CM_UNAVAILABLE : CM_OK;
        append->head = head;
    }
}

static void note_full(struct cm_writer *writer, bool full)
{
    if (full && !atomic_exchange(&writer->full, true)) {
        cm_log(CM_LOG_ERROR, "ledger-full", "bytes=%llu", (unsigned long long)writer->options.end);
    } else if (!full && atomic_exchange(&writer->full, false)) {
        cm_log(CM_LOG_INFO, "ledger-has-room", NULL);
    }
}

static void land(struct cm_writer *writer, struct cm_append *first)
{
    const struct cm_writer_options *o = &writer->options;
    struct cm_tree_head *head = NULL;
    enum cm_status status = CM_UNAVAILABLE;
    if (!atomic_load(&writer->latched)) {
        status = write_batch(writer, first, false, &head);
        note_full(writer, status == CM_EXHAUSTED);
    }
    if (status == CM_EXHAUSTED) {
        struct cm_append *essential = take_essential(&first);
        if (essential) {
            const enum cm_status again = write_batch(writer, essential, true, &head);
            mark(essential, again, head);
            o->landed(o->context, essential, o->end);
        }
        head = NULL;
    }
    if (first) {
        mark(first, status, head);
        o->landed(o->context, first, o->end);
    }
}

static size_t frames_size(const struct cm_append *append)
{
    return cm_frame_size(append->entry.len) +
           (append->access.len > 0 ? cm_frame_size(append->access.len) : 0);
}

// Cuts a batch off what waits. Under the lock.
static struct cm_append *take_batch(struct cm_writer *writer)
{
    struct cm_append *first = writer->first;
    struct cm_append *last = first;
    size_t bytes = frames_size(first);
    for (unsigned count = 1; last->next && count < CM_MAX_LOG_BATCH_ENTRIES; count++) {
        bytes += frames_size(last->next);
        if (bytes > CM_MAX_LOG_BATCH) {
            break;
        }
        last = last->next;
    }
    writer->first = last->next;
    if (!writer->first) {
        writer->last = &writer->first;
    }
    last->next = NULL;
    return first;
}

static void *run(void *context)
{
    struct cm_writer *writer = context;
    pthread_mutex_lock(&writer->lock);
    for (;;) {
        while (!writer->first && !writer->stopping) {
            pthread_cond_wait(&writer->changed, &writer->lock);
        }
        if (!writer->first) {
            break;
        }
        struct cm_append *first = take_batch(writer);
        pthread_mutex_unlock(&writer->lock);
        land(writer, first);
        pthread_mutex_lock(&writer->lock);
    }
    pthread_mutex_unlock(&writer->lock);
    return NULL;
}

// Disk that was taken ahead goes back.
static void give_back(struct cm_writer *writer)
{
    const struct cm_writer_options *o = &writer->options;
    if (writer->taken != UINT64_MAX && writer->taken > o->end && !atomic_load(&writer->latched) &&
        o->io->ftruncate(o->fd, (off_t)o->end) != 0) {
        cm_log(CM_LOG_WARNING, "ledger-not-trimmed", "error=\"%s\"", strerror(errno));
    }
}

enum cm_status cm_writer_start(struct cm_writer **out, const struct cm_writer_options *options)
{
    struct cm_writer *writer = calloc(1, sizeof *writer);
    if (!writer) {
        return CM_MEMORY;
    }
    writer->options = *options;
    writer->last = &writer->first;
    writer->taken = options->end;
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->changed, NULL);
    // Signals are the loop thread's.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = pthread_create(&writer->thread, NULL, run, writer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        pthread_cond_destroy(&writer->changed);
        pthread_mutex_destroy(&writer->lock);
        free(writer);
        return CM_UNAVAILABLE;
    }
    *out = writer;
    return CM_OK;
}

void cm_writer_give(struct cm_writer *writer, struct cm_append *append)
{
    append->next = NULL;
    pthread_mutex_lock(&writer->lock);
    *writer->last = append;
    writer->last = &append->next;
    pthread_cond_signal(&writer->changed);
    pthread_mutex_unlock(&writer->lock);
}

bool cm_writer_latched(const struct cm_writer *writer)
{
    return atomic_load(&writer->latched);
}

bool cm_writer_full(const struct cm_writer *writer)
{
    return atomic_load(&writer->full);
}

void cm_writer_stop(struct cm_writer *writer)
{
    if (!writer) {
        return;
    }
    pthread_mutex_lock(&writer->lock);
    writer->stopping = true;
    pthread_cond_signal(&writer->changed);
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->thread, NULL);
    give_back(writer);
    cm_buf_clear(&writer->frames);
    pthread_cond_destroy(&writer->changed);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
}
