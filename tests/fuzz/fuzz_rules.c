// Rule text: whatever it is, it compiles or its errors print; lint included.
#include "rules_domain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cm_rules_unref(fuzz_compile(data, size, true, false));
    return 0;
}
