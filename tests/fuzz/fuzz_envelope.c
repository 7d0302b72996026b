#include "harness.h"

#include "proto/codec/envelope.h"

FUZZ_AGAIN(envelope, cm_envelope_encode(out, &value))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_codec(again_envelope, data, size);
    return 0;
}
