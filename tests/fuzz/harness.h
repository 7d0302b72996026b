// What every harness has: libFuzzer's entry, and for codecs the law that what decodes encodes to
// the same bytes. One thread.
#ifndef CM_TESTS_FUZZ_HARNESS_H
#define CM_TESTS_FUZZ_HARNESS_H

#include "proto/base/arena.h"
#include "proto/base/error.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef enum cm_status fuzz_again(struct cm_buf *out, struct cm_arena *arena, struct cm_bytes in,
                                  struct cm_error *error);

// Decodes and encodes in an arena sometimes too small; aborts unless the bytes come back, or a
// refusal says where and why.
static inline void fuzz_codec(fuzz_again *again, const uint8_t *data, size_t size)
{
    size_t cap = size > 0 && data[size - 1] % 8 == 0 ? 8 * size : 8 << 20;
    struct cm_arena *arena = cm_arena_new(cap);
    struct cm_buf out = {0};
    struct cm_error error = {0};
    struct cm_bytes in = {data, size};
    enum cm_status status;

    if (!arena) {
        return;
    }
    status = again(&out, arena, in, &error);
    if (status == CM_OK ? !cm_bytes_equal(cm_buf_bytes(&out), in)
                        : error.where[0] == '\0' || error.text[0] == '\0') {
        abort();
    }
    cm_buf_clear(&out);
    cm_arena_free(arena);
}

// again_NAME; encode is the call that packs value into out.
#define FUZZ_AGAIN(name, encode)                                                                   \
    static enum cm_status again_##name(struct cm_buf *out, struct cm_arena *arena,                 \
                                       struct cm_bytes in, struct cm_error *error)                 \
    {                                                                                              \
        struct cm_##name value;                                                                    \
        enum cm_status status = cm_##name##_decode(&value, arena, in, error);                      \
                                                                                                   \
        return status == CM_OK ? (encode) : status;                                                \
    }

#endif
