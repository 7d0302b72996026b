#include "harness.h"

#include "proto/codec/orders.h"
#include "proto/codec/ruleset.h"

FUZZ_AGAIN(ruleset, cm_ruleset_encode(out, &value, error))
FUZZ_AGAIN(overlay, cm_overlay_encode(out, &value, error))
FUZZ_AGAIN(order_register, cm_order_register_encode(out, &value, error))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_codec(again_ruleset, data, size);
    fuzz_codec(again_overlay, data, size);
    fuzz_codec(again_order_register, data, size);
    return 0;
}
