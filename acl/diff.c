#include "acl/diff.h"

#include "acl/diff_merge.h"

#include <stdlib.h>
#include <string.h>

// One agency class with what changes for it.
struct changed_class {
    uint32_t class;
    uint32_t change_count;
    struct cm_change *changes;
};

struct making {
    struct cm_arena *arena;
    struct cm_change_list list; // of the class at hand
};

// The runs of one point: stretches side by side that change in the same way.
static void add_runs(struct cm_change_line *lines, uint32_t *count,
                     const struct cm_camera_group *group, unsigned point)
{
    const struct cm_change_line none = {.fields = 0};
    struct cm_change_line run = none;
    for (uint32_t i = 0; i <= group->stretch_count; i++) {
        const struct cm_stretch *stretch = i < group->stretch_count ? &group->stretches[i] : NULL;
        bool changes = stretch != NULL &&
                       !cm_allowance_equal(stretch->seen[0][point], stretch->seen[1][point]);
        if (changes && run.fields != 0 && cm_allowance_equal(run.was, stretch->seen[0][point]) &&
            cm_allowance_equal(run.is, stretch->seen[1][point])) {
            run.to_s = stretch->to_s;
            continue;
        }
        if (run.fields != 0) {
            cm_change_lines_add(lines, count, &run);
        }
        run = none;
        if (changes) {
            run = (struct cm_change_line){.fields = (cm_fields)(1u << point),
                                          .after_s = stretch->after_s,
                                          .to_s = stretch->to_s,
                                          .was = stretch->seen[0][point],
                                          .is = stretch->seen[1][point]};
        }
    }
}

static enum cm_status add_group(struct making *making, const struct cm_cell *cell,
                                const struct cm_camera_group *group, size_t words)
{
    size_t most = (size_t)group->stretch_count * CM_POINTS;
    struct cm_change_line *lines = cm_arena_array(making->arena, most + 1, sizeof *lines);
    uint64_t *cameras = cm_arena_array(making->arena, words, sizeof *cameras);
    struct cm_change change = {.roles = cell->roles,
                               .evidence = cell->evidence,
                               .actions = cell->actions,
                               .purposes = cell->purposes,
                               .cameras = cameras,
                               .from_ms = cell->from_ms,
                               .until_ms = cell->until_ms,
                               .lines = lines};
    if (lines == NULL || cameras == NULL) {
        return CM_MEMORY;
    }
    memcpy(cameras, group->cameras, words * sizeof *cameras);
    for (unsigned point = 0; point < CM_POINTS; point++) {
        add_runs(lines, &change.line_count, group, point);
    }
    return change.line_count == 0 ? CM_OK : cm_change_list_add(&making->list, &change);
}

static enum cm_status visit(void *context, const struct cm_cell *cell)
{
    struct making *making = context;
    enum cm_status status = CM_OK;
    for (uint32_t i = 0; status == CM_OK && i < cell->group_count; i++) {
        status = add_group(making, cell, &cell->groups[i], making->list.camera_words);
    }
    return status;
}

static enum cm_status change_class(struct making *making, struct cm_cells *cells,
                                   struct changed_class *out, uint32_t class,
                                   struct cm_error *error)
{
    making->list.count = 0;
    enum cm_status status = cm_cells_visit(cells, class, visit, making, error);
    if (status == CM_OK) {
        status = cm_change_list_merge(&making->list);
    }
    if (status != CM_OK) {
        return status;
    }
    *out = (struct changed_class){.class = class, .change_count = making->list.count};
    out->changes =
        cm_arena_array(making->arena, (size_t)out->change_count + 1, sizeof *out->changes);
    if (out->changes == NULL) {
        return CM_MEMORY;
    }
    if (out->change_count > 0) {
        memcpy(out->changes, making->list.list, out->change_count * sizeof *out->changes);
    }
    return CM_OK;
}

static int by_changes(const void *left, const void *right, void *words)
{
    const struct changed_class *a = left;
    const struct changed_class *b = right;
    if (a->change_count != b->change_count) {
        return a->change_count < b->change_count ? -1 : 1;
    }
    for (uint32_t i = 0; i < a->change_count; i++) {
        int order = cm_change_compare(&a->changes[i], &b->changes[i], *(const size_t *)words);
        if (order != 0) {
            return order;
        }
    }
    return 0;
}

static int by_first_agency(const void *left, const void *right)
{
    uint32_t a = ((const struct cm_change_group *)left)->agencies[0];
    uint32_t b = ((const struct cm_change_group *)right)->agencies[0];
    return a < b ? -1 : a > b;
}

// Agencies by group, from groups by class.
static enum cm_status fill_agencies(struct cm_arena *arena, const struct cm_cells *cells,
                                    struct cm_change_group *groups, uint32_t count,
                                    const uint32_t *group_of_class)
{
    for (uint32_t i = 0; i < cells->agency_count; i++) {
        uint32_t class = cells->agency_class[i];
        if (class != CM_NO_INDEX && group_of_class[class] != CM_NO_INDEX) {
            groups[group_of_class[class]].agency_count++;
        }
    }
    uint32_t **next = cm_arena_array(arena, (size_t)count + 1, sizeof *next);
    for (uint32_t g = 0; next != NULL && g < count; g++) {
        next[g] = cm_arena_array(arena, groups[g].agency_count, sizeof **next);
        groups[g].agencies = next[g];
        if (next[g] == NULL) {
            return CM_MEMORY;
        }
    }
    for (uint32_t i = 0; next != NULL && i < cells->agency_count; i++) {
        uint32_t class = cells->agency_class[i];
        if (class != CM_NO_INDEX && group_of_class[class] != CM_NO_INDEX) {
            *next[group_of_class[class]]++ = i;
        }
    }
    return next == NULL ? CM_MEMORY : CM_OK;
}

// Classes with the same changes become one group.
static enum cm_status group_classes(struct cm_diff *diff, struct making *making,
                                    struct changed_class *classes, uint32_t count)
{
    const struct cm_cells *cells = diff->cells;
    size_t words = making->list.camera_words;
    struct cm_change_group *groups =
        cm_arena_array(making->arena, (size_t)count + 1, sizeof *groups);
    uint32_t *group_of_class =
        cm_arena_array(making->arena, (size_t)cells->class_count + 1, sizeof *group_of_class);
    if (groups == NULL || group_of_class == NULL) {
        return CM_MEMORY;
    }
    for (uint32_t i = 0; i < cells->class_count; i++) {
        group_of_class[i] = CM_NO_INDEX;
    }
    if (count > 0) {
        qsort_r(classes, count, sizeof *classes, by_changes, &words);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (classes[i].change_count == 0) {
            continue;
        }
        if (diff->group_count == 0 || by_changes(&classes[i - 1], &classes[i], &words) != 0) {
            groups[diff->group_count++] = (struct cm_change_group){
                .change_count = classes[i].change_count, .changes = classes[i].changes};
        }
        group_of_class[classes[i].class] = diff->group_count - 1;
    }
    enum cm_status status =
        fill_agencies(making->arena, cells, groups, diff->group_count, group_of_class);
    if (status == CM_OK && diff->group_count > 0) {
        qsort(groups, diff->group_count, sizeof *groups, by_first_agency);
    }
    diff->groups = groups;
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

static enum cm_status compare(struct cm_diff *diff, struct cm_cells *cells, struct making *making,
                              struct cm_error *error)
{
    struct changed_class *classes =
        cm_arena_array(making->arena, (size_t)cells->class_count + 1, sizeof *classes);
    making->list.camera_words = cm_bit_words(cells->camera_class_count);
    making->list.arena = making->arena;
    enum cm_status status = classes == NULL ? CM_MEMORY : CM_OK;
    for (uint32_t i = 0; status == CM_OK && i < cells->class_count; i++) {
        status = change_class(making, cells, &classes[i], i, error);
    }
    return status == CM_OK ? group_classes(diff, making, classes, cells->class_count) : status;
}

enum cm_status cm_diff_make(const struct cm_diff **out, struct cm_arena *arena,
                            const struct cm_side *old, const struct cm_side *new, int64_t now_ms,
                            struct cm_error *error)
{
    struct cm_cells *cells;
    struct making making = {.arena = arena};
    struct cm_diff *diff = cm_arena_alloc(arena, sizeof *diff);
    if (diff == NULL) {
        return cm_fail(error, CM_MEMORY, "rules", "out of memory");
    }
    describe_side(diff, 0, old->rules);
    describe_side(diff, 1, new->rules);
    enum cm_status status = cm_cells_make(&cells, arena, old, new, now_ms, error);
    if (status != CM_OK) {
        return status;
    }
    diff->cells = cells;
    status = compare(diff, cells, &making, error);
    cm_change_list_clear(&making.list);
    if (status == CM_MEMORY) {
        return cm_fail(error, CM_MEMORY, cells->node, "the rules are too large to compare");
    }
    *out = diff;
    return status;
}

static bool any_line(const struct cm_diff *diff, bool widens)
{
    for (uint32_t g = 0; g < diff->group_count; g++) {
        for (uint32_t c = 0; c < diff->groups[g].change_count; c++) {
            const struct cm_change *change = &diff->groups[g].changes[c];
            for (uint32_t i = 0; i < change->line_count; i++) {
                if (widens ? cm_change_line_widens(&change->lines[i])
                           : cm_change_line_narrows(&change->lines[i])) {
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
           any_line(diff, true);
}

bool cm_diff_narrows(const struct cm_diff *diff)
{
    return diff->retain_s[1] < diff->retain_s[0] || (diff->discloses[0] && !diff->discloses[1]) ||
           any_line(diff, false);
}
