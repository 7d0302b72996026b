// The pack of the node's own state is missed where it would take something, and only there.
#include "acl/cli/state_pack.h"

#include "proto/base/file.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/comity-packs-XXXXXX";
static struct cm_judged judged;

static void write_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    cr_assert(cm_file_write(path, cm_bytes_of(text), 0600, NULL) == CM_OK);
}

static void remove_file(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
}

static void setup(void)
{
    cr_assert_not_null(mkdtemp(folder));
    write_file("directory.json", "{\"federation\":\"valley.test\",\"agencies\":["
                                 "{\"id\":\"ca.northport.pd\",\"kind\":\"local\",\"state\":\"CA\"},"
                                 "{\"id\":\"ca.southgate.pd\",\"kind\":\"local\",\"state\":\"CA\"},"
                                 "{\"id\":\"nv.dryfork.pd\",\"kind\":\"local\",\"state\":\"NV\"},"
                                 "{\"id\":\"us.customs\",\"kind\":\"federal\"}]}");
    write_file("us-ca.rules", "rules 1\nforbid not state:CA\n");
}

static void teardown(void)
{
    cm_judged_clear(&judged);
    remove_file("directory.json");
    remove_file("us-ca.rules");
    remove_file("main.rules");
    rmdir(folder);
}

// Diagnostics that speak of the pack; the first of them in text.
static size_t lint(const char *node, const char *rules_text, char text[256])
{
    char path[128];
    char directory[128];
    char whole[1024];
    struct cm_error error;
    snprintf(whole, sizeof whole, "rules 1\nnode %s\n%s", node, rules_text);
    write_file("main.rules", whole);
    snprintf(path, sizeof path, "%s/main.rules", folder);
    snprintf(directory, sizeof directory, "%s/directory.json", folder);
    cr_assert(cm_judged_load(&judged, path, directory, folder, &error) == CM_OK, "%s", error.text);
    cr_assert_not_null(judged.rules);
    cr_assert(cm_state_pack_lint(&judged, folder, &error) == CM_OK, "%s", error.text);
    size_t count = 0;
    text[0] = '\0';
    for (size_t i = 0; i < judged.diagnostics.count; i++) {
        if (strstr(judged.diagnostics.list[i].text, "the statute pack us-ca forbids") != NULL) {
            cr_expect_eq(judged.diagnostics.list[i].line, 2);
            if (count++ == 0) {
                snprintf(text, 256, "%s", judged.diagnostics.list[i].text);
            }
        }
    }
    return count;
}

#define PERMIT(who) "permit " who " to lookup for homicide back 1 day see place until 2099-01-01\n"

Test(state_pack, says_from_how_many_it_would_take, .init = setup, .fini = teardown)
{
    char text[256];
    cr_assert_eq(
        lint("ca.northport.pd", PERMIT("us.customs, nv.dryfork.pd, ca.southgate.pd"), text), 1);
    cr_expect_str_eq(text, "the statute pack us-ca forbids what 2 other agencies see here: "
                           "nv.dryfork.pd, ...");
}

Test(state_pack, is_silent_when_it_would_take_nothing, .init = setup, .fini = teardown)
{
    char text[256];
    cr_expect_eq(lint("ca.northport.pd", PERMIT("ca.southgate.pd"), text), 0);
}

Test(state_pack, is_silent_when_it_is_included, .init = setup, .fini = teardown)
{
    char text[256];
    cr_expect_eq(lint("ca.northport.pd", "include \"us-ca\"\n" PERMIT("us.customs"), text), 0);
}

Test(state_pack, is_silent_in_a_state_without_one, .init = setup, .fini = teardown)
{
    char text[256];
    cr_expect_eq(lint("nv.dryfork.pd", PERMIT("us.customs"), text), 0);
    cm_judged_clear(&judged);
    cr_expect_eq(lint("us.customs", PERMIT("nv.dryfork.pd"), text), 0);
}
