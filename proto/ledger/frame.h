// The log file's frames: u32le length, u8 type, bytes, u32le CRC-32C over type and bytes; before
// them CM_LOG_MAGIC. A reader with a window of bounded size. One thread at a time.
#ifndef CM_LEDGER_FRAME_H
#define CM_LEDGER_FRAME_H

#include "proto/base/error.h"
#include "proto/ledger/checkpoint.h"

#define CM_LOG_MAGIC "comity-ledger 1\n"

enum {
    CM_LOG_MAGIC_SIZE = 16,
    CM_FRAME_HEAD = 5,
    CM_FRAME_TAIL = 4,
    CM_MAX_ACCESS = CM_MAX_ENTRY,
    CM_MAX_FRAME = CM_FRAME_HEAD + CM_MAX_ENTRY + CM_FRAME_TAIL,
};

enum cm_frame_type {
    CM_FRAME_NONE = 0,
    CM_FRAME_ENTRY,
    CM_FRAME_ACCESS,
    CM_FRAME_CHECKPOINT,
};

enum cm_status cm_frame_add(struct cm_buf *out, enum cm_frame_type type,
                            struct cm_bytes bytes) CM_MUST_CHECK;

struct cm_frame {
    enum cm_frame_type type; // NONE when the frame is not whole and valid
    struct cm_bytes bytes;   // borrowed from the reader until its next call
    uint64_t end;            // offset of what follows; past the file's end when cut off
};

struct cm_frame_reader {
    int fd;
    uint64_t size;   // of the file
    uint8_t *window; // holds [start, start + held)
    uint64_t start;
    size_t held;
};

enum cm_status cm_frame_reader_init(struct cm_frame_reader *reader, int fd) CM_MUST_CHECK;
void cm_frame_reader_clear(struct cm_frame_reader *reader);
// At most len bytes at offset, fewer only at the file's end; len <= CM_MAX_FRAME.
enum cm_status cm_frame_peek(struct cm_bytes *out, struct cm_frame_reader *reader, uint64_t offset,
                             size_t len) CM_MUST_CHECK;
// CM_IO alone; what is there is judged by out->type.
enum cm_status cm_frame_read(struct cm_frame *out, struct cm_frame_reader *reader,
                             uint64_t offset) CM_MUST_CHECK;

#endif
