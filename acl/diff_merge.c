#include "acl/diff_merge.h"

#include <stdlib.h>
#include <string.h>

#define ORDER(a, b) ((a) < (b) ? -1 : (a) > (b))

// What two boxes may differ in and still become one.
enum dimension { CAMERAS, EVIDENCE, ACTIONS, PURPOSES, ROLES, DATES, DIMENSIONS };

enum { MOST_CHANGES = 1000000 };

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

static int compare_lines(const struct cm_change *a, const struct cm_change *b)
{
    if (a->line_count != b->line_count) {
        return ORDER(a->line_count, b->line_count);
    }
    for (uint32_t i = 0; i < a->line_count; i++) {
        const struct cm_change_line *x = &a->lines[i];
        const struct cm_change_line *y = &b->lines[i];
        const int orders[] = {ORDER(x->fields, y->fields),
                              ORDER(x->after_s, y->after_s),
                              ORDER(x->to_s, y->to_s),
                              ORDER(x->was.per_investigator, y->was.per_investigator),
                              ORDER(x->was.per_agency, y->was.per_agency),
                              ORDER(x->is.per_investigator, y->is.per_investigator),
                              ORDER(x->is.per_agency, y->is.per_agency)};
        for (size_t o = 0; o < sizeof orders / sizeof *orders; o++) {
            if (orders[o] != 0) {
                return orders[o];
            }
        }
    }
    return 0;
}

// By everything but one dimension.
static int compare_but(const struct cm_change *a, const struct cm_change *b, size_t words,
                       enum dimension but)
{
    const int orders[] = {
        [CAMERAS] = but == CAMERAS || a->cameras == b->cameras
                        ? 0
                        : memcmp(a->cameras, b->cameras, words * sizeof *a->cameras),
        [EVIDENCE] = but == EVIDENCE ? 0 : ORDER(a->evidence, b->evidence),
        [ACTIONS] = but == ACTIONS ? 0 : ORDER(a->actions, b->actions),
        [PURPOSES] = but == PURPOSES ? 0 : ORDER(a->purposes, b->purposes),
        [ROLES] = but == ROLES ? 0 : ORDER(a->roles, b->roles),
        [DATES] = but == DATES               ? 0
                  : a->from_ms != b->from_ms ? ORDER(a->from_ms, b->from_ms)
                                             : ORDER(a->until_ms, b->until_ms),
        [DIMENSIONS] = compare_lines(a, b),
    };
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        if (orders[i] != 0) {
            return orders[i];
        }
    }
    return 0;
}

int cm_change_compare(const struct cm_change *a, const struct cm_change *b, size_t camera_words)
{
    return compare_but(a, b, camera_words, DIMENSIONS);
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
    return order != 0 ? order : ORDER(a->from_ms, b->from_ms);
}

static enum cm_status join_cameras(struct cm_change_list *list, struct cm_change *into,
                                   const struct cm_change *from)
{
    uint64_t *bits = cm_arena_array(list->arena, list->camera_words, sizeof *bits);
    if (bits == NULL) {
        return CM_MEMORY;
    }
    for (size_t i = 0; i < list->camera_words; i++) {
        bits[i] = into->cameras[i] | from->cameras[i];
    }
    into->cameras = bits;
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
    case DIMENSIONS:
        break;
    }
    return CM_OK;
}

static enum cm_status merge_along(struct cm_change_list *list, enum dimension dimension)
{
    struct sorting sorting = {.words = list->camera_words, .but = dimension};
    qsort_r(list->list, list->count, sizeof *list->list, by_rest, &sorting);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < list->count; i++) {
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

enum cm_status cm_change_list_merge(struct cm_change_list *list)
{
    struct sorting whole = {.words = list->camera_words, .but = DIMENSIONS};
    for (uint32_t before = list->count + 1; list->count > 0 && list->count < before;) {
        before = list->count;
        for (enum dimension dimension = CAMERAS; dimension < DIMENSIONS; dimension++) {
            enum cm_status status = merge_along(list, dimension);
            if (status != CM_OK) {
                return status;
            }
        }
    }
    if (list->count > 0) {
        qsort_r(list->list, list->count, sizeof *list->list, by_rest, &whole);
    }
    return CM_OK;
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

void cm_change_list_clear(struct cm_change_list *list)
{
    free(list->list);
    *list = (struct cm_change_list){.count = 0};
}
