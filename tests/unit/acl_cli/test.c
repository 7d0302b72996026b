#include "acl/cli/test.h"

#include "proto/base/file.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/comity-test-XXXXXX";

static const char *path_of(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof *paths, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    cr_assert(cm_file_write(path_of(name), cm_bytes_of(text), 0600, NULL) == CM_OK);
}

static void make(void)
{
    cr_assert_not_null(mkdtemp(folder));
    write_file(
        "directory.json",
        "{\"federation\": \"valley.test\", \"agencies\": [{\"id\": \"ca.northport.pd\", "
        "\"name\": \"Northport\", \"kind\": \"local\", \"state\": \"CA\", \"active\": true}], "
        "\"purposes\": [{\"id\": \"homicide\"}]}");
    write_file("valley.rules", "rules 1 node ca.northport.pd\n"
                               "permit self to any for any back 30 days see place\n");
}

static void clear(void)
{
    static const char *const names[] = {"directory.json", "valley.rules", "valley.acltest",
                                        "other.acltest"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        unlink(path_of(names[i]));
    }
    rmdir(folder);
}

static int run(const char *file, const char *rules)
{
    char *argv[] = {"comity acl test",
                    (char *)path_of(file),
                    "--directory",
                    (char *)path_of("directory.json"),
                    "--rules",
                    (char *)(rules == NULL ? NULL : path_of(rules)),
                    NULL};
    if (rules == NULL) {
        argv[4] = NULL;
    }
    return cm_acl_test(rules == NULL ? 4 : 6, argv);
}

#define ASK "expect ca.northport.pd role:investigator to lookup for homicide age 30 days "

Test(test, the_rules_beside_are_held_against_it)
{
    make();
    write_file("valley.acltest", ASK "sees place\n");
    cr_expect_eq(run("valley.acltest", NULL), 0);
    write_file("valley.acltest", ASK "sees plate\n");
    cr_expect_eq(run("valley.acltest", NULL), 1);
    write_file("valley.acltest", "expect nobody denied\n");
    cr_expect_eq(run("valley.acltest", NULL), 1);
    clear();
}

Test(test, other_rules_can_be_named_and_must_be_there)
{
    make();
    write_file("other.acltest", ASK "sees place\n");
    cr_expect_eq(run("other.acltest", NULL), 1);
    cr_expect_eq(run("other.acltest", "valley.rules"), 0);
    clear();
}

Test(test, rules_with_errors_hold_nothing)
{
    make();
    write_file("valley.acltest", ASK "sees place\n");
    write_file("valley.rules", "rules 1 node ca.northport.pd permit self");
    cr_expect_eq(run("valley.acltest", NULL), 1);
    clear();
}

static bool held_beside(void)
{
    struct cm_judged judged;
    struct cm_error error;
    bool held = false;
    cr_assert(cm_judged_load(&judged, path_of("valley.rules"), path_of("directory.json"), folder,
                             &error) == CM_OK);
    cr_assert(cm_acl_test_beside(&held, path_of("valley.rules"), &judged, &error) == CM_OK);
    cm_judged_clear(&judged);
    return held;
}

Test(test, what_is_signed_must_hold_what_lies_beside_it)
{
    make();
    cr_expect(held_beside(), "there is none");
    write_file("valley.acltest", ASK "sees place\n");
    cr_expect(held_beside());
    write_file("valley.acltest", ASK "denied\n");
    cr_expect_not(held_beside());
    write_file("valley.acltest", "expect\n");
    cr_expect_not(held_beside());
    clear();
}
