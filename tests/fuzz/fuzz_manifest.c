#include "harness.h"

#include "proto/codec/manifest.h"

FUZZ_AGAIN(manifest, cm_manifest_encode(out, &value))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_codec(again_manifest, data, size);
    return 0;
}
