#include "nodes/edits.h"

#include "acl/bundle/overlay.h"
#include "acl/decide.h"
#include "proto/base/file.h"
#include "tests/support/pki.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

#define OWNER "ca.northport.pd"
#define ASKER "ca.southgate.pd"
#define OTHER "ca.milltown.pd"

// Every way to widen that ACL.md names, each against a set that was signed under the federation as
// it stood at first: it waits, and nobody sees more.

static struct pki *pki;
static struct cm_trust *then, *now;
static char file[PKI_PATH + 32];
static struct cm_standing standing;
static struct cm_edits edits;
static struct cm_buf withheld;

static const char set_text[] =
    "rules 1\nnode " OWNER "\ninclude \"us-zz\"\ninclude \"more.rules\"\n"
    "permit @valley kind:local state:CA to any for any\n"
    "    back 30 days see place, camera until 2040-01-01\n";
static const char more_text[] =
    "rules 1\ngroup valley = " ASKER ", " OTHER "\nforbid " OTHER " see camera\n";
static const char pack_text[] = "rules 1\nforbid anyone beyond 10 days\n";

static void put(const char *name, const char *text)
{
    char path[PKI_PATH + 64];
    snprintf(path, sizeof path, "%s/%s", pki->dir, name);
    cr_assert_eq(cm_file_write(path, cm_bytes_of(text), 0600, NULL), CM_OK);
}

static struct cm_rules *compile(const struct cm_directory *directory)
{
    struct cm_rules *rules = NULL;
    struct cm_diagnostics found = {0};
    const struct cm_rule_file files[] = {{"main.rules", cm_bytes_of(set_text)},
                                         {"more.rules", cm_bytes_of(more_text)},
                                         {"us-zz", cm_bytes_of(pack_text)}};
    const struct cm_rules_source source = {.main = "main.rules",
                                           .file_count = 3,
                                           .files = files,
                                           .directory = directory,
                                           .retired_ok = true};
    const enum cm_status status = cm_rules_compile(&rules, &source, &found);
    cr_assert_eq(status, CM_OK, "%s", found.count ? found.list[0].text : "");
    cm_diagnostics_clear(&found);
    return rules;
}

static void set_up(void)
{
    pki = pki_new();
    pki_agency(pki, OWNER);
    pki_agency(pki, ASKER);
    pki_agency(pki, OTHER);
    pki_agency(pki, "us.customs")->kind = CM_KIND_FEDERAL;
    pki_find_agency(pki, "us.customs")->state = "";
    then = pki_trust(pki);
    now = cm_trust_ref(then);
    put("main.rules", set_text);
    put("more.rules", more_text);
    put("us-zz.rules", pack_text);
    snprintf(file, sizeof file, "%s/main.rules", pki->dir);
    standing = (struct cm_standing){.sequence = 1, .rules = compile(cm_trust_directory(then))};
}

static void tear_down(void)
{
    char command[PKI_PATH + 32];
    snprintf(command, sizeof command, "rm -f '%s'/*.rules", pki->dir);
    cr_expect_eq(system(command), 0);
    cm_edits_clear(&edits);
    cm_buf_clear(&withheld);
    cm_rules_unref(standing.rules);
    cm_trust_unref(now);
    cm_trust_unref(then);
    pki_free(pki);
}

TestSuite(edits, .init = set_up, .fini = tear_down);

static void next_directory(void)
{
    cm_trust_unref(now);
    now = pki_trust(pki);
}

static enum cm_edits_state judge(void)
{
    const struct cm_edits_source source = {.file = file,
                                           .packs = pki->dir,
                                           .agency = OWNER,
                                           .standing = standing.rules ? &standing : NULL,
                                           .directory = cm_trust_directory(now),
                                           .withheld = cm_buf_bytes(&withheld),
                                           .now_ms = pki->now_ms};
    cm_edits_clear(&edits);
    cm_edits_judge(&edits, &source);
    return edits.state;
}

// Days back that agency sees of some row with field by the signed set under what edits withhold;
// -1: nothing.
static int64_t sees(const char *agency, enum cm_field field)
{
    struct cm_rules *overlay = NULL;
    struct cm_view *view = NULL;
    struct cm_arena *arena = cm_arena_new(16 * 1024 * 1024);
    const struct cm_rule_file text = {"edits.rules", cm_buf_bytes(&edits.narrowed)};
    const struct cm_request request = {.agency = agency,
                                       .role = CM_ROLE_INVESTIGATOR,
                                       .on_behalf_of = "",
                                       .action = CM_ACTION_LOOKUP,
                                       .purpose = "homicide",
                                       .now_ms = pki->now_ms,
                                       .window = {0, pki->now_ms},
                                       .fields = 0};
    int64_t days = -1;
    if (edits.narrowed.len > 0) {
        cr_assert_eq(cm_overlay_compile(&overlay, OWNER, 1, &text, cm_trust_directory(now), NULL),
                     CM_OK);
    }
    cr_assert_eq(cm_rules_view(&view, arena, standing.rules, overlay, cm_trust_directory(now),
                               &request, NULL, NULL, 0),
                 CM_OK);
    for (int64_t day = 0; day <= 40; day++) {
        if (cm_view_row(view, "", day * 24 * 3600) & (1u << field)) {
            days = day;
        }
    }
    cm_rules_unref(overlay);
    cm_arena_free(arena);
    return days;
}

Test(edits, what_was_signed_counts)
{
    cr_assert_eq(judge(), CM_EDITS_COUNT, "%s", edits.text);
    cr_expect_eq(edits.narrowed.len, 0);
    cr_expect_eq(sees(ASKER, CM_FIELD_CAMERA), 10);
    cr_expect_eq(sees(OTHER, CM_FIELD_CAMERA), -1);
}

Test(edits, an_edit_that_takes_away_is_withheld_at_once)
{
    put("more.rules", "rules 1\ngroup valley = " OTHER "\nforbid " OTHER " see camera\n");
    cr_assert_eq(judge(), CM_EDITS_COUNT, "%s", edits.text);
    cr_expect_eq(sees(ASKER, CM_FIELD_PLACE), -1);
    cr_expect_eq(sees(OTHER, CM_FIELD_PLACE), 10);
}

Test(edits, an_edit_that_gives_waits)
{
    put("main.rules", "rules 1\nnode " OWNER "\ninclude \"us-zz\"\ninclude \"more.rules\"\n"
                      "permit anyone to any for any back all see all until 2040-01-01\n");
    cr_assert_eq(judge(), CM_EDITS_WAIT);
    cr_expect_not_null(strstr(edits.text, "us.customs"), "%s", edits.text);
    cr_expect_eq(sees("us.customs", CM_FIELD_PLACE), -1);
    cr_expect_eq(sees(ASKER, CM_FIELD_PLACE), 10);
}

Test(edits, one_that_takes_and_gives_takes_at_once_and_gives_nothing)
{
    put("main.rules", "rules 1\nnode " OWNER "\ninclude \"us-zz\"\ninclude \"more.rules\"\n"
                      "permit us.customs to any for any back 5 days see place until 2040-01-01\n");
    cr_assert_eq(judge(), CM_EDITS_WAIT);
    cr_expect_eq(sees("us.customs", CM_FIELD_PLACE), -1);
    cr_expect_eq(sees(ASKER, CM_FIELD_PLACE), -1);
}

Test(edits, what_was_taken_away_waits_also_when_the_edit_is_undone)
{
    put("more.rules", "rules 1\ngroup valley = " OTHER "\nforbid " OTHER " see camera\n");
    cr_assert_eq(judge(), CM_EDITS_COUNT);
    cr_assert_eq(cm_buf_add(&withheld, edits.narrowed.data, edits.narrowed.len), CM_OK);
    put("more.rules", more_text);
    cr_assert_eq(judge(), CM_EDITS_WAIT);
    cr_expect_not_null(strstr(edits.text, ASKER), "%s", edits.text);
    cr_expect_eq(sees(ASKER, CM_FIELD_PLACE), -1);
}

Test(edits, an_include_that_gives_waits)
{
    put("more.rules", "rules 1\ngroup valley = " ASKER ", " OTHER "\n");
    cr_assert_eq(judge(), CM_EDITS_WAIT);
    cr_expect_eq(sees(OTHER, CM_FIELD_CAMERA), -1);
}

Test(edits, a_newer_pack_that_gives_waits)
{
    put("us-zz.rules", "rules 1\nforbid anyone beyond 20 days\n");
    cr_assert_eq(judge(), CM_EDITS_WAIT);
    cr_expect_eq(sees(ASKER, CM_FIELD_PLACE), 10);
}

Test(edits, a_newer_pack_that_takes_away_counts_at_once)
{
    put("us-zz.rules", "rules 1\nforbid anyone beyond 2 days\n");
    cr_assert_eq(judge(), CM_EDITS_COUNT, "%s", edits.text);
    cr_expect_eq(sees(ASKER, CM_FIELD_PLACE), 2);
}

Test(edits, a_new_member_of_the_directory_waits)
{
    put("main.rules", "rules 1\nnode " OWNER "\ninclude \"us-zz\"\ninclude \"more.rules\"\n"
                      "permit kind:local state:CA to any for any\n"
                      "    back 30 days see place, camera until 2040-01-01\n");
    pki_next(pki);
    pki_agency(pki, "ca.newtown.pd");
    next_directory();
    cr_assert_eq(judge(), CM_EDITS_WAIT);
    cr_expect_not_null(strstr(edits.text, "ca.newtown.pd"), "%s", edits.text);
    cr_expect_eq(sees("ca.newtown.pd", CM_FIELD_PLACE), -1);
}

// Signed while the agency was what the rules don't name.
static void was(enum cm_kind kind, const char *state)
{
    pki_next(pki);
    pki_find_agency(pki, ASKER)->kind = kind;
    pki_find_agency(pki, ASKER)->state = state;
    next_directory();
    cm_rules_unref(standing.rules);
    standing.rules = compile(cm_trust_directory(now));
    cr_expect_eq(sees(ASKER, CM_FIELD_PLACE), -1);
    pki_next(pki);
    pki_find_agency(pki, ASKER)->kind = CM_KIND_LOCAL;
    pki_find_agency(pki, ASKER)->state = "CA";
    next_directory();
}

Test(edits, another_kind_in_the_directory_waits)
{
    was(CM_KIND_FEDERAL, "CA");
    cr_assert_eq(judge(), CM_EDITS_WAIT);
    cr_expect_eq(sees(ASKER, CM_FIELD_PLACE), -1);
}

Test(edits, another_state_in_the_directory_waits)
{
    was(CM_KIND_LOCAL, "NV");
    cr_assert_eq(judge(), CM_EDITS_WAIT);
    cr_expect_eq(sees(ASKER, CM_FIELD_PLACE), -1);
}

Test(edits, another_authority_of_an_agency_waits)
{
    pki_next(pki);
    pki_new_ca(pki, pki_find_agency(pki, ASKER), NULL, NULL);
    next_directory();
    cr_assert_eq(judge(), CM_EDITS_WAIT);
    cr_expect_eq(sees(ASKER, CM_FIELD_PLACE), -1);
}

// `any` is the words of `rules 1`, not what a program knows.
Test(edits, a_newer_program_gives_nothing)
{
    struct cm_view *view = NULL;
    struct cm_arena *arena = cm_arena_new(16 * 1024 * 1024);
    const struct cm_request request = {.agency = ASKER,
                                       .role = CM_ROLE_INVESTIGATOR,
                                       .on_behalf_of = "",
                                       .action = (enum cm_action)CM_ACTION_COUNT,
                                       .purpose = "homicide",
                                       .now_ms = pki->now_ms,
                                       .window = {0, pki->now_ms}};
    cr_assert_eq(cm_rules_view(&view, arena, standing.rules, NULL, cm_trust_directory(now),
                               &request, NULL, NULL, 0),
                 CM_OK);
    cr_expect_not(cm_view_any(view));
    cm_arena_free(arena);
}

Test(edits, an_error_never_counts)
{
    put("main.rules", "rules 1\nnode " OWNER "\npermitt anyone to any\n");
    cr_assert_eq(judge(), CM_EDITS_BAD);
    cr_expect_str_eq(edits.where, "main.rules:3:1");
    cr_expect_not_null(strstr(edits.text, "permit"), "%s", edits.text);
    put("main.rules", "rules 1\nnode " ASKER "\n");
    cr_expect_eq(judge(), CM_EDITS_BAD, "rules of another node");
    put("main.rules", set_text);
    put("more.rules", "rules 1\ngroup valley = ca.nowhere.pd\n");
    cr_expect_eq(judge(), CM_EDITS_BAD, "an agency that nobody is");
    cr_expect_eq(remove(file), 0);
    cr_expect_eq(judge(), CM_EDITS_BAD, "the file is gone");
}

Test(edits, without_a_signed_set_all_waits)
{
    struct cm_rules *rules = standing.rules;
    standing.rules = NULL;
    cr_expect_eq(judge(), CM_EDITS_WAIT);
    cr_expect_eq(edits.narrowed.len, 0);
    standing.rules = rules;
}

Test(edits, files_that_were_judged_so_are_known_again)
{
    cr_assert_eq(judge(), CM_EDITS_COUNT);
    const struct cm_digest known = edits.files;
    const struct cm_edits_source source = {.file = file,
                                           .packs = pki->dir,
                                           .agency = OWNER,
                                           .standing = &standing,
                                           .directory = cm_trust_directory(now),
                                           .known = &known,
                                           .now_ms = pki->now_ms};
    cm_edits_judge(&edits, &source);
    cr_expect(edits.same);
    put("us-zz.rules", "rules 1\nforbid anyone beyond 2 days\n");
    cm_edits_judge(&edits, &source);
    cr_expect_not(edits.same);
}
