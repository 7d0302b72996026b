#include "harness.h"

#include "proto/codec/answer.h"

FUZZ_AGAIN(header, cm_header_encode(out, &value))
FUZZ_AGAIN(refusal, cm_refusal_encode(out, &value))

static enum cm_status again_row(struct cm_buf *out, struct cm_arena *arena, struct cm_bytes in,
                                struct cm_error *error)
{
    struct cm_detection detection;
    enum cm_status status = cm_row_decode(&detection, arena, in, error);

    return status == CM_OK ? cm_row_encode(out, &detection, CM_FIELDS_ALL) : status;
}

// A key that parses is the one that its parts make.
static void check_key(struct cm_bytes key)
{
    struct cm_buf out = {0};
    char agency[CM_MAX_ID + 1] = "";
    char event[CM_MAX_EVENT_ID + 1] = "";
    int64_t captured_ms;
    struct cm_bytes owner;
    struct cm_bytes id;

    if (cm_row_key_parse(key, &captured_ms, &owner, &id) != CM_OK) {
        return;
    }
    for (size_t i = 0; i < owner.len; i++) {
        agency[i] = (char)owner.data[i];
    }
    for (size_t i = 0; i < id.len; i++) {
        event[i] = (char)id.data[i];
    }
    if (cm_row_key(&out, captured_ms, agency, event) != CM_OK ||
        !cm_bytes_equal(cm_buf_bytes(&out), key)) {
        abort();
    }
    cm_buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_codec(again_header, data, size);
    fuzz_codec(again_refusal, data, size);
    fuzz_codec(again_row, data, size);
    check_key((struct cm_bytes){data, size});
    return 0;
}
