#include "proto/ledger/log_reader.h"

#include "proto/ledger/crc32c.h"
#include "proto/ledger/merkle.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    ZERO_RUN = 16,
    // What one write leaves at most.
    MAX_TAIL = CM_MAX_LOG_BATCH + CM_FRAME_HEAD + CM_MAX_CHECKPOINT + CM_FRAME_TAIL,
};

struct place {
    uint64_t offset;
    uint32_t entry_len;
    uint32_t access_len; // 0: none
    struct cm_digest leaf;
};

struct cm_log_reader {
    struct cm_frame_reader frames;
    int own_fd; // -1: the caller's is read
    char origin[CM_MAX_ORIGIN + 1];
    struct cm_log_state state;
    struct cm_buf note;
    // The batch that ends at state.end, as far as it wasn't given yet.
    struct place batch[CM_MAX_LOG_BATCH_ENTRIES];
    size_t count;
    size_t given;
    uint64_t checkpoint_offset;
    bool checkpoint_due;
};

static enum cm_status damaged(struct cm_error *error, uint64_t offset, const char *what)
{
    cm_fail(error, CM_INVALID, "ledger", "%s at byte %" PRIu64 " of the log", what, offset);
    cm_error_hint(error, "the file is left as it is: restore it from a copy and keep this one as "
                         "evidence");
    return CM_INVALID;
}

static enum cm_status unreadable(struct cm_error *error, enum cm_status status, uint64_t offset)
{
    return cm_fail(error, status, "ledger", "the log can't be read at byte %" PRIu64, offset);
}

// Whether the file ends in the zeros of blocks that were never written.
static enum cm_status ends_in_zeros(bool *out, struct cm_frame_reader *reader, uint64_t offset)
{
    static const uint8_t zeros[ZERO_RUN];
    struct cm_bytes last;
    *out = false;
    const uint64_t rest = reader->size - offset;
    const size_t run = rest < ZERO_RUN ? (size_t)rest : ZERO_RUN;
    const enum cm_status status = cm_frame_peek(&last, reader, reader->size - run, run);
    *out = !status && memcmp(last.data, zeros, run) == 0;
    return status;
}

// Whether a checkpoint lies anywhere after offset: then what is there had been acknowledged.
static enum cm_status finds_checkpoint(bool *out, struct cm_frame_reader *reader, uint64_t offset)
{
    *out = false;
    for (; !*out && reader->size - offset > CM_FRAME_HEAD + CM_FRAME_TAIL; offset++) {
        struct cm_bytes head;
        enum cm_status status = cm_frame_peek(&head, reader, offset, CM_FRAME_HEAD);
        if (status) {
            return status;
        }
        if (head.data[4] != CM_FRAME_CHECKPOINT) {
            continue;
        }
        struct cm_frame frame;
        status = cm_frame_read(&frame, reader, offset);
        if (status) {
            return status;
        }
        *out = frame.type == CM_FRAME_CHECKPOINT;
    }
    return CM_OK;
}

// Whether the rest of the file would be a valid frame if its length said so.
static enum cm_status only_length_is_wrong(bool *out, struct cm_frame_reader *reader,
                                           uint64_t offset)
{
    const uint64_t rest = reader->size - offset;
    *out = false;
    if (rest <= CM_FRAME_HEAD + CM_FRAME_TAIL || rest > CM_MAX_FRAME) {
        return CM_OK;
    }
    struct cm_bytes all;
    const enum cm_status status = cm_frame_peek(&all, reader, offset, (size_t)rest);
    if (status) {
        return status;
    }
    const uint8_t *crc = all.data + all.len - CM_FRAME_TAIL;
    const uint32_t want =
        cm_crc32c(0, (struct cm_bytes){all.data + 4, all.len - 4 - CM_FRAME_TAIL});
    *out = want == ((uint32_t)crc[0] | (uint32_t)crc[1] << 8 | (uint32_t)crc[2] << 16 |
                    (uint32_t)crc[3] << 24);
    return CM_OK;
}

// A crash leaves a frame cut off by the file's end, or zeros, and no checkpoint after it. All else
// is damage to what had been acknowledged.
static enum cm_status judge_tail(struct cm_log_reader *reader, uint64_t bad, uint64_t bad_end,
                                 struct cm_error *error)
{
    struct cm_frame_reader *frames = &reader->frames;
    bool zeros, covered, length;
    if (frames->size - reader->state.end > MAX_TAIL) {
        return damaged(error, bad, "a damaged frame");
    }
    frames->keep = UINT64_MAX;
    enum cm_status status = ends_in_zeros(&zeros, frames, bad);
    if (!status) {
        status = finds_checkpoint(&covered, frames, bad);
    }
    if (!status) {
        status = only_length_is_wrong(&length, frames, bad);
    }
    if (status) {
        return unreadable(error, status, bad);
    }
    const bool cut_off = bad_end > frames->size;
    if (covered || length || !(cut_off || zeros)) {
        return damaged(error, bad, "a damaged frame");
    }
    return CM_OK;
}

static enum cm_status take_checkpoint(struct cm_log_reader *reader, const struct cm_frame *frame,
                                      const struct cm_frontier *frontier, uint64_t offset,
                                      struct cm_error *error)
{
    struct cm_checkpoint checkpoint;
    struct cm_digest root;
    if (cm_checkpoint_parse(&checkpoint, frame->bytes, NULL) != CM_OK) {
        return damaged(error, offset, "a malformed checkpoint");
    }
    if (reader->origin[0] != '\0' && strcmp(checkpoint.origin, reader->origin) != 0) {
        return damaged(error, offset, "a checkpoint of another writer");
    }
    cm_frontier_root(&root, frontier);
    if (checkpoint.size != frontier->size || !cm_digest_equal(&checkpoint.root, &root)) {
        return damaged(error, offset, "a checkpoint that doesn't fit the entries");
    }
    reader->note.len = 0;
    if (cm_buf_add(&reader->note, frame->bytes.data, frame->bytes.len) != CM_OK) {
        return cm_fail(error, CM_MEMORY, "ledger", "out of memory");
    }
    memcpy(reader->origin, checkpoint.origin, sizeof reader->origin);
    reader->state.checkpoint = checkpoint;
    reader->state.note = cm_buf_bytes(&reader->note);
    reader->state.frontier = *frontier;
    reader->state.end = frame->end;
    reader->checkpoint_offset = offset;
    reader->checkpoint_due = true;
    reader->given = 0;
    return CM_OK;
}

// What is wrong with a frame in this place, or NULL.
static const char *misplaced(const struct cm_log_reader *reader, const struct cm_frame *frame,
                             bool after_entry)
{
    const uint64_t bytes = frame->end - reader->state.end;
    switch (frame->type) {
    case CM_FRAME_NONE:
        return NULL;
    case CM_FRAME_ENTRY:
        if (reader->count < CM_MAX_LOG_BATCH_ENTRIES && bytes <= CM_MAX_LOG_BATCH) {
            return NULL;
        }
        return "more entries without a checkpoint than a writer leaves";
    case CM_FRAME_ACCESS:
        if (!after_entry) {
            return "an access record without its entry";
        }
        return bytes <= CM_MAX_LOG_BATCH ? NULL
                                         : "more entries without a checkpoint than a writer leaves";
    case CM_FRAME_CHECKPOINT:
        return reader->count > 0 ? NULL : "a checkpoint without entries";
    }
    return NULL;
}

static void take_entry(struct cm_log_reader *reader, const struct cm_frame *frame, uint64_t offset,
                       struct cm_frontier *frontier)
{
    struct place *place = &reader->batch[reader->count++];
    *place = (struct place){.offset = offset, .entry_len = (uint32_t)frame->bytes.len};
    cm_merkle_leaf(&place->leaf, frame->bytes);
    cm_frontier_add(frontier, &place->leaf);
}

// Reads one batch to its checkpoint; none is due at the end.
static enum cm_status read_batch(struct cm_log_reader *reader, struct cm_error *error)
{
    struct cm_frontier frontier = reader->state.frontier;
    bool after_entry = false;
    reader->count = reader->given = 0;
    reader->state.torn = 0;
    reader->frames.keep = reader->state.end;
    for (uint64_t offset = reader->state.end; offset < reader->frames.size;) {
        struct cm_frame frame;
        const enum cm_status status = cm_frame_read(&frame, &reader->frames, offset);
        if (status) {
            return unreadable(error, status, offset);
        }
        const char *wrong = misplaced(reader, &frame, after_entry);
        if (wrong) {
            return damaged(error, offset, wrong);
        }
        if (frame.type == CM_FRAME_NONE) {
            reader->state.torn = reader->frames.size - reader->state.end;
            return judge_tail(reader, offset, frame.end, error);
        }
        if (frame.type == CM_FRAME_CHECKPOINT) {
            return take_checkpoint(reader, &frame, &frontier, offset, error);
        }
        after_entry = frame.type == CM_FRAME_ENTRY;
        if (after_entry) {
            take_entry(reader, &frame, offset, &frontier);
        } else {
            reader->batch[reader->count - 1].access_len = (uint32_t)frame.bytes.len;
        }
        offset = frame.end;
    }
    reader->state.torn = reader->frames.size - reader->state.end;
    return CM_OK;
}

// The next batch is in the window, or none of it will be given.
static enum cm_status gather(struct cm_log_reader *reader, struct cm_error *error)
{
    const enum cm_status status = read_batch(reader, error);
    if (!reader->checkpoint_due) {
        reader->count = 0;
    }
    return status;
}

static enum cm_status give_entry(struct cm_log_item *out, struct cm_log_reader *reader,
                                 struct cm_error *error)
{
    const struct place *place = &reader->batch[reader->given];
    const uint64_t entry = place->offset + CM_FRAME_HEAD;
    const uint64_t access = place->offset + cm_frame_size(place->entry_len) + CM_FRAME_HEAD;
    *out = (struct cm_log_item){
        .type = CM_ITEM_ENTRY,
        .offset = place->offset,
        .index = reader->state.checkpoint.size - reader->count + reader->given,
        .leaf = place->leaf,
    };
    enum cm_status status = cm_frame_peek(&out->entry, &reader->frames, entry, place->entry_len);
    if (!status && place->access_len > 0) {
        status = cm_frame_peek(&out->access, &reader->frames, access, place->access_len);
    }
    reader->given++;
    return status ? unreadable(error, status, place->offset) : CM_OK;
}

enum cm_status cm_log_reader_next(struct cm_log_item *out, struct cm_log_reader *reader,
                                  struct cm_error *error)
{
    *out = (struct cm_log_item){.type = CM_ITEM_END};
    if (reader->given == reader->count && !reader->checkpoint_due) {
        const enum cm_status status = gather(reader, error);
        if (status || !reader->checkpoint_due) {
            return status;
        }
    }
    if (reader->given < reader->count) {
        return give_entry(out, reader, error);
    }
    reader->checkpoint_due = false;
    *out = (struct cm_log_item){
        .type = CM_ITEM_CHECKPOINT,
        .offset = reader->checkpoint_offset,
        .note = reader->state.note,
        .checkpoint = reader->state.checkpoint,
    };
    return CM_OK;
}

const struct cm_log_state *cm_log_reader_state(const struct cm_log_reader *reader)
{
    return &reader->state;
}

void cm_log_reader_extend(struct cm_log_reader *reader, uint64_t end)
{
    struct cm_frame_reader *frames = &reader->frames;
    frames->size = end;
    // What followed the last checkpoint may have been cut off and written anew.
    if (frames->start + frames->held > reader->state.end) {
        frames->held =
            frames->start < reader->state.end ? (size_t)(reader->state.end - frames->start) : 0;
    }
}

static enum cm_status begin(struct cm_log_reader *reader, int fd, const char *origin,
                            struct cm_error *error)
{
    struct cm_bytes magic;
    if (origin) {
        snprintf(reader->origin, sizeof reader->origin, "%s", origin);
    }
    reader->state.end = CM_LOG_MAGIC_SIZE;
    enum cm_status status = cm_frame_reader_init(&reader->frames, fd);
    if (!status) {
        status = cm_frame_peek(&magic, &reader->frames, 0, CM_LOG_MAGIC_SIZE);
    }
    if (status) {
        return unreadable(error, status, 0);
    }
    if (!cm_bytes_equal(magic, cm_bytes_of(CM_LOG_MAGIC))) {
        return cm_fail(error, CM_INVALID, "ledger", "the log is not one this version reads");
    }
    return CM_OK;
}

static enum cm_status open_reader(struct cm_log_reader **out, int fd, int own_fd,
                                  const char *origin, struct cm_error *error)
{
    struct cm_log_reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        if (own_fd >= 0) {
            close(own_fd);
        }
        return cm_fail(error, CM_MEMORY, "ledger", "out of memory");
    }
    reader->own_fd = own_fd;
    const enum cm_status status = begin(reader, fd, origin, error);
    if (status) {
        cm_log_reader_free(reader);
    } else {
        *out = reader;
    }
    return status;
}

enum cm_status cm_log_reader_open(struct cm_log_reader **out, const char *folder,
                                  const char *origin, struct cm_error *error)
{
    char path[4096];
    const int len = snprintf(path, sizeof path, "%s/log", folder);
    if (len < 0 || (size_t)len >= sizeof path) {
        return cm_fail(error, CM_INVALID, "ledger", "the folder's name is too long");
    }
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return cm_fail(error, errno == ENOENT ? CM_NOT_FOUND : CM_IO, path,
                       "the log can't be opened: %s", strerror(errno));
    }
    return open_reader(out, fd, fd, origin, error);
}

enum cm_status cm_log_reader_open_fd(struct cm_log_reader **out, int fd, const char *origin,
                                     struct cm_error *error)
{
    return open_reader(out, fd, -1, origin, error);
}

void cm_log_reader_free(struct cm_log_reader *reader)
{
    if (!reader) {
        return;
    }
    cm_frame_reader_clear(&reader->frames);
    cm_buf_clear(&reader->note);
    if (reader->own_fd >= 0) {
        close(reader->own_fd);
    }
    free(reader);
}
