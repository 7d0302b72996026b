#include "acl/diff.h"

#include "acl/changes.h"
#include "acl/limits.h"

#include <string.h>

// The runs of one point: stretches side by side that change in the same way.
static void add_runs(struct cm_change_line *lines, uint32_t *count,
                     const struct cm_camera_group *group, unsigned point)
{
    struct cm_change_line *run = NULL;
    for (uint32_t i = 0; i < group->stretch_count; i++) {
        const struct cm_stretch *stretch = &group->stretches[i];
        const struct cm_allowance *was = &stretch->seen[0][point];
        const struct cm_allowance *is = &stretch->seen[1][point];
        if (cm_allowance_equal(*was, *is)) {
            run = NULL;
        } else if (run != NULL && cm_allowance_equal(run->was, *was) &&
                   cm_allowance_equal(run->is, *is)) {
            run->to_s = stretch->to_s;
        } else {
            run = &lines[(*count)++];
            *run = (struct cm_change_line){.fields = (cm_fields)(1u << point),
                                           .after_s = stretch->after_s,
                                           .to_s = stretch->to_s,
                                           .was = *was,
                                           .is = *is};
        }
    }
}

// Each line is a box of its own at first: what changes in the same way is joined apart from the
// rest.
static enum cm_status add_group(struct cm_change_list *list, const struct cm_cell *cell,
                                const struct cm_camera_group *group)
{
    struct cm_change change;
    uint32_t count = 0;
    uint32_t most = group->stretch_count * CM_POINTS + 1;
    struct cm_change_line *found = cm_change_list_scratch(list, most);
    for (unsigned point = 0; found != NULL && point < CM_POINTS; point++) {
        add_runs(found, &count, group, point);
    }
    if (count == 0) {
        return found == NULL ? CM_MEMORY : CM_OK;
    }
    struct cm_change_line *lines = cm_arena_array(list->arena, count, sizeof *lines);
    if (lines == NULL || cm_change_init(&change, list, cell, group->cameras) != CM_OK) {
        return CM_MEMORY;
    }
    memcpy(lines, found, count * sizeof *lines);
    enum cm_status status = CM_OK;
    change.line_count = 1;
    for (uint32_t i = 0; status == CM_OK && i < count; i++) {
        change.lines = &lines[i];
        status = cm_change_list_add(list, &change);
    }
    return status;
}

static enum cm_status visit(void *context, const struct cm_cell *cell)
{
    struct cm_change_list *list = context;
    enum cm_status status = CM_OK;
    for (uint32_t i = 0; status == CM_OK && i < cell->group_count; i++) {
        cm_limits_note(list->context, cell->agency_class, &cell->groups[i]);
        status = add_group(list, cell, &cell->groups[i]);
    }
    return status;
}

static bool is_sharing_off(const struct cm_box *box)
{
    return box->term_count == 1 && box->terms[0].kind == CM_TERM_SELF && box->terms[0].negated &&
           box->purposes == NULL && box->classes == NULL && box->evidence == 0 &&
           (box->fields & 1) != 0 && box->actions == UINT32_MAX && box->age_s < 0 &&
           box->from_ms == INT64_MIN && box->until_ms == INT64_MAX;
}

static void describe_side(struct cm_diff *diff, unsigned side, const struct cm_rules *rules)
{
    diff->retain_s[side] = INT64_MAX;
    if (rules == NULL) {
        return;
    }
    diff->retain_s[side] = rules->retain_s;
    diff->discloses[side] = rules->discloses;
    for (uint32_t i = 0; i < rules->forbid_count; i++) {
        diff->sharing_off[side] = diff->sharing_off[side] || is_sharing_off(&rules->forbids[i]);
    }
}

enum cm_status cm_diff_make(const struct cm_diff **out, struct cm_arena *arena,
                            const struct cm_side *old, const struct cm_side *new, int64_t now_ms,
                            struct cm_error *error)
{
    struct cm_cells *cells;
    struct cm_diff *diff = cm_arena_alloc(arena, sizeof *diff);
    if (diff == NULL) {
        return cm_fail(error, CM_MEMORY, "rules", "out of memory");
    }
    describe_side(diff, 0, old->rules);
    describe_side(diff, 1, new->rules);
    enum cm_status status = cm_cells_make(&cells, arena, old, new, now_ms, error);
    if (status == CM_OK) {
        diff->cells = cells;
        struct cm_limits limits = {.cells = cells};
        status = cm_changes_make(&diff->groups, &diff->group_count, cells, visit, &limits, error);
        cm_limits_end(&limits);
        diff->counted_apart = limits.apart;
        diff->counted_together = limits.together;
        *out = diff;
    }
    return status;
}

typedef bool line_test(const struct cm_change_line *line);

static bool any_line(const struct cm_diff *diff, line_test *test)
{
    for (uint32_t g = 0; g < diff->group_count; g++) {
        for (uint32_t c = 0; c < diff->groups[g].change_count; c++) {
            const struct cm_change *change = &diff->groups[g].changes[c];
            for (uint32_t i = 0; i < change->line_count; i++) {
                if (test(&change->lines[i])) {
                    return true;
                }
            }
        }
    }
    return false;
}

bool cm_diff_widens(const struct cm_diff *diff)
{
    return diff->retain_s[1] > diff->retain_s[0] || (diff->discloses[1] && !diff->discloses[0]) ||
           diff->counted_apart > 0 || any_line(diff, cm_change_line_widens);
}

bool cm_diff_narrows(const struct cm_diff *diff)
{
    return diff->retain_s[1] < diff->retain_s[0] || (diff->discloses[0] && !diff->discloses[1]) ||
           diff->counted_together > 0 || any_line(diff, cm_change_line_narrows);
}

// More than can be taken away by a forbid.
static bool line_waits(const struct cm_change_line *line)
{
    return line->is.per_agency > 0;
}

bool cm_diff_waits(const struct cm_diff *diff)
{
    return diff->retain_s[1] != diff->retain_s[0] || diff->discloses[1] != diff->discloses[0] ||
           diff->counted_apart > 0 || diff->counted_together > 0 || any_line(diff, line_waits);
}
