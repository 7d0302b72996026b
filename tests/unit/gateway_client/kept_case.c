#include "gateway/client/kept_case.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/comity-kept-XXXXXX";
static char path[64];
static struct cm_error error;
static struct cm_asking asking;
static const struct cm_kept_case kept = {
    .requester = "spiffe://valley.test/ca.northport.pd/investigator/rivera",
    .case_number = "26-1234",
    .purpose = "homicide",
    .reason = "seen near the scene twice",
    .since_ms = 1000000,
};

static void set_up(void)
{
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/case.json", folder);
    cr_assert_eq(cm_kept_case_write(folder, &kept, &error), CM_OK, "%s", error.text);
}

static void tear_down(void)
{
    unlink(path);
    rmdir(folder);
}

TestSuite(kept_case, .init = set_up, .fini = tear_down);

static enum cm_status read_at(int64_t now_ms)
{
    struct cm_kept_case back;
    enum cm_status status = cm_kept_case_read(&back, folder, now_ms, &error);
    cr_expect(status != CM_OK || memcmp(&back, &kept, sizeof back) == 0);
    return status;
}

Test(kept_case, is_kept_for_its_time_and_then_gone)
{
    cr_expect_eq(read_at(1000000), CM_OK);
    cr_expect_eq(read_at(1000000 + CM_KEPT_CASE_MS - 1), CM_OK);
    cr_expect_eq(read_at(1000000 + CM_KEPT_CASE_MS), CM_STALE);
    cr_expect_neq(access(path, F_OK), 0);
    cr_expect_eq(read_at(1000000), CM_NOT_FOUND);
}

Test(kept_case, is_not_kept_longer_by_a_clock_that_went_back)
{
    cr_expect_eq(read_at(999999), CM_STALE);
}

Test(kept_case, is_its_owners_alone)
{
    struct stat facts;
    cr_assert_eq(stat(path, &facts), 0);
    cr_expect_eq(facts.st_mode & 0777, 0600);
    cr_assert_eq(chmod(path, 0640), 0);
    cr_expect_eq(read_at(1000000), CM_INVALID);
    cr_assert_eq(chmod(path, 0620), 0);
    cr_expect_eq(read_at(1000000), CM_INVALID);
}

Test(kept_case, is_no_file_of_another_form)
{
    FILE *file = fopen(path, "w");
    fputs("{\"case\": \"26-1234\"}", file);
    fclose(file);
    cr_expect_eq(read_at(1000000), CM_INVALID);
    cr_expect_eq(cm_kept_case_end(folder, &error), CM_OK);
    cr_expect_eq(cm_kept_case_end(folder, &error), CM_NOT_FOUND);
}

static void given(const char *number, const char *purpose, const char *reason)
{
    asking = (struct cm_asking){.is_reach = false};
    snprintf(asking.case_number, sizeof asking.case_number, "%s", number);
    snprintf(asking.purpose, sizeof asking.purpose, "%s", purpose);
    snprintf(asking.reason, sizeof asking.reason, "%s", reason);
}

Test(kept_case, fills_in_what_is_not_said)
{
    given("", "", "");
    cr_expect(cm_kept_case_apply(&asking, &kept, kept.requester));
    cr_expect_str_eq(asking.case_number, "26-1234");
    cr_expect_str_eq(asking.purpose, "homicide");
    cr_expect_str_eq(asking.reason, "seen near the scene twice");
    given("26-1234", "kidnapping", "");
    cr_expect(cm_kept_case_apply(&asking, &kept, kept.requester));
    cr_expect_str_eq(asking.purpose, "kidnapping", "what is said goes first");
    cr_expect_str_eq(asking.reason, "seen near the scene twice");
}

Test(kept_case, is_left_out_for_another_case_or_person)
{
    given("26-1235", "", "");
    cr_expect_not(cm_kept_case_apply(&asking, &kept, kept.requester));
    cr_expect_str_eq(asking.purpose, "");
    given("", "", "");
    cr_expect_not(cm_kept_case_apply(&asking, &kept,
                                     "spiffe://valley.test/ca.northport.pd/investigator/diaz"));
    cr_expect_str_eq(asking.case_number, "");
    given("26-1234", "homicide", "all is said here already");
    cr_expect_not(cm_kept_case_apply(&asking, &kept, kept.requester), "nothing was taken of it");
}
