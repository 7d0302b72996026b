#include "acl/ast.h"

#include "valley.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t errors_of(const struct cm_rule_file *files, size_t count, const char *expected)
{
    struct cm_diagnostics diagnostics = {0};
    struct cm_rules *rules =
        try_compile((struct cm_rules_source){.file_count = count, .files = files}, &diagnostics);
    size_t errors = diagnostics.errors;
    if (expected != NULL) {
        cr_assert_geq(diagnostics.count, 1);
        cr_expect(strstr(diagnostics.list[0].text, expected) != NULL, "%s",
                  diagnostics.list[0].text);
    }
    cm_diagnostics_clear(&diagnostics);
    cm_rules_unref(rules);
    return errors;
}

// main, then f1.r … fN.r, each including the next.
static size_t chain_errors(unsigned depth)
{
    static char texts[16][64];
    static char names[16][8];
    struct cm_rule_file files[16] = {{0}};
    for (unsigned i = 0; i <= depth; i++) {
        snprintf(names[i], sizeof names[i], "f%u.r", i);
        snprintf(texts[i], sizeof texts[i], "rules 1 %s%s", i == 0 ? "node ca.northport.pd " : "",
                 i == depth ? "" : "include \"f");
        if (i < depth) {
            size_t len = strlen(texts[i]);
            snprintf(texts[i] + len, sizeof texts[i] - len, "%u.r\"", i + 1);
        }
        files[i] = file_of(i == 0 ? "main.rules" : names[i], texts[i]);
    }
    return errors_of(files, depth + 1, NULL);
}

Test(load, includes_nest_eight_deep)
{
    cr_expect_eq(chain_errors(8), 0);
    cr_expect_eq(chain_errors(9), 1);
}

Test(load, a_file_is_read_once_however_often_it_is_included)
{
    const struct cm_rule_file files[] = {
        file_of("main.rules", "rules 1 node ca.northport.pd include \"a.r\" include \"us-ca\" "
                              "permit @g to any for any back all see all include \"a.r\""),
        file_of("a.r", "rules 1 group g = us.customs include \"us-ca\""),
        file_of("us-ca", "rules 1 forbid kind:federal for warrant retain 60 days"),
    };
    struct cm_rules *rules =
        try_compile((struct cm_rules_source){.file_count = 3, .files = files}, NULL);
    cr_assert_not_null(rules);
    struct cm_request request = request_of("us.customs");
    cr_expect_neq(row_of(rules, &request, "", 60 * DAY_S), 0);
    cr_expect_eq(row_of(rules, &request, "", 60 * DAY_S + 1), 0);
    request.purpose = "warrant";
    cr_expect_eq(row_of(rules, &request, "", 0), 0);
    cm_rules_unref(rules);
}

Test(load, one_name_space_for_all_files)
{
    const struct cm_rule_file files[] = {
        file_of("main.rules", "rules 1 node ca.northport.pd include \"a.r\" group g ="),
        file_of("a.r", "rules 1 site g = cam-1"),
    };
    cr_expect_eq(errors_of(files, 2, "g is declared in main.rules:1 already"), 1);
}

Test(load, what_includes_itself_is_an_error)
{
    const struct cm_rule_file files[] = {
        file_of("main.rules", "rules 1 node ca.northport.pd include \"main.rules\""),
    };
    cr_expect_eq(errors_of(files, 1, "includes itself"), 1);
}

Test(load, sizes_are_bounded)
{
    static char large[CM_MAX_RULESET + 1];
    static struct cm_rule_file many[CM_MAX_RULE_FILES + 1];
    memset(large, ' ', sizeof large);
    struct cm_rule_file file = {"main.rules", {(const uint8_t *)large, sizeof large}};
    cr_expect_geq(errors_of(&file, 1, NULL), 1);
    memcpy(large, "rules 1 node ca.northport.pd", 28);
    file.text.len = CM_MAX_RULESET;
    cr_expect_eq(errors_of(&file, 1, NULL), 0);
    for (size_t i = 0; i < CM_MAX_RULE_FILES + 1; i++) {
        many[i] = file_of(i == 0 ? "main.rules" : "x.r", "rules 1 node ca.northport.pd");
    }
    cr_expect_eq(errors_of(many, CM_MAX_RULE_FILES, NULL), 0);
    cr_expect_geq(errors_of(many, CM_MAX_RULE_FILES + 1, NULL), 1);
}

Test(load, rules_are_bounded)
{
    static const char head[] = "rules 1 node ca.northport.pd ";
    static const char rule[] = "forbid self ";
    char *text = malloc(sizeof head + (CM_MAX_RULES + 1) * strlen(rule));
    cr_assert_not_null(text);
    size_t len = (size_t)sprintf(text, "%s", head);
    for (int i = 0; i < CM_MAX_RULES; i++) {
        len += (size_t)sprintf(text + len, "%s", rule);
    }
    struct cm_rule_file file = file_of("main.rules", text);
    cr_expect_eq(errors_of(&file, 1, NULL), 0);
    sprintf(text + len, "%s", rule);
    file = file_of("main.rules", text);
    cr_expect_eq(errors_of(&file, 1, "more than 10000 rules"), 1);
    free(text);
}

Test(load, an_overlay_only_forbids)
{
    struct cm_rule_file file =
        file_of("main.rules", "rules 1 node ca.northport.pd "
                              "permit self to any for any back all see all disclose denial");
    struct cm_diagnostics diagnostics = {0};
    struct cm_rules *rules = try_compile(
        (struct cm_rules_source){.file_count = 1, .files = &file, .overlay = true}, &diagnostics);
    cr_expect_null(rules);
    cr_expect_eq(diagnostics.errors, 2);
    cm_diagnostics_clear(&diagnostics);
}

Test(load, names_that_left_the_directory_cover_nothing_in_a_signed_set)
{
    struct cm_rule_file file = file_of(
        "main.rules", "rules 1 node ca.northport.pd permit ca.gone.pd, us.customs to any for "
                      "gone-purpose, homicide back all see plate forbid ca.lost.pd for lost");
    cr_expect_eq(errors_of(&file, 1, "unknown agency ca.gone.pd"), 4);
    struct cm_rules *rules = try_compile(
        (struct cm_rules_source){.file_count = 1, .files = &file, .retired_ok = true}, NULL);
    cr_assert_not_null(rules);
    struct cm_request request = request_of("us.customs");
    cr_expect_eq(row_of(rules, &request, "", 0), 1);
    request.agency = "ca.gone.pd";
    cr_expect_eq(row_of(rules, &request, "", 0), 0);
    cm_rules_unref(rules);
}

Test(load, a_pack_that_the_directory_requires)
{
    struct cm_agency agencies[] = {valley.agencies[1]};
    const char *packs[] = {"us-ca"};
    struct cm_directory directory = valley;
    agencies[0].required_packs = packs;
    agencies[0].required_pack_count = 1;
    directory.agencies = agencies;
    directory.agency_count = 1;
    const struct cm_rule_file files[] = {
        file_of("main.rules", "rules 1 node ca.northport.pd"),
        file_of("with.rules", "rules 1 node ca.northport.pd include \"us-ca\""),
        file_of("us-ca", "rules 1"),
    };
    struct cm_rules_source source = {.file_count = 3, .files = files, .directory = &directory};
    cr_expect_null(try_compile(source, NULL));
    source.main = "with.rules";
    struct cm_rules *rules = try_compile(source, NULL);
    cr_expect_not_null(rules);
    cm_rules_unref(rules);
    source.main = "main.rules";
    source.retired_ok = true;
    rules = try_compile(source, NULL);
    cr_expect_not_null(rules, "a signed set goes on");
    cm_rules_unref(rules);
}

// Each camera in a site of its own, then rules for one of them.
static size_t site_errors(unsigned sites, unsigned rules, const char *expected)
{
    struct cm_buf text = {0};
    cr_assert(cm_buf_printf(&text, "rules 1 node ca.northport.pd") == CM_OK);
    for (unsigned i = 0; i < sites; i++) {
        cr_assert(cm_buf_printf(&text, " site s%u = c%u", i, i) == CM_OK);
    }
    for (unsigned i = 0; i < rules; i++) {
        cr_assert(cm_buf_printf(&text, " forbid us.customs at s0") == CM_OK);
    }
    struct cm_rule_file file = {"main.rules", cm_buf_bytes(&text)};
    size_t errors = errors_of(&file, 1, expected);
    cm_buf_clear(&text);
    return errors;
}

Test(load, what_sites_cost_a_query_is_bounded)
{
    cr_expect_eq(site_errors(8191, 1, NULL), 0);
    cr_expect_eq(site_errors(8192, 1, "combinations of sites"), 1);
    cr_expect_eq(site_errors(999, 1000, NULL), 0);
    cr_expect_eq(site_errors(1000, 1000, "too many rules"), 1);
}

// As the tools do to learn what a file includes.
Test(load, a_file_can_be_read_without_a_directory)
{
    static const char text[] = "rules 1 node ca.northport.pd include \"us-ca\"\n"
                               "permit self to any for homicide kidnapping bakc all see all";
    const struct cm_rule_file file = file_of("main.rules", text);
    const struct cm_rules_source source = {.main = "main.rules", .file_count = 1, .files = &file};
    struct cm_diagnostics diagnostics = {0};
    struct cm_arena *arena = cm_arena_new(1 << 20);
    struct cm_ast ast;
    cr_assert(cm_ast_load(&ast, arena, &source, &diagnostics) == CM_OK);
    cr_expect_eq(ast.inclusion_count, 1);
    cr_expect_geq(diagnostics.errors, 2);
    cm_diagnostics_clear(&diagnostics);
    cm_arena_free(arena);
}
