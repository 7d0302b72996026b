#include "harness.h"

#include "proto/codec/access.h"

FUZZ_AGAIN(access, cm_access_encode(out, &value))
FUZZ_AGAIN(audit_request, cm_audit_request_encode(out, &value))
FUZZ_AGAIN(epoch_statement, cm_epoch_statement_encode(out, &value))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_codec(again_access, data, size);
    fuzz_codec(again_audit_request, data, size);
    fuzz_codec(again_epoch_statement, data, size);
    return 0;
}
