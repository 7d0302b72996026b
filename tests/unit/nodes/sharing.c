#include "nodes/sharing.h"

#include "proto/base/file.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct cm_buf text;

static void tear_down(void)
{
    cm_buf_clear(&text);
}

TestSuite(sharing, .fini = tear_down);

static enum cm_status off(const char *with, const char *until)
{
    struct cm_buf next = {0};
    const enum cm_status status = cm_sharing_off(&next, cm_buf_bytes(&text), with, until, NULL);
    if (status) {
        cm_buf_clear(&next);
    } else {
        cm_buf_clear(&text);
        text = next;
    }
    return status;
}

static enum cm_status on(const char *with)
{
    struct cm_buf next = {0};
    const enum cm_status status = cm_sharing_on(&next, cm_buf_bytes(&text), with, NULL);
    if (status) {
        cm_buf_clear(&next);
    } else {
        cm_buf_clear(&text);
        text = next;
    }
    return status;
}

static void expect_entry(size_t index, const char *with, const char *until)
{
    char who[CM_SHARING_LINE], end[CM_SHARING_LINE];
    const bool found = cm_sharing_entry(who, end, cm_buf_bytes(&text), index);
    cr_assert_eq(found, with != NULL, "entry %zu", index);
    if (with) {
        cr_expect_str_eq(who, with);
        cr_expect_str_eq(end, until);
    }
}

Test(sharing, goes_off_and_on_line_by_line)
{
    cr_assert_eq(off("kind:federal", "2031-01-01"), CM_OK);
    cr_assert_eq(off("", ""), CM_OK);
    cr_assert_eq(off("ca.southgate.pd", ""), CM_OK);
    expect_entry(0, "kind:federal", "2031-01-01");
    expect_entry(1, "everyone", "");
    expect_entry(2, "ca.southgate.pd", "");
    expect_entry(3, NULL, NULL);
    cr_assert_eq(on("kind:federal"), CM_OK);
    expect_entry(0, "everyone", "");
    cr_expect_eq(on("kind:federal"), CM_NOT_FOUND);
    cr_expect_eq(on("ca.southgate"), CM_NOT_FOUND, "the beginning of an entry is none");
    cr_assert_eq(on(""), CM_OK, "all that is off");
    expect_entry(0, NULL, NULL);
    cr_expect_eq(on(""), CM_NOT_FOUND);
}

Test(sharing, a_second_off_replaces_the_first)
{
    cr_assert_eq(off("ca.southgate.pd", ""), CM_OK);
    cr_assert_eq(off("ca.southgate.pd", "2031-01-01"), CM_OK);
    expect_entry(0, "ca.southgate.pd", "2031-01-01");
    expect_entry(1, NULL, NULL);
}

Test(sharing, takes_nothing_that_could_be_more_than_a_name)
{
    static const char *const bad[] = {"southgate",          "kind:",    "@",
                                      "ca.a.pd see place",  "not self", "ca.a.pd\npermit anyone",
                                      "kind:federal,local", "role:x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect_eq(off(bad[i], ""), CM_INVALID, "%s", bad[i]);
    }
    cr_expect_eq(off("ca.a.pd", "2031-13-01"), CM_INVALID);
    cr_expect_eq(off("ca.a.pd", "tomorrow"), CM_INVALID);
}

Test(sharing, a_group_travels_with_its_members)
{
    const struct cm_rule_file file = {
        "main.rules", cm_bytes_of("rules 1\nnode ca.a.pd\ngroup valley = ca.b.pd, @hills\n"
                                  "group hills = ca.c.pd\ngroup sea = ca.d.pd\n")};
    const struct cm_ruleset set = {.main = "main.rules", .file_count = 1, .files = &file};
    struct cm_buf out = {0};
    struct cm_error error = {.text = ""};
    cr_assert_eq(off("@valley", ""), CM_OK);
    cr_assert_eq(cm_sharing_compose(&out, cm_buf_bytes(&text), &set, &error), CM_OK, "%s",
                 error.text);
    cr_assert_eq(cm_buf_add(&out, "", 1), CM_OK);
    cr_expect_str_eq((char *)out.data, "rules 1\ngroup off-valley = ca.b.pd, @off-hills\n"
                                       "group off-hills = ca.c.pd\nforbid @off-valley\n");
    out.len = 0;
    cr_assert_eq(off("@vally", ""), CM_OK);
    cr_expect_eq(cm_sharing_compose(&out, cm_buf_bytes(&text), &set, &error), CM_INVALID);
    cr_expect_not_null(strstr(error.text, "@vally"), "%s", error.text);
    cm_buf_clear(&out);
}

Test(sharing, a_missing_file_is_told_from_an_empty_one)
{
    char folder[] = "/tmp/comity-sharing-XXXXXX", path[64];
    struct cm_buf out = {0};
    cr_assert_not_null(mkdtemp(folder));
    cr_expect_eq(cm_sharing_read(&out, folder, NULL), CM_NOT_FOUND);
    cr_assert_eq(off("", ""), CM_OK);
    cr_assert_eq(cm_sharing_write(folder, cm_buf_bytes(&text), NULL), CM_OK);
    cr_assert_eq(cm_sharing_read(&out, folder, NULL), CM_OK);
    cr_expect_gt(out.len, 0);
    out.len = 0;
    cr_assert_eq(on(""), CM_OK);
    cr_assert_eq(cm_sharing_write(folder, cm_buf_bytes(&text), NULL), CM_OK);
    cr_assert_eq(cm_sharing_read(&out, folder, NULL), CM_OK);
    cr_expect_eq(out.len, 0);
    cm_buf_clear(&out);
    snprintf(path, sizeof path, "%s/" CM_SHARING_FILE, folder);
    unlink(path);
    rmdir(folder);
}
