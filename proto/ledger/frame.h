// The log file's frames: u32le length, u8 type, bytes, u32le CRC-32C over type and bytes; before
// them CM_LOG_MAGIC. A writer's batch is entries, each with its access record or none, and one
// checkpoint. A reader with a window that grows to what it is asked for. One thread at a time.
#ifndef CM_LEDGER_FRAME_H
#define CM_LEDGER_FRAME_H

#include "proto/base/error.h"
#include "proto/ledger/checkpoint.h"

#define CM_LOG_MAGIC "comity-ledger 1\n"

enum {
    CM_LOG_MAGIC_SIZE = 16,
    CM_FRAME_HEAD = 5,
    CM_FRAME_TAIL = 4,
    CM_MAX_ACCESS = CM_MAX_ACCESS_RECORD + 64, // sealed
    CM_MAX_FRAME = CM_FRAME_HEAD + CM_MAX_ACCESS + CM_FRAME_TAIL,
    // Of a batch before its checkpoint. Whoever reads one whole is bounded by that.
    CM_MAX_LOG_BATCH = 8 * 1024 * 1024,
    CM_MAX_LOG_BATCH_ENTRIES = 4096,
};

enum cm_frame_type {
    CM_FRAME_NONE = 0,
    CM_FRAME_ENTRY,
    CM_FRAME_ACCESS,
    CM_FRAME_CHECKPOINT,
};

// CM_INVALID when bytes are too many for a frame of that type.
enum cm_status cm_frame_add(struct cm_buf *out, enum cm_frame_type type,
                            struct cm_bytes bytes) CM_MUST_CHECK;

// What a frame of so many bytes takes.
static inline size_t cm_frame_size(size_t len)
{
    return CM_FRAME_HEAD + len + CM_FRAME_TAIL;
}

struct cm_frame {
    enum cm_frame_type type; // NONE when the frame is not whole and valid
    struct cm_bytes bytes;   // borrowed from the reader until its next call
    uint64_t end;            // offset of what follows; past the file's end when cut off
};

struct cm_frame_reader {
    int fd;
    uint64_t size;   // of the file
    uint64_t keep;   // bytes from here on stay in the window once they are there; the caller's
    uint8_t *window; // holds [start, start + held)
    uint64_t start;
    size_t held;
    size_t cap;
};

// Nothing is kept. CM_INVALID unless fd is a regular file.
enum cm_status cm_frame_reader_init(struct cm_frame_reader *reader, int fd) CM_MUST_CHECK;
void cm_frame_reader_clear(struct cm_frame_reader *reader);
// At most len bytes at offset, fewer only at the file's end; len <= CM_MAX_FRAME. Borrowed until
// the next call.
enum cm_status cm_frame_peek(struct cm_bytes *out, struct cm_frame_reader *reader, uint64_t offset,
                             size_t len) CM_MUST_CHECK;
// CM_IO alone; what is there is judged by out->type.
enum cm_status cm_frame_read(struct cm_frame *out, struct cm_frame_reader *reader,
                             uint64_t offset) CM_MUST_CHECK;

#endif
