// The small directory and the compile step that the rule fuzzers share.
#ifndef CM_TESTS_FUZZ_RULES_DOMAIN_H
#define CM_TESTS_FUZZ_RULES_DOMAIN_H

#include "acl/decide.h"

#include <stdlib.h>
#include <string.h>

#define FUZZ_NOW_MS INT64_C(1796126400000)

static const struct cm_agency fuzz_agencies[] = {
    {.id = "ca.milltown.pd", .kind = CM_KIND_LOCAL, .state = "CA", .active = true},
    {.id = "ca.northport.pd", .kind = CM_KIND_LOCAL, .state = "CA", .active = true},
    {.id = "ca.oldtown.pd", .kind = CM_KIND_LOCAL, .state = "CA", .active = false},
    {.id = "ca.southgate.pd", .kind = CM_KIND_SHERIFF, .state = "NV", .active = true},
    {.id = "us.customs", .kind = CM_KIND_FEDERAL, .state = "", .active = true},
};

static const struct cm_purpose fuzz_purposes[] = {
    {.id = "amber-alert"}, {.id = "homicide"}, {.id = "immigration-civil"},
    {.id = "kidnapping"},  {.id = "other"},    {.id = "vehicle-theft"},
    {.id = "warrant"},
};

static const struct cm_directory fuzz_directory = {
    .federation = "fuzz.test",
    .serial = 1,
    .agency_count = sizeof fuzz_agencies / sizeof *fuzz_agencies,
    .agencies = fuzz_agencies,
    .purpose_count = sizeof fuzz_purposes / sizeof *fuzz_purposes,
    .purposes = fuzz_purposes,
};

// The input's parts between NUL bytes are main.rules, a.rules and the pack us-ca.
static struct cm_rules *fuzz_compile(const uint8_t *data, size_t size, bool lint, bool retired_ok)
{
    static const char *const names[] = {"main.rules", "a.rules", "us-ca"};
    struct cm_rule_file files[3];
    size_t count = 0;
    for (; count < 3; count++) {
        const uint8_t *end = size == 0 ? NULL : memchr(data, 0, size);
        size_t len = end == NULL ? size : (size_t)(end - data);
        files[count] = (struct cm_rule_file){names[count], {data, len}};
        size_t used = end == NULL ? len : len + 1;
        data = size == 0 ? data : data + used;
        size -= used;
    }
    struct cm_rules_source source = {.main = names[0],
                                     .file_count = count,
                                     .files = files,
                                     .directory = &fuzz_directory,
                                     .now_ms = FUZZ_NOW_MS,
                                     .lint = lint,
                                     .retired_ok = retired_ok};
    struct cm_diagnostics diagnostics = {0};
    struct cm_buf printed = {0};
    struct cm_rules *rules;
    enum cm_status status = cm_rules_compile(&rules, &source, &diagnostics);
    bool broken = status == CM_OK
                      ? rules == NULL || diagnostics.errors > 0
                      : status != CM_INVALID || rules != NULL || diagnostics.errors == 0;
    if (broken || cm_diagnostics_print(&printed, &diagnostics) != CM_OK) {
        abort();
    }
    cm_buf_clear(&printed);
    cm_diagnostics_clear(&diagnostics);
    return rules;
}

#endif
