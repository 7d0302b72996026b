#include "exported.h"

#include <criterion/criterion.h>

Test(export_cedar, files_with_errors_are_not_exported)
{
    struct cm_rule_file file = file_of("main.rules", "rules 1 node ca.northport.pd permit self");
    const struct cm_rules_source source = {
        .main = "main.rules", .file_count = 1, .files = &file, .directory = &valley};
    struct cm_cedar cedar;
    cr_assert_eq(cm_cedar_export(&cedar, &source, &valley), CM_INVALID);
    cr_assert_eq(cedar.policies.len + cedar.schema.len + cedar.entities.len, 0);
    file = file_of("main.rules", "rules 1 forbid anyone");
    cr_assert_eq(cm_cedar_export(&cedar, &source, &valley), CM_INVALID, "nobody's rules");
}

Test(export_cedar, quotes_end_no_string_early)
{
    struct cm_cedar cedar = exported("site s = \"a\\\"b\\\\\"\n"
                                     "forbid anyone at s note \"x\\\") permit\"",
                                     &valley);
    check_has(&cedar.policies, "@note(\"x\\\") permit\")\n");
    check_has(&cedar.entities, "\"id\":\"a\\\"b\\\\\"");
    cm_cedar_clear(&cedar);
}

Test(export_cedar, the_schema_knows_of_other_kinds_only_where_there_are_some)
{
    struct cm_agency agencies[16];
    struct cm_directory later = valley;
    cr_assert_leq(valley.agency_count, 16);
    for (size_t i = 0; i < valley.agency_count; i++) {
        agencies[i] = valley.agencies[i];
    }
    later.agencies = agencies;
    struct cm_cedar cedar = exported("forbid kind:state", &later);
    check_lacks(&cedar.schema, "signed?");
    cm_cedar_clear(&cedar);
    agencies[0].kind = CM_KIND_STATE;
    cedar = exported("forbid kind:state", &later);
    check_has(&cedar.schema, "signed?: { kind: String, state: String }");
    cm_cedar_clear(&cedar);
}
