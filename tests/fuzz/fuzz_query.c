#include "harness.h"

#include "proto/codec/query.h"

FUZZ_AGAIN(query, cm_query_encode(out, &value, error))
FUZZ_AGAIN(approval, cm_approval_encode(out, &value, error))

static enum cm_status again_reach(struct cm_buf *out, struct cm_arena *arena, struct cm_bytes in,
                                  struct cm_error *error)
{
    struct cm_query reach;
    enum cm_status status = cm_reach_decode(&reach, arena, in, error);

    return status == CM_OK ? cm_reach_encode(out, &reach, error) : status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_codec(again_query, data, size);
    fuzz_codec(again_reach, data, size);
    fuzz_codec(again_approval, data, size);
    return 0;
}
