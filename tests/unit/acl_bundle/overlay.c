#include "acl/bundle/overlay.h"

#include <criterion/criterion.h>

#define OWNER "ca.northport.pd"

static const char *const packs[] = {"us-ca"};
static const struct cm_agency owner = {.id = OWNER,
                                       .name = OWNER,
                                       .kind = CM_KIND_LOCAL,
                                       .state = "CA",
                                       .active = true,
                                       .case_pattern = "",
                                       .required_pack_count = 1,
                                       .required_packs = packs};
static const struct cm_directory directory = {
    .federation = "valley.example", .agency_count = 1, .agencies = &owner};

static enum cm_status compile(const char *text)
{
    struct cm_rules *rules = NULL;
    const struct cm_rule_file file = {"edits.rules", cm_bytes_of(text)};
    const enum cm_status status = cm_overlay_compile(&rules, OWNER, 1, &file, &directory, NULL);
    cm_rules_unref(rules);
    return status;
}

Test(overlay, needs_no_pack_that_the_directory_requires_of_a_set)
{
    cr_expect_eq(compile("rules 1\nforbid not self\n"), CM_OK);
    cr_expect_eq(compile("rules 1\n"), CM_OK);
}

Test(overlay, a_name_that_left_the_directory_covers_nothing)
{
    cr_expect_eq(compile("rules 1\nforbid ca.nowhere.pd\n"), CM_OK);
}

Test(overlay, holds_forbids_alone)
{
    cr_expect_eq(compile("rules 1\npermit anyone to any for any back all see all\n"), CM_INVALID);
    cr_expect_eq(compile("rules 1\ndisclose denial\n"), CM_INVALID);
    cr_expect_eq(compile("forbid not self\n"), CM_INVALID, "each file names its language");
}
