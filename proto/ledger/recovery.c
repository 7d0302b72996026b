#include "proto/ledger/recovery.h"

#include "proto/ledger/crc32c.h"
#include "proto/ledger/merkle.h"

#include <inttypes.h>
#include <string.h>

enum { ZERO_RUN = 16 };

static enum cm_status damaged(struct cm_error *error, uint64_t offset, const char *what)
{
    cm_fail(error, CM_INVALID, "ledger", "%s at byte %" PRIu64 " of the log", what, offset);
    cm_error_hint(error, "the file is left as it is: restore it from a copy and keep this one as "
                         "evidence");
    return CM_INVALID;
}

static enum cm_status take_checkpoint(struct cm_recovery *out, const struct cm_frame *frame,
                                      const struct cm_frontier *frontier, uint64_t offset,
                                      const char *origin, struct cm_error *error)
{
    struct cm_checkpoint checkpoint;
    struct cm_digest root;
    enum cm_status status = cm_checkpoint_parse(&checkpoint, frame->bytes, error);
    if (status) {
        return damaged(error, offset, "a malformed checkpoint");
    }
    cm_frontier_root(&root, frontier);
    if (strcmp(checkpoint.origin, origin) != 0) {
        return damaged(error, offset, "a checkpoint of another writer");
    }
    if (checkpoint.size != frontier->size || !cm_digest_equal(&checkpoint.root, &root)) {
        return damaged(error, offset, "a checkpoint that doesn't fit the entries");
    }
    out->note.len = 0;
    status = cm_buf_add(&out->note, frame->bytes.data, frame->bytes.len);
    out->checkpoint = checkpoint;
    out->frontier = *frontier;
    out->end = frame->end;
    return status;
}

// Whether the file ends in the zeros of blocks that were never written.
static enum cm_status ends_in_zeros(bool *out, struct cm_frame_reader *reader, uint64_t offset)
{
    static const uint8_t zeros[ZERO_RUN];
    struct cm_bytes last;
    *out = false;
    if (reader->size - offset < ZERO_RUN) {
        return CM_OK;
    }
    const enum cm_status status = cm_frame_peek(&last, reader, reader->size - ZERO_RUN, ZERO_RUN);
    *out = !status && memcmp(last.data, zeros, ZERO_RUN) == 0;
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
static enum cm_status judge_tail(struct cm_recovery *out, struct cm_frame_reader *reader,
                                 uint64_t bad, uint64_t bad_end, struct cm_error *error)
{
    bool zeros, covered, length;
    enum cm_status status = ends_in_zeros(&zeros, reader, bad);
    if (!status) {
        status = finds_checkpoint(&covered, reader, bad);
    }
    if (!status) {
        status = only_length_is_wrong(&length, reader, bad);
    }
    if (status) {
        return cm_fail(error, status, "ledger", "the log can't be read at byte %" PRIu64, bad);
    }
    const bool cut_off = bad_end > reader->size;
    if (covered || length || !(cut_off || zeros)) {
        return damaged(error, bad, "a damaged frame");
    }
    out->torn = reader->size - out->end;
    return CM_OK;
}

static enum cm_status scan_frames(struct cm_recovery *out, struct cm_frame_reader *reader,
                                  const char *origin, struct cm_error *error)
{
    struct cm_frontier frontier = {.size = 0};
    bool after_entry = false;
    for (uint64_t offset = out->end; offset < reader->size;) {
        struct cm_frame frame;
        struct cm_digest leaf;
        enum cm_status status = cm_frame_read(&frame, reader, offset);
        if (status) {
            return cm_fail(error, status, "ledger", "the log can't be read at byte %" PRIu64,
                           offset);
        }
        if (frame.type == CM_FRAME_NONE) {
            return judge_tail(out, reader, offset, frame.end, error);
        }
        switch (frame.type) {
        case CM_FRAME_NONE:
            break;
        case CM_FRAME_ENTRY:
            cm_merkle_leaf(&leaf, frame.bytes);
            cm_frontier_add(&frontier, &leaf);
            break;
        case CM_FRAME_ACCESS:
            if (!after_entry) {
                return damaged(error, offset, "an access record without its entry");
            }
            break;
        case CM_FRAME_CHECKPOINT:
            status = take_checkpoint(out, &frame, &frontier, offset, origin, error);
            if (status) {
                return status;
            }
            break;
        }
        after_entry = frame.type == CM_FRAME_ENTRY;
        offset = frame.end;
    }
    out->torn = reader->size - out->end;
    return CM_OK;
}

enum cm_status cm_recovery_scan(struct cm_recovery *out, struct cm_frame_reader *reader,
                                const char *origin, const struct cm_key *key,
                                struct cm_error *error)
{
    struct cm_bytes magic;
    *out = (struct cm_recovery){.end = CM_LOG_MAGIC_SIZE};
    enum cm_status status = cm_frame_peek(&magic, reader, 0, CM_LOG_MAGIC_SIZE);
    if (status) {
        return cm_fail(error, status, "ledger", "the log can't be read");
    }
    if (!cm_bytes_equal(magic, cm_bytes_of(CM_LOG_MAGIC))) {
        return cm_fail(error, CM_INVALID, "ledger", "the log is not one this version reads");
    }
    status = scan_frames(out, reader, origin, error);
    if (status || out->note.len == 0) {
        return status;
    }
    // The last checkpoint's root commits to all before it, so its signature speaks for all.
    return cm_checkpoint_open(&out->checkpoint, cm_buf_bytes(&out->note), key, error);
}

void cm_recovery_clear(struct cm_recovery *recovery)
{
    cm_buf_clear(&recovery->note);
}
