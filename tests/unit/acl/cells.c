// What the cells say of limits, of ages and of what is too much; exactness is diff's test.
#include "acl/cells.h"

#include "valley.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

struct seen {
    unsigned cells;
    unsigned groups;
    uint32_t stretch_count;
    struct cm_stretch stretches[8];
};

static enum cm_status note(void *context, const struct cm_cell *cell)
{
    struct seen *seen = context;
    seen->cells++;
    seen->groups += cell->group_count;
    seen->stretch_count = cell->groups[0].stretch_count;
    cr_assert_leq(seen->stretch_count, 8);
    if (seen->stretch_count > 0) {
        memcpy(seen->stretches, cell->groups[0].stretches,
               seen->stretch_count * sizeof seen->stretches[0]);
    }
    return CM_OK;
}

// All that milltown sees.
static void see(struct seen *out, const char *rules_text)
{
    char text[2048];
    struct cm_cells *cells;
    struct cm_error error = {.text = ""};
    snprintf(text, sizeof text, "rules 1\nnode ca.northport.pd\nsite s = cam-1\n%s", rules_text);
    struct cm_rules *rules = compiled(text);
    struct cm_arena *arena = cm_arena_new(1 << 24);
    const struct cm_side old = {.rules = NULL};
    const struct cm_side new = {rules, NULL, &valley};
    cr_assert(cm_cells_make(&cells, arena, &old, &new, NOON_MS, &error) == CM_OK, "%s", error.text);
    uint32_t agency = cm_names_find(cells->agencies, cells->agency_count, "ca.milltown.pd");
    *out = (struct seen){.cells = 0};
    if (cells->agency_class[agency] != CM_NO_INDEX) {
        cr_assert(cm_cells_visit(cells, cells->agency_class[agency], note, out, &error) == CM_OK);
    }
    cm_arena_free(arena);
    cm_rules_unref(rules);
}

static void expect(const struct cm_stretch *stretch, int64_t after_days, int64_t to_days,
                   uint64_t per_investigator, uint64_t per_agency)
{
    cr_expect_eq(stretch->after_s, after_days < 0 ? -1 : after_days * DAY_S);
    cr_expect_eq(stretch->to_s, to_days * DAY_S);
    cr_expect_eq(stretch->seen[1][0].per_investigator, per_investigator);
    cr_expect_eq(stretch->seen[1][0].per_agency, per_agency);
}

Test(cells, limits_of_several_permits_add_up_by_age)
{
    struct seen seen;
    see(&seen, "permit ca.milltown.pd to lookup for homicide back 5 days see place\n"
               "permit ca.milltown.pd to lookup for homicide back 10 days see place limit 5/day "
               "per investigator\n"
               "permit ca.milltown.pd to lookup for homicide back 20 days see place limit 9/day "
               "per agency\n"
               "permit ca.milltown.pd to lookup for homicide back 30 days see place limit 3/day "
               "per agency\n");
    cr_assert_eq(seen.cells, 1);
    cr_assert_eq(seen.stretch_count, 4);
    expect(&seen.stretches[0], -1, 5, UINT64_MAX, UINT64_MAX);
    expect(&seen.stretches[1], 5, 10, 5, 9);
    expect(&seen.stretches[2], 10, 20, 0, 9);
    expect(&seen.stretches[3], 20, 30, 0, 3);
}

Test(cells, what_an_investigator_may_the_agency_may)
{
    struct seen seen;
    see(&seen, "permit ca.milltown.pd to lookup for homicide back 5 days see place limit 7/day per "
               "investigator\n"
               "permit ca.milltown.pd to lookup for homicide back 5 days see place limit 2/day per "
               "agency\n");
    cr_assert_eq(seen.stretch_count, 1);
    expect(&seen.stretches[0], -1, 5, 7, 7);
}

Test(cells, what_nobody_sees_is_no_cell)
{
    struct seen seen;
    see(&seen, "permit ca.milltown.pd to lookup for homicide back 5 days see place\n"
               "forbid kind:local\n");
    cr_expect_eq(seen.cells, 0);
    see(&seen, "permit ca.milltown.pd to lookup for homicide back 5 days see place until "
               "2026-12-01\n");
    cr_expect_eq(seen.cells, 0, "ended at today's midnight");
    see(&seen, "permit ca.southgate.pd to lookup for homicide back 5 days see place\n");
    cr_expect_eq(seen.cells, 0);
}

Test(cells, only_what_rules_tell_apart_is_apart)
{
    struct seen seen;
    see(&seen, "permit ca.milltown.pd to any for any back 5 days see place\n"
               "forbid ca.milltown.pd for homicide at s unless case\n");
    cr_expect_eq(seen.cells, 3, "other purposes; homicide with case and without");
    cr_expect_eq(seen.groups, 4, "and there the camera and all others");
}

Test(cells, more_purposes_than_bits_is_said)
{
    enum { COUNT = 65 };
    static struct cm_purpose purposes[COUNT];
    static char names[COUNT][8];
    static char text[16384] = "rules 1\nnode ca.northport.pd\n";
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[i], "p-%02zu", i);
        purposes[i].id = names[i];
        size_t len = strlen(text);
        snprintf(text + len, sizeof text - len,
                 "permit ca.milltown.pd to lookup for %s back %zu days see place\n", names[i],
                 i + 1);
    }
    struct cm_directory directory = valley;
    directory.purposes = purposes;
    directory.purpose_count = COUNT;
    const struct cm_rule_file file = file_of("main.rules", text);
    struct cm_rules *rules = try_compile(
        (struct cm_rules_source){.file_count = 1, .files = &file, .directory = &directory}, NULL);
    cr_assert_not_null(rules);
    struct cm_cells *cells;
    struct cm_error error;
    struct cm_arena *arena = cm_arena_new(1 << 24);
    const struct cm_side old = {.rules = NULL};
    const struct cm_side new = {rules, NULL, &directory};
    cr_assert(cm_cells_make(&cells, arena, &old, &new, NOON_MS, &error) == CM_EXHAUSTED);
    cr_expect_str_eq(error.text, "the rules treat more than 64 purposes differently");
    cm_arena_free(arena);
    cm_rules_unref(rules);
}

Test(cells, too_much_work_is_said)
{
    struct cm_cells *cells;
    struct cm_error error;
    struct cm_rules *rules = compiled("rules 1\nnode ca.northport.pd\npermit ca.milltown.pd "
                                      "to lookup for homicide back 5 days see place\n");
    struct cm_arena *arena = cm_arena_new(1 << 24);
    const struct cm_side old = {.rules = NULL};
    const struct cm_side new = {rules, NULL, &valley};
    struct seen seen;
    cr_assert(cm_cells_make(&cells, arena, &old, &new, NOON_MS, &error) == CM_OK);
    cells->work = 2;
    cr_assert(cm_cells_visit(cells, 0, note, &seen, &error) == CM_EXHAUSTED);
    cr_expect_str_eq(error.text, "the rules tell too many cases apart to compare them");
    cm_arena_free(arena);
    cm_rules_unref(rules);
}
