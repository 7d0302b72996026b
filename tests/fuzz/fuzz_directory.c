#include "harness.h"

#include "proto/codec/directory.h"

FUZZ_AGAIN(directory, cm_directory_encode(out, &value, error))
FUZZ_AGAIN(directory_bundle, cm_directory_bundle_encode(out, &value))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_codec(again_directory, data, size);
    fuzz_codec(again_directory_bundle, data, size);
    return 0;
}
