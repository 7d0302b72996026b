#include "nodes/head_store.h"

#include "proto/base/file.h"
#include "proto/base/log.h"
#include "proto/ledger/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// The file: two places for a frame that are written in turn, so that what was durable stays until
// what follows is. Only the first write makes a file.
enum { SLOT = 2 * CM_MAX_CHECKPOINT, SLOTS = 2 };

static enum cm_status read_slot(struct cm_head_store *store, struct cm_frame_reader *reader,
                                unsigned slot)
{
    struct cm_frame frame;
    struct cm_seen seen;
    const enum cm_status status = cm_frame_read(&frame, reader, (uint64_t)slot * SLOT);
    if (status || frame.type != CM_FRAME_CHECKPOINT ||
        cm_seen_of(&seen, frame.bytes, store->base, NULL) ||
        !cm_seen_before(&store->durable, &seen)) {
        return status;
    }
    store->durable = store->newest = seen;
    store->slot = slot;
    store->note.len = 0;
    return cm_buf_add(&store->note, frame.bytes.data, frame.bytes.len);
}

static enum cm_status read_slots(struct cm_head_store *store, int file)
{
    struct cm_frame_reader reader;
    enum cm_status status = cm_frame_reader_init(&reader, file);
    if (!status && reader.size != (uint64_t)SLOTS * SLOT) {
        status = CM_INVALID;
    }
    for (unsigned i = 0; i < SLOTS && !status; i++) {
        status = read_slot(store, &reader, i);
    }
    cm_frame_reader_clear(&reader);
    return !status && store->durable.size == 0 ? CM_INVALID : status;
}

enum cm_status cm_head_store_open(struct cm_head_store *store, const char *folder,
                                  const char *gateway, const char *base, struct cm_error *error)
{
    const int len = snprintf(store->path, sizeof store->path, "%s/%s", folder, gateway);
    if (len < 0 || (size_t)len >= sizeof store->path) {
        return cm_fail(error, CM_INVALID, folder, "the path is too long");
    }
    snprintf(store->base, sizeof store->base, "%s", base);
    store->note.max = store->writing.max = CM_MAX_CHECKPOINT;
    const int file = open(store->path, O_RDONLY | O_CLOEXEC);
    if (file < 0 && errno == ENOENT) {
        return CM_OK;
    }
    if (file < 0) {
        return cm_fail(error, CM_IO, store->path, "cannot be opened: %s", strerror(errno));
    }
    const enum cm_status status = read_slots(store, file);
    close(file);
    if (status) {
        cm_fail(error, status, store->path, "holds no checkpoint that can be read");
        cm_error_hint(error, "%s holds what this node last saw of that gateway's ledger",
                      store->path);
    }
    return status;
}

void cm_head_store_clear(struct cm_head_store *store)
{
    cm_buf_clear(&store->note);
    cm_buf_clear(&store->writing);
}

static void answer(struct cm_keep *keep, enum cm_status status)
{
    keep->status = status;
    keep->done(keep);
}

static enum cm_status make_file(const struct cm_head_store *store, struct cm_bytes frame,
                                struct cm_error *error)
{
    struct cm_buf whole = {0};
    uint8_t *slots;
    enum cm_status status = cm_buf_reserve(&whole, SLOTS * SLOT, &slots);
    if (status) {
        return cm_fail(error, status, store->path, "out of memory");
    }
    memset(slots, 0, SLOTS * SLOT);
    memcpy(slots, frame.data, frame.len);
    whole.len = SLOTS * SLOT;
    status = cm_file_write(store->path, cm_buf_bytes(&whole), 0600, error);
    cm_buf_clear(&whole);
    return status;
}

static enum cm_status write_slot(const struct cm_head_store *store, unsigned slot,
                                 struct cm_bytes frame, struct cm_error *error)
{
    const int file = open(store->path, O_WRONLY | O_CLOEXEC);
    const bool done =
        file >= 0 &&
        pwrite(file, frame.data, frame.len, (off_t)slot * SLOT) == (ssize_t)frame.len &&
        fdatasync(file) == 0;
    const int number = errno;
    if (file >= 0) {
        close(file);
    }
    return done ? CM_OK
                : cm_fail(error, CM_IO, store->path, "cannot be written: %s", strerror(number));
}

static void write_work(struct cm_job *job)
{
    struct cm_head_store *store = CM_CONTAINER(job, struct cm_head_store, job);
    struct cm_buf frame = {0};
    const bool first = store->durable.size == 0;
    store->writing_slot = first ? 0 : (store->slot + 1) % SLOTS;
    store->write_status = cm_frame_add(&frame, CM_FRAME_CHECKPOINT, cm_buf_bytes(&store->writing));
    if (store->write_status) {
        cm_fail(&store->error, store->write_status, store->path, "out of memory");
    } else if (first) {
        store->write_status = make_file(store, cm_buf_bytes(&frame), &store->error);
    } else {
        store->write_status =
            write_slot(store, store->writing_slot, cm_buf_bytes(&frame), &store->error);
    }
    cm_buf_clear(&frame);
}

static void start(struct cm_head_store *store);

static bool is_durable(const struct cm_head_store *store, const struct cm_keep *keep)
{
    const struct cm_seen seen = {.epoch = keep->epoch, .size = keep->size};
    return !cm_seen_before(&store->durable, &seen);
}

// Tells those whose checkpoint is durable; after a failure all, since each waits for this file.
static void written(struct cm_job *job)
{
    struct cm_head_store *store = CM_CONTAINER(job, struct cm_head_store, job);
    struct cm_keep *waiting = store->waiting;
    struct cm_seen seen = {.epoch = 0};
    store->busy = false;
    store->waiting = NULL;
    if (!store->write_status) {
        store->write_status =
            cm_seen_of(&seen, cm_buf_bytes(&store->writing), store->base, &store->error);
    }
    if (store->write_status) {
        cm_log(CM_LOG_ERROR, "checkpoint-not-kept", "file=%s error=\"%s\"", store->path,
               store->error.text);
    } else {
        store->durable = seen;
        store->slot = store->writing_slot;
    }
    struct cm_keep *ready = NULL;
    while (waiting) {
        struct cm_keep *keep = waiting;
        waiting = keep->next;
        struct cm_keep **list =
            store->write_status || is_durable(store, keep) ? &ready : &store->waiting;
        keep->next = *list;
        *list = keep;
    }
    const enum cm_status status = store->write_status ? CM_UNAVAILABLE : CM_OK;
    if (store->waiting) {
        start(store);
    }
    while (ready) {
        struct cm_keep *keep = ready;
        ready = keep->next;
        answer(keep, status);
    }
}

static void start(struct cm_head_store *store)
{
    store->writing.len = 0;
    store->job = (struct cm_job){.work = write_work, .done = written};
    store->busy = true;
    enum cm_status status = cm_buf_add(&store->writing, store->note.data, store->note.len);
    if (!status) {
        status = store->submit(store->context, &store->job);
    }
    if (!status) {
        return;
    }
    // Only now: once submitted, the worker sets it.
    store->write_status =
        cm_fail(&store->error, status, store->path, "no memory or worker to write it");
    written(&store->job);
}

void cm_head_store_keep(struct cm_head_store *store, struct cm_keep *keep, uint64_t size,
                        struct cm_bytes note)
{
    struct cm_seen seen;
    enum cm_status status = cm_seen_of(&seen, note, store->base, NULL);
    if (!status && seen.size != size) {
        status = CM_INVALID;
    }
    if (!status && cm_seen_before(&store->newest, &seen)) {
        store->note.len = 0;
        status = cm_buf_add(&store->note, note.data, note.len);
        const struct cm_seen nothing = {.epoch = 0};
        store->newest = status ? nothing : seen;
    }
    if (!keep) {
        return;
    }
    if (status || !cm_seen_before(&store->durable, &seen)) {
        answer(keep, status);
        return;
    }
    keep->size = seen.size;
    keep->epoch = seen.epoch;
    keep->next = store->waiting;
    store->waiting = keep;
    if (!store->busy) {
        start(store);
    }
}

void cm_head_store_settle(struct cm_head_store *store)
{
    if (cm_seen_before(&store->durable, &store->newest) && !store->busy) {
        start(store);
    }
}
