#include "frames.h"

#include <criterion/criterion.h>

#include <string.h>

void frames_of(struct frames *out, struct cm_bytes log)
{
    out->count = 0;
    for (size_t at = CM_LOG_MAGIC_SIZE; at < log.len;) {
        const uint8_t *p = log.data + at;
        const size_t len = (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16;
        cr_assert_lt(out->count, MAX_FRAMES - 1);
        out->list[out->count].type = (enum cm_frame_type)p[4];
        out->list[out->count++].bytes = (struct cm_bytes){p + CM_FRAME_HEAD, len};
        at += cm_frame_size(len);
    }
}

void frames_pack(struct cm_buf *log, const struct frames *frames)
{
    log->len = 0;
    cr_assert_eq(cm_buf_add(log, CM_LOG_MAGIC, CM_LOG_MAGIC_SIZE), CM_OK);
    for (size_t i = 0; i < frames->count; i++) {
        cr_assert_eq(cm_frame_add(log, frames->list[i].type, frames->list[i].bytes), CM_OK);
    }
}

void frames_drop(struct frames *frames, size_t at)
{
    frames->count--;
    memmove(&frames->list[at], &frames->list[at + 1],
            (frames->count - at) * sizeof frames->list[0]);
}

void frames_double(struct frames *frames, size_t at)
{
    memmove(&frames->list[at + 1], &frames->list[at],
            (frames->count - at) * sizeof frames->list[0]);
    frames->count++;
}

void frames_swap(struct frames *frames, size_t a, size_t b)
{
    const struct frames was = *frames;
    frames->list[a] = was.list[b];
    frames->list[b] = was.list[a];
}

void frames_move(struct frames *frames, size_t from, size_t to)
{
    const struct frames was = *frames;
    frames_drop(frames, from);
    memmove(&frames->list[to + 1], &frames->list[to],
            (frames->count - to) * sizeof frames->list[0]);
    frames->list[to] = was.list[from];
    frames->count++;
}
