#include "valley.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct cm_agency agencies[] = {
    {.id = "ca.milltown.pd", .kind = CM_KIND_LOCAL, .state = "CA", .active = true},
    {.id = "ca.northport.pd", .kind = CM_KIND_LOCAL, .state = "CA", .active = true},
    {.id = "ca.oakvale.so", .kind = CM_KIND_SHERIFF, .state = "CA", .active = true},
    {.id = "ca.oldtown.pd", .kind = CM_KIND_LOCAL, .state = "CA", .active = false},
    {.id = "ca.southgate.pd", .kind = CM_KIND_LOCAL, .state = "CA", .active = true},
    {.id = "nv.dryfork.pd", .kind = CM_KIND_LOCAL, .state = "NV", .active = true},
    {.id = "us.customs", .kind = CM_KIND_FEDERAL, .state = "", .active = true},
};

static const struct cm_purpose purposes[] = {
    {.id = "amber-alert", .case_optional = true},
    {.id = "homicide"},
    {.id = "immigration-civil"},
    {.id = "immigration-criminal"},
    {.id = "kidnapping"},
    {.id = "other"},
    {.id = "vehicle-theft"},
    {.id = "warrant"},
};

const struct cm_directory valley = {
    .federation = "valley.test",
    .serial = 7,
    .agency_count = sizeof agencies / sizeof *agencies,
    .agencies = agencies,
    .purpose_count = sizeof purposes / sizeof *purposes,
    .purposes = purposes,
};

struct cm_rule_file file_of(const char *path, const char *text)
{
    return (struct cm_rule_file){.path = path, .text = cm_bytes_of(text)};
}

struct cm_rules *try_compile(struct cm_rules_source source, struct cm_diagnostics *diagnostics)
{
    struct cm_diagnostics own = {0};
    struct cm_rules *rules;
    source.main = source.main == NULL ? "main.rules" : source.main;
    source.directory = source.directory == NULL ? &valley : source.directory;
    source.now_ms = source.now_ms == 0 ? NOON_MS : source.now_ms;
    enum cm_status status =
        cm_rules_compile(&rules, &source, diagnostics == NULL ? &own : diagnostics);
    cr_assert(status == CM_OK || status == CM_INVALID);
    cr_assert((status == CM_OK) == (rules != NULL));
    cm_diagnostics_clear(&own);
    return rules;
}

struct cm_rules *compiled(const char *text)
{
    struct cm_rule_file file = file_of("main.rules", text);
    struct cm_diagnostics diagnostics = {0};
    struct cm_rules *rules =
        try_compile((struct cm_rules_source){.file_count = 1, .files = &file}, &diagnostics);
    if (rules == NULL) {
        struct cm_buf out = {0};
        cr_assert(cm_diagnostics_print(&out, &diagnostics) == CM_OK);
        cr_assert_fail("%.*s", (int)out.len, (const char *)out.data);
    }
    cm_diagnostics_clear(&diagnostics);
    return rules;
}

struct cm_request request_of(const char *agency)
{
    return (struct cm_request){.agency = agency,
                               .role = CM_ROLE_INVESTIGATOR,
                               .on_behalf_of = "",
                               .action = CM_ACTION_LOOKUP,
                               .purpose = "homicide",
                               .now_ms = NOON_MS,
                               .window = {NOON_MS - 30 * DAY_S * 1000, NOON_MS}};
}

cm_fields row_of(const struct cm_rules *rules, const struct cm_request *request, const char *camera,
                 int64_t age_s)
{
    struct cm_arena *arena = cm_arena_new(1 << 20);
    struct cm_view *view;
    cr_assert(cm_rules_view(&view, arena, rules, NULL, &valley, request, NULL, NULL, 0) == CM_OK);
    cm_fields fields = cm_view_row(view, camera, age_s);
    cm_arena_free(arena);
    return fields;
}
