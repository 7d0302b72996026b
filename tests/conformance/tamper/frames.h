// A log as a list of frames, to be put together otherwise: whole frames moved about, or their bytes
// changed under checksums that hold. One thread.
#ifndef CM_TESTS_TAMPER_FRAMES_H
#define CM_TESTS_TAMPER_FRAMES_H

#include "proto/ledger/frame.h"

enum { MAX_FRAMES = 64 };

struct frames {
    size_t count;
    struct {
        enum cm_frame_type type;
        struct cm_bytes bytes; // borrowed from the log
    } list[MAX_FRAMES];
};

void frames_of(struct frames *out, struct cm_bytes log);
// Replaces what is in log.
void frames_pack(struct cm_buf *log, const struct frames *frames);
void frames_drop(struct frames *frames, size_t at);
// The frame at from comes to lie at to; the others close up.
void frames_move(struct frames *frames, size_t from, size_t to);
// Once more, after itself.
void frames_double(struct frames *frames, size_t at);
void frames_swap(struct frames *frames, size_t a, size_t b);

#endif
