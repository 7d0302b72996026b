#include "gateway/client/summary.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct cm_window month = {1000000000000, 1000000000000 + 30LL * 86400000};

static void expect_with(size_t unaccounted, const struct cm_manifest *manifest, const char *line,
                        int code)
{
    struct cm_buf out = {0};
    cr_assert_eq(cm_summary(&out, manifest, &month, unaccounted), CM_OK);
    cr_expect(cm_bytes_equal(cm_buf_bytes(&out), cm_bytes_of(line)), "%.*s", (int)out.len,
              (const char *)out.data);
    cr_expect_eq(cm_summary_exit(manifest, unaccounted), code);
    cm_buf_clear(&out);
}

static void expect(const struct cm_manifest *manifest, const char *line, int code)
{
    expect_with(0, manifest, line, code);
}

static void count(struct cm_manifest *manifest)
{
    for (size_t i = 0; i < manifest->account_count; i++) {
        manifest->counts[manifest->accounts[i].outcome]++;
    }
}

Test(summary, tells_who_is_missing_and_what_was_withheld)
{
    int64_t week = month.to_ms - 7LL * 86400000;
    struct cm_account accounts[] = {
        {.agency = "a", .outcome = CM_OUTCOME_ANSWERED, .rows = 400, .visible_from_ms = week},
        {.agency = "b", .outcome = CM_OUTCOME_ANSWERED, .rows = 12, .visible_from_ms = week},
        {.agency = "c", .outcome = CM_OUTCOME_ANSWERED},
        {.agency = "d", .outcome = CM_OUTCOME_LATE},
        {.agency = "e", .outcome = CM_OUTCOME_OFFLINE},
    };
    struct cm_manifest manifest = {.account_count = 5, .accounts = accounts, .rows = 412};
    count(&manifest);
    manifest.counts[CM_OUTCOME_NOT_PERMITTED] = 9;
    expect(&manifest,
           "412 rows from 3 of 5 agencies asked; 1 late; 1 offline; 2 showed only 7 days of your "
           "30 days; 9 do not share this with you",
           CM_EXIT_INCOMPLETE);
}

Test(summary, is_short_when_all_is_well)
{
    struct cm_account accounts[] = {{.agency = "a", .outcome = CM_OUTCOME_ANSWERED, .rows = 1}};
    struct cm_manifest manifest = {.account_count = 1, .accounts = accounts, .rows = 1};
    count(&manifest);
    expect(&manifest, "1 row from 1 of 1 agency asked", 0);
    manifest.cut = true;
    expect(&manifest, "1 row from 1 of 1 agency asked; there are more rows than the limit", 0);
}

Test(summary, says_when_nobody_may_be_asked)
{
    struct cm_manifest manifest = {0};
    manifest.counts[CM_OUTCOME_NOT_PERMITTED] = 1;
    expect(&manifest, "nobody may be asked; 1 does not share this with you", CM_EXIT_NOBODY);
}

Test(summary, names_a_range_when_windows_differ)
{
    struct cm_account accounts[] = {
        {.agency = "a", .outcome = CM_OUTCOME_ANSWERED, .visible_from_ms = month.to_ms - 86400000},
        {.agency = "b",
         .outcome = CM_OUTCOME_ANSWERED,
         .visible_from_ms = month.to_ms - 7LL * 86400000},
    };
    struct cm_manifest manifest = {.account_count = 2, .accounts = accounts};
    count(&manifest);
    expect(&manifest,
           "0 rows from 2 of 2 agencies asked; 2 showed only 1 day to 7 days of your 30 days", 0);
}

Test(summary, says_how_many_rows_shown_it_does_not_cover)
{
    struct cm_account accounts[] = {{.agency = "a", .outcome = CM_OUTCOME_ANSWERED, .rows = 2}};
    struct cm_manifest manifest = {.account_count = 1, .accounts = accounts, .rows = 2};
    count(&manifest);
    expect_with(3, &manifest,
                "2 rows from 1 of 1 agency asked; 3 more rows shown are not in this account: they "
                "came before a gateway broke off",
                CM_EXIT_INCOMPLETE);
    struct cm_manifest nobody = {0};
    nobody.counts[CM_OUTCOME_NOT_PERMITTED] = 1;
    expect_with(1, &nobody,
                "nobody may be asked; 1 does not share this with you; 1 more row shown is not in "
                "this account: it came before a gateway broke off",
                CM_EXIT_INCOMPLETE);
}
