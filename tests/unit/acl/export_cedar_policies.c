#include "exported.h"

#include <criterion/criterion.h>
#include <string.h>

static size_t count_of(const struct cm_buf *buf, const char *text)
{
    size_t count = 0;
    const uint8_t *at = buf->data;
    const uint8_t *end = buf->data + buf->len;
    while ((at = memmem(at, (size_t)(end - at), text, strlen(text))) != NULL) {
        at += strlen(text);
        count++;
    }
    return count;
}

Test(export_cedar_policies, a_forbid_spares_the_own_agency_unless_it_says_so)
{
    static const char own[] = "unless { principal == Agency::\"ca.northport.pd\" }";
    struct cm_cedar cedar = exported("forbid ca.northport.pd, ca.milltown.pd", &valley);
    check_has(&cedar.policies, own);
    cm_cedar_clear(&cedar);
    cedar = exported("forbid anyone for homicide", &valley);
    check_lacks(&cedar.policies, own);
    cm_cedar_clear(&cedar);
    cedar = exported("permit ca.milltown.pd to any for any back all see all", &valley);
    check_lacks(&cedar.policies, own);
    cm_cedar_clear(&cedar);
}

Test(export_cedar_policies, any_is_spelt_out_in_a_permit_and_left_open_in_a_forbid)
{
    struct cm_cedar cedar = exported("permit self to any for any back all see all", &valley);
    check_has(&cedar.policies, "Action::\"image\", Action::\"watch\"], resource)");
    check_has(&cedar.policies, "\"confidence\", \"image\"].contains(context.field)");
    check_lacks(&cedar.policies, "age_s");
    cm_cedar_clear(&cedar);
    cedar = exported("forbid anyone to any for any see all", &valley);
    check_lacks(&cedar.policies, "action in");
    check_has(&cedar.policies, "unless { context.field == \"row\" }");
    cm_cedar_clear(&cedar);
}

Test(export_cedar_policies, a_purpose_that_the_directory_lost_permits_nothing_and_still_forbids)
{
    struct cm_cedar cedar = exported("permit self to any for gone back all see all", &valley);
    check_has(&cedar.policies, "when { false }");
    cm_cedar_clear(&cedar);
    cedar = exported("permit self to any for gone, warrant back all see all", &valley);
    check_has(&cedar.policies, "when { [\"warrant\"].contains(context.purpose) }");
    cm_cedar_clear(&cedar);
    cedar = exported("forbid anyone for gone", &valley);
    check_has(&cedar.policies, "when { [\"gone\"].contains(context.purpose) }");
    cm_cedar_clear(&cedar);
}

Test(export_cedar_policies, groups_and_ids_stand_apart)
{
    struct cm_cedar cedar = exported("group g = us.customs\n"
                                     "forbid @g, ca.milltown.pd, ca.oldtown.pd",
                                     &valley);
    check_has(&cedar.policies,
              "when { principal in [Group::\"g\"] || "
              "principal in [Agency::\"ca.milltown.pd\", Agency::\"ca.oldtown.pd\"] }");
    cm_cedar_clear(&cedar);
}

Test(export_cedar_policies, where_kinds_moved_a_permit_asks_both_directories_and_a_forbid_either)
{
    struct cm_agency agencies[16];
    struct cm_directory later = valley;
    for (size_t i = 0; i < valley.agency_count; i++) {
        agencies[i] = valley.agencies[i];
    }
    agencies[0].state = "NV";
    later.agencies = agencies;
    struct cm_cedar cedar =
        exported("permit state:CA to any for any back all see all\nforbid kind:local", &later);
    cr_assert_eq(count_of(&cedar.policies, "permit ("), 1);
    check_has(&cedar.policies, "when { [\"CA\"].contains(principal.state) }\n"
                               "when { principal has signed }\n"
                               "when { [\"CA\"].contains(principal.signed.state) }\n");
    cr_assert_eq(count_of(&cedar.policies, "forbid ("), 4, "two of them the directory's");
    cm_cedar_clear(&cedar);
}
