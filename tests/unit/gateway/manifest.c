#include "gateway/manifest.h"

#include <criterion/criterion.h>

static const struct cm_agency agencies[] = {
    {.id = "ca.eastfield.pd"}, {.id = "ca.milltown.pd"},   {.id = "ca.northport.pd"},
    {.id = "ca.southgate.pd"}, {.id = "us.quietbureau.x"},
};

static struct cm_decision list[] = {
    {.agency = &agencies[0], .permitted = true, .reason = ""},
    {.agency = &agencies[1], .outcome = CM_OUTCOME_NOT_PERMITTED, .reason = ""},
    {.agency = &agencies[2], .permitted = true, .reason = ""},
    {.agency = &agencies[3], .outcome = CM_OUTCOME_NOT_PERMITTED, .reason = "no permit"},
    {.agency = &agencies[4], .outcome = CM_OUTCOME_NO_NODE, .named = true, .reason = ""},
};

static const struct cm_decisions decisions = {.count = 5, .list = list, .permitted = 2};
static struct cm_arena *arena;

static void setup(void)
{
    arena = cm_arena_new(1 << 16);
}

static void teardown(void)
{
    cm_arena_free(arena);
}

TestSuite(manifest, .init = setup, .fini = teardown);

Test(manifest, every_agency_is_counted_once_and_only_some_are_listed)
{
    struct cm_account asked[] = {
        {.agency = "ca.eastfield.pd", .outcome = CM_OUTCOME_ANSWERED, .rows = 7, .reason = ""},
        {.agency = "ca.northport.pd", .outcome = CM_OUTCOME_LATE, .rows = 2, .reason = ""},
    };
    struct cm_manifest manifest = {0};
    cr_assert_eq(cm_manifest_account(&manifest, arena, &decisions, asked, 2), CM_OK);
    cr_assert_eq(manifest.counts[CM_OUTCOME_ANSWERED], 1);
    cr_assert_eq(manifest.counts[CM_OUTCOME_LATE], 1);
    cr_assert_eq(manifest.counts[CM_OUTCOME_NOT_PERMITTED], 2);
    cr_assert_eq(manifest.counts[CM_OUTCOME_NO_NODE], 1);
    uint32_t sum = 0;
    for (int i = 0; i < CM_OUTCOME_COUNT; i++) {
        sum += manifest.counts[i];
    }
    cr_assert_eq(sum, 5);
    cr_assert_eq(manifest.rows, 9);
    const char *listed[] = {"ca.eastfield.pd", "ca.northport.pd", "ca.southgate.pd",
                            "us.quietbureau.x"};
    cr_assert_eq(manifest.account_count, 4);
    for (size_t i = 0; i < 4; i++) {
        cr_assert_str_eq(manifest.accounts[i].agency, listed[i]);
    }
    cr_assert_str_eq(manifest.accounts[2].reason, "no permit");
}

Test(manifest, an_agency_without_an_outcome_is_an_error)
{
    struct cm_account asked[] = {
        {.agency = "ca.eastfield.pd", .outcome = CM_OUTCOME_ANSWERED, .reason = ""},
        {.agency = "ca.northport.pd", .outcome = CM_OUTCOME_NONE, .reason = ""},
    };
    struct cm_manifest manifest = {0};
    cr_assert_eq(cm_manifest_account(&manifest, arena, &decisions, asked, 2), CM_INTERNAL);
    struct cm_manifest other = {0};
    cr_assert_eq(cm_manifest_account(&other, arena, &decisions, asked, 1), CM_INTERNAL);
}
