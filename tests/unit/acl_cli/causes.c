// Every way in which rules can come to show more than was signed is found, and named.
#include "acl/cli/causes.h"

#include "proto/base/arena.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

// 2026-12-01T12:00:00Z
#define NOON_MS INT64_C(1796126400000)

static const char main_text[] = "rules 1\n"
                                "node ca.northport.pd\n"
                                "include \"partners.rules\"\n"
                                "include \"us-zz\"\n"
                                "permit @valley to lookup for homicide back 30 days see place\n"
                                "permit kind:local state:CA to lookup for any back 7 days see "
                                "place\n";
static const char partners_text[] = "rules 1\ngroup valley = ca.southgate.pd\n";
static const char pack_text[] = "rules 1\nforbid kind:federal\nforbid not self beyond 30 days\n";

static const struct cm_digest keys[] = {{{1}}, {{2}}};

// What a test changes of the federation that the set was signed in.
static struct cm_agency agencies[6];
static struct cm_purpose purposes[3];
static const size_t agency_count = 5;

static void fill(struct cm_agency *out)
{
    static const struct cm_agency base[] = {
        {.id = "ca.milltown.pd", .kind = CM_KIND_CAMPUS, .state = "CA", .active = true},
        {.id = "ca.northport.pd", .kind = CM_KIND_LOCAL, .state = "CA", .active = true},
        {.id = "ca.oldtown.pd", .kind = CM_KIND_LOCAL, .state = "CA", .active = false},
        {.id = "ca.southgate.pd", .kind = CM_KIND_SHERIFF, .state = "CA", .active = true},
        {.id = "nv.dryfork.pd", .kind = CM_KIND_LOCAL, .state = "NV", .active = true},
    };
    for (size_t i = 0; i < agency_count; i++) {
        out[i] = base[i];
        out[i].name = "";
        out[i].case_pattern = "";
        out[i].ca_pin_count = 1;
        out[i].ca_pins = keys;
    }
}

static struct cm_agency agencies_then[5];
static const struct cm_purpose purposes_then[] = {{.id = "homicide"}, {.id = "other"}};
static const struct cm_directory then = {.federation = "valley.test",
                                         .serial = 1,
                                         .agency_count = 5,
                                         .agencies = agencies_then,
                                         .purpose_count = 2,
                                         .purposes = purposes_then};
static struct cm_directory now;
static struct cm_acl_files files;
static struct cm_causes causes;
static bool waits;

static struct cm_rule_file file_of(const char *path, const char *text)
{
    return (struct cm_rule_file){path, cm_bytes_of(text)};
}

static void setup(void)
{
    fill(agencies_then);
    fill(agencies);
    memcpy(purposes, purposes_then, sizeof purposes_then);
    now = then;
    now.serial = 2;
    now.agencies = agencies;
    now.purposes = purposes;
    files = (struct cm_acl_files){.main = "main.rules",
                                  .count = 3,
                                  .list = {file_of("main.rules", main_text),
                                           file_of("partners.rules", partners_text),
                                           file_of("us-zz", pack_text)}};
}

static struct cm_rules *compiled(const struct cm_rule_file *list, size_t count,
                                 const struct cm_directory *directory)
{
    struct cm_rules *rules;
    struct cm_diagnostics diagnostics = {0};
    const struct cm_rules_source source = {.main = "main.rules",
                                           .file_count = count,
                                           .files = list,
                                           .directory = directory,
                                           .retired_ok = true};
    cr_assert(cm_rules_compile(&rules, &source, &diagnostics) == CM_OK, "%s",
              diagnostics.count > 0 ? diagnostics.list[0].text : "");
    cm_diagnostics_clear(&diagnostics);
    return rules;
}

static void find(uint32_t language)
{
    struct cm_error error;
    const struct cm_diff *diff;
    const struct cm_rule_file signed_files[] = {file_of("main.rules", main_text),
                                                file_of("partners.rules", partners_text),
                                                file_of("us-zz", pack_text)};
    const struct cm_ruleset set = {
        .main = "main.rules", .language = language, .file_count = 3, .files = signed_files};
    struct cm_rules *signed_rules = compiled(signed_files, 3, &then);
    struct cm_rules *proposed = compiled(files.list, files.count, &now);
    const struct cm_side old = {signed_rules, NULL, &now};
    const struct cm_side new = {proposed, NULL, &now};
    struct cm_arena *arena = cm_arena_new(1 << 24);
    cr_assert(cm_diff_make(&diff, arena, &old, &new, NOON_MS, &error) == CM_OK);
    const struct cm_causes_source source = {
        .set = &set, .then = &then, .now = &now, .files = &files, .diff = diff, .now_ms = NOON_MS};
    cr_assert(cm_causes_find(&causes, &source, &error) == CM_OK);
    waits = cm_diff_waits(diff);
    cm_arena_free(arena);
    cm_rules_unref(signed_rules);
    cm_rules_unref(proposed);
}

static void expect_one(enum cm_cause_kind kind, const char *name, bool widens, const char *text)
{
    find(1);
    cr_assert_eq(causes.count, 1, "%zu causes, the first: %s", causes.count,
                 causes.count > 0 ? causes.list[0].text : "none");
    cr_expect_eq(causes.list[0].kind, kind);
    cr_expect_str_eq(causes.list[0].name, name);
    cr_expect_eq(causes.list[0].widens, widens);
    cr_expect_str_eq(causes.list[0].text, text);
    cr_expect_eq(waits, widens);
}

Test(causes, none_when_nothing_changed, .init = setup)
{
    find(1);
    cr_expect_eq(causes.count, 0);
    cr_expect_not(waits);
}

Test(causes, an_edited_file, .init = setup)
{
    char text[sizeof main_text + 80];
    snprintf(text, sizeof text, "%spermit nv.dryfork.pd to lookup for other back 1 day see place\n",
             main_text);
    files.list[0] = file_of("main.rules", text);
    expect_one(CM_CAUSE_FILE, "main.rules", true, "the file main.rules was edited");
}

Test(causes, an_edited_include, .init = setup)
{
    files.list[1] =
        file_of("partners.rules", "rules 1\ngroup valley = ca.southgate.pd, nv.dryfork.pd\n");
    expect_one(CM_CAUSE_FILE, "partners.rules", true, "the file partners.rules was edited");
}

Test(causes, an_edit_that_narrows_does_not_wait, .init = setup)
{
    files.list[1] = file_of("partners.rules", "rules 1\ngroup valley =\n");
    expect_one(CM_CAUSE_FILE, "partners.rules", false, "the file partners.rules was edited");
}

Test(causes, files_that_only_widen_together_are_all_named, .init = setup)
{
    char text[sizeof main_text + 80];
    snprintf(text, sizeof text, "%spermit @more to lookup for other back 1 day see place\n",
             main_text);
    files.list[0] = file_of("main.rules", text);
    files.list[1] = file_of("partners.rules", "rules 1\ngroup valley = ca.southgate.pd\n"
                                              "group more = nv.dryfork.pd\n");
    find(1);
    cr_assert_eq(causes.count, 2);
    cr_expect(causes.list[0].widens);
    cr_expect_str_eq(causes.list[0].text, "the file main.rules was edited");
    cr_expect_str_eq(causes.list[1].text, "the file partners.rules was edited");
    cr_expect(waits);
}

Test(causes, an_include_that_is_new_or_gone, .init = setup)
{
    files.list[files.count++] = file_of("more.rules", "rules 1\n");
    files.list[0] = file_of("main.rules", "rules 1\nnode ca.northport.pd\n"
                                          "include \"partners.rules\"\ninclude \"more.rules\"\n");
    files.list[2] = files.list[3];
    files.count = 3;
    find(1);
    cr_assert_eq(causes.count, 3);
    cr_expect_str_eq(causes.list[1].text, "the statute pack us-zz is no longer included");
    cr_expect_str_eq(causes.list[2].text, "the file more.rules is included now");
    cr_expect_not(waits);
}

Test(causes, a_newer_pack, .init = setup)
{
    files.list[2] = file_of("us-zz", "rules 1\nforbid kind:federal\nforbid not self beyond 60 "
                                     "days\nforbid not self for other\n");
    expect_one(CM_CAUSE_PACK, "us-zz", false,
               "the statute pack us-zz is another one than was "
               "signed");
    files.list[2] = file_of("us-zz", "rules 1\nforbid not self for other unless case\n"
                                     "forbid not self beyond 5 days see place\n");
    find(1);
    cr_assert_eq(causes.count, 1);
    cr_expect_not(causes.list[0].widens);
}

Test(causes, a_newer_pack_that_forbids_less, .init = setup)
{
    static const char wide[] = "permit kind:local state:NV to lookup for homicide back 90 days see "
                               "place\n";
    char text[sizeof main_text + sizeof wide];
    snprintf(text, sizeof text, "%s%s", main_text, wide);
    files.list[0] = file_of("main.rules", text);
    files.list[2] = file_of("us-zz", "rules 1\nforbid kind:federal\n");
    find(1);
    cr_assert_eq(causes.count, 2);
    cr_expect_str_eq(causes.list[1].text, "the statute pack us-zz is another one than was signed");
    cr_expect(waits);
}

Test(causes, a_new_member, .init = setup)
{
    agencies[5] = agencies[4];
    agencies[5].id = "nv.eastfork.pd";
    agencies[5].state = "CA";
    now.agency_count = 6;
    expect_one(CM_CAUSE_DIRECTORY, "nv.eastfork.pd", true, "the directory: nv.eastfork.pd is new");
}

Test(causes, a_member_that_is_active_again, .init = setup)
{
    agencies[2].active = true;
    expect_one(CM_CAUSE_DIRECTORY, "ca.oldtown.pd", true,
               "the directory: ca.oldtown.pd is active again");
}

Test(causes, another_kind, .init = setup)
{
    agencies[0].kind = CM_KIND_LOCAL;
    expect_one(CM_CAUSE_DIRECTORY, "ca.milltown.pd", true,
               "the directory: ca.milltown.pd is local, was campus");
}

Test(causes, another_state, .init = setup)
{
    agencies[4].state = "CA";
    expect_one(CM_CAUSE_DIRECTORY, "nv.dryfork.pd", true,
               "the directory: nv.dryfork.pd is of CA, was of NV");
}

Test(causes, another_ca_key, .init = setup)
{
    agencies[3].ca_pins = keys + 1;
    expect_one(CM_CAUSE_DIRECTORY, "ca.southgate.pd", true,
               "the directory: ca.southgate.pd has another CA key");
}

Test(causes, another_purpose, .init = setup)
{
    purposes[2] = (struct cm_purpose){.id = "theft"};
    now.purpose_count = 3;
    expect_one(CM_CAUSE_DIRECTORY, "theft", true, "the directory: the purpose theft is new");
}

Test(causes, what_the_directory_narrows_does_not_wait, .init = setup)
{
    agencies[4].kind = CM_KIND_FEDERAL;
    agencies[4].state = "";
    agencies[3].active = false;
    find(1);
    cr_expect_eq(causes.count, 0);
    cr_expect_not(waits);
}

Test(causes, another_language_of_the_program, .init = setup)
{
    find(0);
    cr_assert_eq(causes.count, 1);
    cr_expect_eq(causes.list[0].kind, CM_CAUSE_PROGRAM);
    cr_expect_str_eq(causes.list[0].text,
                     "this program writes rules 1, the set was signed as rules 0");
}
