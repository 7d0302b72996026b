#include "harness.h"

#include "proto/codec/entry.h"

FUZZ_AGAIN(entry, cm_entry_encode(out, &value))
FUZZ_AGAIN(decision_leaf, cm_decision_leaf_encode(out, &value))
FUZZ_AGAIN(record, cm_record_encode(out, &value))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_codec(again_entry, data, size);
    fuzz_codec(again_decision_leaf, data, size);
    fuzz_codec(again_record, data, size);
    return 0;
}
