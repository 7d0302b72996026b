#include "harness.h"

#include "proto/codec/gateway.h"

FUZZ_AGAIN(lookup_request, cm_lookup_request_encode(out, &value))
FUZZ_AGAIN(lookup_response, cm_lookup_response_encode(out, &value))
FUZZ_AGAIN(reach_response, cm_reach_response_encode(out, &value))
FUZZ_AGAIN(attach_up, cm_attach_up_encode(out, &value))
FUZZ_AGAIN(attach_down, cm_attach_down_encode(out, &value))
FUZZ_AGAIN(answer_request, cm_answer_request_encode(out, &value))
FUZZ_AGAIN(error, cm_error_encode(out, &value))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_codec(again_lookup_request, data, size);
    fuzz_codec(again_lookup_response, data, size);
    fuzz_codec(again_reach_response, data, size);
    fuzz_codec(again_attach_up, data, size);
    fuzz_codec(again_attach_down, data, size);
    fuzz_codec(again_answer_request, data, size);
    fuzz_codec(again_error, data, size);
    return 0;
}
