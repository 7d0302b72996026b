// A difference as a lawyer reads it, to the letter.
#include "acl/cli/changes_print.h"

#include "proto/base/arena.h"
#include "proto/base/cli.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

// 2026-12-01T12:00:00Z
#define NOON_MS INT64_C(1796126400000)

static const struct cm_agency agencies[] = {
    {.id = "ca.milltown.pd",
     .name = "Milltown Police",
     .kind = CM_KIND_LOCAL,
     .state = "CA",
     .active = true},
    {.id = "ca.northport.pd",
     .name = "Northport Police",
     .kind = CM_KIND_LOCAL,
     .state = "CA",
     .active = true},
    {.id = "ca.southgate.pd",
     .name = "ca.southgate.pd",
     .kind = CM_KIND_LOCAL,
     .state = "CA",
     .active = true},
    {.id = "us.customs", .name = "Customs", .kind = CM_KIND_FEDERAL, .state = "", .active = true},
};
static const struct cm_purpose purposes[] = {
    {.id = "homicide"}, {.id = "kidnapping"}, {.id = "other"}};
static const struct cm_directory directory = {.federation = "valley.test",
                                              .serial = 1,
                                              .agency_count = 4,
                                              .agencies = agencies,
                                              .purpose_count = 3,
                                              .purposes = purposes};

static struct cm_rules *compiled(const char *text)
{
    struct cm_rules *rules;
    struct cm_diagnostics diagnostics = {0};
    struct cm_buf whole = {0};
    cr_assert(cm_buf_printf(&whole,
                            "rules 1\nnode ca.northport.pd\n"
                            "group valley = ca.milltown.pd, ca.southgate.pd\n"
                            "site harbour = cam-07\n%s",
                            text) == CM_OK);
    const struct cm_rule_file file = {"main.rules", cm_buf_bytes(&whole)};
    const struct cm_rules_source source = {
        .main = "main.rules", .file_count = 1, .files = &file, .directory = &directory};
    cr_assert(cm_rules_compile(&rules, &source, &diagnostics) == CM_OK, "%s",
              diagnostics.count > 0 ? diagnostics.list[0].text : "");
    cm_diagnostics_clear(&diagnostics);
    cm_buf_clear(&whole);
    return rules;
}

static char *printed(const char *old_text, const char *new_text)
{
    char *out = NULL;
    size_t len;
    struct cm_error error;
    const struct cm_diff *diff;
    struct cm_rules *rules[2] = {compiled(old_text), compiled(new_text)};
    const struct cm_side sides[2] = {{rules[0], NULL, &directory}, {rules[1], NULL, &directory}};
    struct cm_arena *arena = cm_arena_new(1 << 24);
    FILE *file = open_memstream(&out, &len);
    cr_assert(cm_diff_make(&diff, arena, &sides[0], &sides[1], NOON_MS, &error) == CM_OK);
    cm_diff_print(file, diff);
    fclose(file);
    cm_arena_free(arena);
    cm_rules_unref(rules[0]);
    cm_rules_unref(rules[1]);
    size_t column = 0;
    for (const char *c = out; *c != '\0'; c++) {
        column = *c == '\n' ? 0 : column + 1;
        cr_expect_leq(column, CM_CLI_COLUMNS, "a line is too long:\n%s", out);
    }
    return out;
}

static void expect(const char *old_text, const char *new_text, const char *expected)
{
    char *out = printed(old_text, new_text);
    cr_expect_str_eq(out, expected, "%s", out);
    free(out);
}

Test(changes_print, what_means_the_same_is_no_difference)
{
    expect("permit @valley to lookup for homicide back 1 day see place\n",
           "permit ca.milltown.pd to lookup for homicide back 24 hours see place\n"
           "permit ca.southgate.pd to lookup for homicide back 24 hours see place\n",
           "no difference from 2026-12-01 on\n");
}

Test(changes_print, agencies_alike_stand_together_with_their_names)
{
    expect("",
           "permit @valley to lookup, fuzzy for homicide back 30 days see place require case "
           "limit 100/day per investigator until 2027-01-01\n",
           "from 2026-12-01 on: 2 gain, 0 lose\n"
           "\n"
           "ca.milltown.pd  Milltown Police\n"
           "ca.southgate.pd\n"
           "  gains   lookup, fuzzy for homicide; with case; until 2027-01-01\n"
           "            up to 30 days back: the row, place; limit 100/day per investigator\n");
}

Test(changes_print, more_and_less_of_one_permit)
{
    expect("permit us.customs to any for any back 5 years see place, vehicle\n",
           "permit us.customs to any for any back 90 days see place, image require case from "
           "2027-01-01\n"
           "permit us.customs to any for any back 6 years see vehicle at harbour\n",
           "from 2026-12-01 on: 1 gain, 1 lose\n"
           "\n"
           "us.customs  Customs\n"
           "  gains   any question for homicide, kidnapping, other; at cam-07\n"
           "            beyond 5 years, up to 6 years back: the row, vehicle\n"
           "  gains   any question for homicide, kidnapping, other; with case; from\n"
           "          2027-01-01\n"
           "            up to 90 days back: image\n"
           "  loses   any question for homicide, kidnapping, other; until 2027-01-01; at all\n"
           "          cameras but cam-07\n"
           "            up to 5 years back: the row\n"
           "  loses   any question for homicide, kidnapping, other; until 2027-01-01\n"
           "            up to 5 years back: place\n"
           "  loses   any question for homicide, kidnapping, other; at all cameras but\n"
           "          cam-07\n"
           "            up to 5 years back: vehicle\n"
           "  loses   any question for homicide, kidnapping, other; without case; from\n"
           "          2027-01-01; at all cameras but cam-07\n"
           "            up to 5 years back: the row\n"
           "  loses   any question for homicide, kidnapping, other; without case; from\n"
           "          2027-01-01\n"
           "            up to 5 years back: place\n"
           "  loses   any question for homicide, kidnapping, other; with case; from\n"
           "          2027-01-01; at all cameras but cam-07\n"
           "            beyond 90 days, up to 5 years back: the row\n"
           "  loses   any question for homicide, kidnapping, other; with case; from\n"
           "          2027-01-01\n"
           "            beyond 90 days, up to 5 years back: place\n");
}

Test(changes_print, limits_retention_and_disclosure_stand_beside)
{
    static const char old[] = "permit us.customs to lookup for other back 1 day see place limit "
                              "5/day per agency\nretain 30 days\n";
    static const char new[] = "permit us.customs to lookup for other back 1 day see place limit "
                              "5/day per investigator\nretain 1 year\ndisclose denial\n";
    expect(old, new,
           "from 2026-12-01 on: 1 gain, 0 lose\n"
           "retain: 1 year, was 30 days (widens)\n"
           "disclose denial: now on (widens)\n"
           "\n"
           "us.customs  Customs\n"
           "  gains   lookup for other\n"
           "            up to 1 day back: the row, place; limit 5/day per investigator, was\n"
           "              5/day per agency\n");
    expect(new, old,
           "from 2026-12-01 on: 0 gain, 1 lose\n"
           "retain: 30 days, was 1 year (narrows)\n"
           "disclose denial: no longer on (narrows)\n"
           "\n"
           "us.customs  Customs\n"
           "  loses   lookup for other\n"
           "            up to 1 day back: the row, place; limit 5/day per agency, was 5/day\n"
           "              per investigator\n");
}

Test(changes_print, sharing_that_ends_is_said)
{
    expect("permit us.customs to lookup for other back 1 day see plate\n",
           "permit us.customs to lookup for other back 1 day see plate\nsharing off\n",
           "from 2026-12-01 on: 0 gain, 1 lose\n"
           "sharing: off, was by the permits\n"
           "\n"
           "us.customs  Customs\n"
           "  loses   lookup for other\n"
           "            up to 1 day back: the row\n");
}

Test(changes_print, json_says_all_of_it)
{
    struct cm_error error;
    const struct cm_diff *diff;
    struct cm_rules *rules = compiled("permit us.customs to lookup for other back 2 days see place "
                                      "at harbour require case\n");
    const struct cm_side sides[2] = {{NULL, NULL, &directory}, {rules, NULL, &directory}};
    struct cm_arena *arena = cm_arena_new(1 << 24);
    cr_assert(cm_diff_make(&diff, arena, &sides[0], &sides[1], NOON_MS, &error) == CM_OK);
    json_t *object = cm_diff_json(diff);
    char *text = json_dumps(json_object_get(object, "groups"), JSON_COMPACT | JSON_SORT_KEYS);
    cr_expect_str_eq(
        text,
        "[{\"agencies\":[{\"id\":\"us.customs\",\"name\":\"Customs\"}],\"changes\":[{\"actions\":["
        "\"lookup\"],\"cameras\":{\"of_sites\":[\"cam-07\"],\"others\":false},\"evidence\":[{"
        "\"with\":[\"case\"],\"without\":[]}],\"from\":null,\"lines\":[{\"beyond_s\":null,"
        "\"fields\":[\"row\",\"place\"],\"is\":true,\"up_to_s\":172800,\"was\":false}],"
        "\"purposes\":[\"other\"],\"roles\":[\"investigator\",\"supervisor\"],\"until\":null}]}]");
    cr_expect(json_is_true(json_object_get(object, "widens")));
    cr_expect(json_is_false(json_object_get(object, "narrows")));
    free(text);
    json_decref(object);
    cm_arena_free(arena);
    cm_rules_unref(rules);
}
