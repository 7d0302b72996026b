// Expectations: whatever the text, it runs or its errors print.
#include "acl/expect.h"

#include "rules_domain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] = "rules 1 node ca.northport.pd site harbour = cam-07, \"cam 08\"\n"
                               "permit self to any for any back all see all\n"
                               "permit ca.southgate.pd to lookup for homicide back 30 days "
                               "see place, camera require case until 2027-01-01\n"
                               "forbid not self at harbour forbid kind:federal unless court-order";
    static struct cm_rules *rules;
    if (rules == NULL) {
        rules = fuzz_compile((const uint8_t *)text, sizeof text - 1, false, false);
    }
    struct cm_rule_file file = {.path = "main.acltest", .text = {data, size}};
    struct cm_diagnostics errors = {0};
    struct cm_diagnostics failures = {0};
    struct cm_buf printed = {0};
    size_t count;
    enum cm_status status =
        cm_expect_run(&count, &file, rules, &fuzz_directory, FUZZ_NOW_MS, &errors, &failures);
    bool broken = status == CM_OK ? errors.errors > 0 || failures.errors > count
                                  : status != CM_INVALID || errors.errors == 0;
    if (broken || cm_diagnostics_print(&printed, &errors) != CM_OK ||
        cm_diagnostics_print(&printed, &failures) != CM_OK) {
        abort();
    }
    cm_buf_clear(&printed);
    cm_diagnostics_clear(&errors);
    cm_diagnostics_clear(&failures);
    return 0;
}
