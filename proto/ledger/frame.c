#include "proto/ledger/frame.h"

#include "proto/ledger/crc32c.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WINDOW = 256 * 1024 };

static void put_u32(uint8_t *out, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        out[i] = (uint8_t)(value >> 8 * i);
    }
}

static uint32_t get_u32(const uint8_t *in)
{
    return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

static bool length_fits(unsigned type, size_t len)
{
    switch (type) {
    case CM_FRAME_ENTRY:
        return len > 0 && len <= CM_MAX_ENTRY;
    case CM_FRAME_ACCESS:
        return len > 0 && len <= CM_MAX_ACCESS;
    case CM_FRAME_CHECKPOINT:
        return len > 0 && len <= CM_MAX_CHECKPOINT;
    default:
        return false;
    }
}

enum cm_status cm_frame_add(struct cm_buf *out, enum cm_frame_type type, struct cm_bytes bytes)
{
    if (!length_fits(type, bytes.len)) {
        return CM_INVALID;
    }
    const size_t len = cm_frame_size(bytes.len);
    uint8_t *frame;
    const enum cm_status status = cm_buf_reserve(out, len, &frame);
    if (status) {
        return status;
    }
    put_u32(frame, (uint32_t)bytes.len);
    frame[4] = (uint8_t)type;
    memcpy(frame + CM_FRAME_HEAD, bytes.data, bytes.len);
    const uint32_t crc = cm_crc32c(0, (struct cm_bytes){frame + 4, 1 + bytes.len});
    put_u32(frame + CM_FRAME_HEAD + bytes.len, crc);
    out->len += len;
    return CM_OK;
}

enum cm_status cm_frame_reader_init(struct cm_frame_reader *reader, int fd)
{
    struct stat facts;
    *reader = (struct cm_frame_reader){.fd = fd, .keep = UINT64_MAX, .cap = WINDOW};
    if (fstat(fd, &facts) != 0) {
        return CM_IO;
    }
    if (!S_ISREG(facts.st_mode)) {
        return CM_INVALID;
    }
    reader->size = (uint64_t)facts.st_size;
    reader->window = malloc(reader->cap);
    return reader->window ? CM_OK : CM_MEMORY;
}

void cm_frame_reader_clear(struct cm_frame_reader *reader)
{
    free(reader->window);
    reader->window = NULL;
}

// Lets the window begin at start and hold at least len bytes.
static enum cm_status move_window(struct cm_frame_reader *reader, uint64_t start, size_t len)
{
    size_t cap = reader->cap;
    while (cap < len) {
        cap *= 2;
    }
    if (cap > reader->cap) {
        uint8_t *window = realloc(reader->window, cap);
        if (!window) {
            return CM_MEMORY;
        }
        reader->window = window;
        reader->cap = cap;
    }
    if (start >= reader->start && start < reader->start + reader->held) {
        const size_t skip = (size_t)(start - reader->start);
        reader->held -= skip;
        memmove(reader->window, reader->window + skip, reader->held);
    } else {
        reader->held = 0;
    }
    reader->start = start;
    return CM_OK;
}

static enum cm_status fill(struct cm_frame_reader *reader)
{
    while (reader->held < reader->cap) {
        const ssize_t got =
            pread(reader->fd, reader->window + reader->held, reader->cap - reader->held,
                  (off_t)(reader->start + reader->held));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return CM_IO;
        }
        if (got == 0) {
            break;
        }
        reader->held += (size_t)got;
    }
    return CM_OK;
}

enum cm_status cm_frame_peek(struct cm_bytes *out, struct cm_frame_reader *reader, uint64_t offset,
                             size_t len)
{
    if (offset > reader->size || len > CM_MAX_FRAME) {
        return CM_INTERNAL;
    }
    if (len > reader->size - offset) {
        len = (size_t)(reader->size - offset);
    }
    if (offset < reader->start || offset + len > reader->start + reader->held) {
        const uint64_t start = offset < reader->keep ? offset : reader->keep;
        enum cm_status status = move_window(reader, start, (size_t)(offset - start) + len);
        if (!status) {
            status = fill(reader);
        }
        if (status) {
            return status;
        }
        if (offset + len > reader->start + reader->held) {
            return CM_IO; // the file shrank meanwhile
        }
    }
    *out = (struct cm_bytes){reader->window + (offset - reader->start), len};
    return CM_OK;
}

enum cm_status cm_frame_read(struct cm_frame *out, struct cm_frame_reader *reader, uint64_t offset)
{
    struct cm_bytes head;
    enum cm_status status = cm_frame_peek(&head, reader, offset, CM_FRAME_HEAD);
    *out = (struct cm_frame){.end = UINT64_MAX};
    if (status || head.len < CM_FRAME_HEAD) {
        return status;
    }
    const uint32_t len = get_u32(head.data);
    const uint8_t type = head.data[4];
    const size_t whole = cm_frame_size(len);
    out->end = offset + whole;
    if (!length_fits(type, len) || out->end > reader->size) {
        return CM_OK;
    }
    struct cm_bytes frame;
    status = cm_frame_peek(&frame, reader, offset, whole);
    if (status) {
        return status;
    }
    if (cm_crc32c(0, (struct cm_bytes){frame.data + 4, 1 + (size_t)len}) !=
        get_u32(frame.data + CM_FRAME_HEAD + len)) {
        return CM_OK;
    }
    out->type = (enum cm_frame_type)type;
    out->bytes = (struct cm_bytes){frame.data + CM_FRAME_HEAD, len};
    return CM_OK;
}
