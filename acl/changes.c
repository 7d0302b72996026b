#include "acl/changes.h"

#include <stdlib.h>
#include <string.h>

#define ORDER(a, b) ((a) < (b) ? -1 : (a) > (b))

// What two boxes may differ in and still become one.
enum dimension { CAMERAS, EVIDENCE, ACTIONS, PURPOSES, ROLES, DATES, FIELDS, LINES, DIMENSIONS };

enum { MOST_CHANGES = 1000000 };

static size_t words_of(const struct cm_change_list *list)
{
    return cm_bit_words(list->camera_classes);
}

static bool same_line(const struct cm_change_line *a, const struct cm_change_line *b)
{
    return a->after_s == b->after_s && a->to_s == b->to_s && cm_allowance_equal(a->was, b->was) &&
           cm_allowance_equal(a->is, b->is);
}

void cm_change_lines_add(struct cm_change_line *lines, uint32_t *count,
                         const struct cm_change_line *line)
{
    for (uint32_t i = 0; i < *count; i++) {
        if (same_line(&lines[i], line)) {
            lines[i].fields |= line->fields;
            return;
        }
    }
    lines[(*count)++] = *line;
}

static int compare_allowances(struct cm_allowance a, struct cm_allowance b)
{
    return a.per_investigator != b.per_investigator ? ORDER(a.per_investigator, b.per_investigator)
                                                    : ORDER(a.per_agency, b.per_agency);
}

// but_fields: of a single line the fields do not count.
static int compare_lines(const struct cm_change *a, const struct cm_change *b, bool but_fields)
{
    if (a->line_count != b->line_count) {
        return ORDER(a->line_count, b->line_count);
    }
    for (uint32_t i = 0; i < a->line_count; i++) {
        const struct cm_change_line *x = &a->lines[i];
        const struct cm_change_line *y = &b->lines[i];
        int order = but_fields && a->line_count == 1 ? 0 : ORDER(x->fields, y->fields);
        order = order != 0 ? order : ORDER(x->after_s, y->after_s);
        order = order != 0 ? order : ORDER(x->to_s, y->to_s);
        order = order != 0 ? order : compare_allowances(x->was, y->was);
        order = order != 0 ? order : compare_allowances(x->is, y->is);
        if (order != 0) {
            return order;
        }
    }
    return 0;
}

// Gains first, so that people read them together.
static int by_direction(const struct cm_change *a, const struct cm_change *b)
{
    return ORDER(cm_change_line_widens(&b->lines[0]), cm_change_line_widens(&a->lines[0]));
}

// By everything but one dimension.
static int compare_but(const struct cm_change *a, const struct cm_change *b, size_t words,
                       enum dimension but)
{
    int order = by_direction(a, b);
    if (order == 0 && but != PURPOSES) {
        order = ORDER(a->purposes, b->purposes);
    }
    if (order == 0 && but != DATES) {
        order = ORDER(a->from_ms, b->from_ms);
    }
    if (order == 0 && but != DATES) {
        order = ORDER(a->until_ms, b->until_ms);
    }
    if (order == 0 && but != EVIDENCE) {
        order = ORDER(a->evidence, b->evidence);
    }
    if (order == 0 && but != ACTIONS) {
        order = ORDER(a->actions, b->actions);
    }
    if (order == 0 && but != ROLES) {
        order = ORDER(a->roles, b->roles);
    }
    if (order == 0 && but != LINES) {
        order = compare_lines(a, b, but == FIELDS);
    }
    if (order == 0 && but != CAMERAS && a->cameras != b->cameras) {
        order = memcmp(a->cameras, b->cameras, words * sizeof *a->cameras);
    }
    return order;
}

struct sorting {
    size_t words;
    enum dimension but;
};

static int by_rest(const void *left, const void *right, void *context)
{
    const struct cm_change *a = left;
    const struct cm_change *b = right;
    const struct sorting *sorting = context;
    int order = compare_but(a, b, sorting->words, sorting->but);
    if (order == 0) {
        order = ORDER(a->from_ms, b->from_ms);
    }
    return order != 0 ? order : compare_lines(a, b, false);
}

static enum cm_status join_cameras(struct cm_change_list *list, struct cm_change *into,
                                   const struct cm_change *from)
{
    uint64_t *bits = cm_arena_array(list->arena, words_of(list), sizeof *bits);
    if (bits == NULL) {
        return CM_MEMORY;
    }
    for (size_t i = 0; i < words_of(list); i++) {
        bits[i] = into->cameras[i] | from->cameras[i];
    }
    into->cameras = bits;
    return CM_OK;
}

static enum cm_status join_fields(struct cm_change_list *list, struct cm_change *into,
                                  const struct cm_change *from)
{
    struct cm_change_line *line = cm_arena_alloc(list->arena, sizeof *line);
    if (line == NULL) {
        return CM_MEMORY;
    }
    *line = into->lines[0];
    line->fields |= from->lines[0].fields;
    into->lines = line;
    return CM_OK;
}

static enum cm_status join_lines(struct cm_change_list *list, struct cm_change *into,
                                 const struct cm_change *from)
{
    size_t count = (size_t)into->line_count + from->line_count;
    struct cm_change_line *lines = cm_arena_array(list->arena, count, sizeof *lines);
    if (lines == NULL) {
        return CM_MEMORY;
    }
    memcpy(lines, into->lines, into->line_count * sizeof *lines);
    memcpy(lines + into->line_count, from->lines, from->line_count * sizeof *lines);
    into->lines = lines;
    into->line_count = (uint32_t)count;
    return CM_OK;
}

// Both are alike but for that dimension, in which they have nothing in common.
static enum cm_status join(struct cm_change_list *list, struct cm_change *into,
                           const struct cm_change *from, enum dimension dimension)
{
    switch (dimension) {
    case CAMERAS:
        return join_cameras(list, into, from);
    case EVIDENCE:
        into->evidence |= from->evidence;
        break;
    case ACTIONS:
        into->actions |= from->actions;
        break;
    case PURPOSES:
        into->purposes |= from->purposes;
        break;
    case ROLES:
        into->roles |= from->roles;
        break;
    case DATES:
        into->until_ms = from->until_ms;
        break;
    case FIELDS:
        return into->line_count == 1 ? join_fields(list, into, from) : CM_OK;
    case LINES:
        return join_lines(list, into, from);
    case DIMENSIONS:
        break;
    }
    return CM_OK;
}

static enum cm_status merge_along(struct cm_change_list *list, enum dimension dimension)
{
    struct sorting sorting = {.words = words_of(list), .but = dimension};
    qsort_r(list->list, list->count, sizeof *list->list, by_rest, &sorting);
    uint32_t kept = 0;
    for (uint32_t i = 0; list->list != NULL && i < list->count; i++) {
        struct cm_change *last = kept == 0 ? NULL : &list->list[kept - 1];
        const struct cm_change *next = &list->list[i];
        bool joins = last != NULL && compare_but(last, next, sorting.words, dimension) == 0 &&
                     (dimension != DATES || last->until_ms == next->from_ms);
        if (!joins) {
            list->list[kept++] = *next;
            continue;
        }
        enum cm_status status = join(list, last, next, dimension);
        if (status != CM_OK) {
            return status;
        }
    }
    list->count = kept;
    return CM_OK;
}

// Until no two neighbours are alike; then boxes that are the same become one with several lines.
static enum cm_status merge(struct cm_change_list *list)
{
    struct sorting whole = {.words = words_of(list), .but = DIMENSIONS};
    enum cm_status status = CM_OK;
    if (list->count == 0) {
        return CM_OK;
    }
    for (uint32_t before = list->count + 1; status == CM_OK && list->count < before;) {
        before = list->count;
        for (enum dimension along = CAMERAS; status == CM_OK && along <= DATES; along++) {
            status = merge_along(list, along);
        }
    }
    for (enum dimension along = FIELDS; status == CM_OK && along <= LINES; along++) {
        status = merge_along(list, along);
    }
    qsort_r(list->list, list->count, sizeof *list->list, by_rest, &whole);
    return status;
}

enum cm_status cm_change_list_add(struct cm_change_list *list, const struct cm_change *change)
{
    if (list->count == list->cap) {
        uint32_t cap = list->cap == 0 ? 64 : list->cap * 2;
        struct cm_change *grown =
            cap > MOST_CHANGES ? NULL : realloc(list->list, cap * sizeof *grown);
        if (grown == NULL) {
            return CM_MEMORY;
        }
        list->list = grown;
        list->cap = cap;
    }
    list->list[list->count++] = *change;
    return CM_OK;
}

struct cm_change_line *cm_change_list_scratch(struct cm_change_list *list, uint32_t count)
{
    if (count > list->scratch_cap) {
        struct cm_change_line *grown = realloc(list->scratch, count * sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        list->scratch = grown;
        list->scratch_cap = count;
    }
    return list->scratch;
}

enum cm_status cm_change_init(struct cm_change *out, const struct cm_change_list *list,
                              const struct cm_cell *cell, const uint64_t *cameras)
{
    uint64_t *bits = cm_arena_array(list->arena, words_of(list), sizeof *bits);
    if (bits == NULL) {
        return CM_MEMORY;
    }
    for (uint32_t i = 0; i < list->camera_classes; i++) {
        if (cameras == NULL || cm_bit(cameras, i)) {
            cm_bit_set(bits, i);
        }
    }
    *out = (struct cm_change){.roles = cell->roles,
                              .evidence = cell->evidence,
                              .actions = cell->actions,
                              .purposes = cell->purposes,
                              .cameras = bits,
                              .from_ms = cell->from_ms,
                              .until_ms = cell->until_ms};
    return CM_OK;
}

// One agency class with what changes for it.
struct changed_class {
    uint32_t class;
    uint32_t change_count;
    struct cm_change *changes;
};

static enum cm_status change_class(struct changed_class *out, struct cm_change_list *list,
                                   struct cm_cells *cells, uint32_t class, cm_cell_visit *visit,
                                   struct cm_error *error)
{
    list->count = 0;
    enum cm_status status = cm_cells_visit(cells, class, visit, list, error);
    if (status == CM_OK) {
        status = merge(list);
    }
    if (status != CM_OK) {
        return status;
    }
    *out = (struct changed_class){.class = class, .change_count = list->count};
    out->changes = cm_arena_array(list->arena, (size_t)list->count + 1, sizeof *out->changes);
    if (out->changes != NULL && list->count > 0) {
        memcpy(out->changes, list->list, list->count * sizeof *out->changes);
    }
    return out->changes == NULL ? CM_MEMORY : CM_OK;
}

static int by_changes(const void *left, const void *right, void *words)
{
    const struct changed_class *a = left;
    const struct changed_class *b = right;
    if (a->change_count != b->change_count) {
        return a->change_count < b->change_count ? -1 : 1;
    }
    for (uint32_t i = 0; i < a->change_count; i++) {
        int order = compare_but(&a->changes[i], &b->changes[i], *(const size_t *)words, DIMENSIONS);
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
static enum cm_status group_classes(const struct cm_change_group **out, uint32_t *count,
                                    const struct cm_cells *cells, struct changed_class *classes,
                                    size_t words)
{
    size_t room = (size_t)cells->class_count + 1;
    struct cm_change_group *groups = cm_arena_array(cells->arena, room, sizeof *groups);
    uint32_t *group_of_class = cm_arena_array(cells->arena, room, sizeof *group_of_class);
    *count = 0;
    if (groups == NULL || group_of_class == NULL) {
        return CM_MEMORY;
    }
    qsort_r(classes, cells->class_count, sizeof *classes, by_changes, &words);
    for (uint32_t i = 0; i < cells->class_count; i++) {
        group_of_class[classes[i].class] = CM_NO_INDEX;
        if (classes[i].change_count == 0) {
            continue;
        }
        if (*count == 0 || by_changes(&classes[i - 1], &classes[i], &words) != 0) {
            groups[(*count)++] = (struct cm_change_group){.change_count = classes[i].change_count,
                                                          .changes = classes[i].changes};
        }
        group_of_class[classes[i].class] = *count - 1;
    }
    enum cm_status status = fill_agencies(cells->arena, cells, groups, *count, group_of_class);
    if (status == CM_OK) {
        qsort(groups, *count, sizeof *groups, by_first_agency);
    }
    *out = groups;
    return status;
}

enum cm_status cm_changes_make(const struct cm_change_group **out, uint32_t *count,
                               struct cm_cells *cells, cm_cell_visit *visit, void *context,
                               struct cm_error *error)
{
    struct changed_class *classes =
        cm_arena_array(cells->arena, (size_t)cells->class_count + 1, sizeof *classes);
    struct cm_change_list list = {
        .arena = cells->arena, .camera_classes = cells->camera_class_count, .context = context};
    enum cm_status status = classes == NULL ? CM_MEMORY : CM_OK;
    for (uint32_t i = 0; status == CM_OK && i < cells->class_count; i++) {
        status = change_class(&classes[i], &list, cells, i, visit, error);
    }
    if (status == CM_OK) {
        status = group_classes(out, count, cells, classes, cm_bit_words(list.camera_classes));
    }
    free(list.list);
    free(list.scratch);
    return status == CM_MEMORY
               ? cm_fail(error, CM_MEMORY, cells->node, "the rules are too large to compare")
               : status;
}
