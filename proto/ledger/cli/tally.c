#include "proto/ledger/cli/tally.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct cm_tally *)a)->name, ((const struct cm_tally *)b)->name);
}

struct cm_tally *cm_tallies_of(struct cm_tallies *tallies, struct cm_arena *arena, const char *name)
{
    const struct cm_tally wanted = {.name = name};
    struct cm_tally *const *there = tfind(&wanted, &tallies->tree, compare_names);
    if (there != NULL) {
        return *there;
    }
    struct cm_tally *fresh = cm_arena_alloc(arena, sizeof *fresh);
    if (fresh == NULL) {
        return NULL;
    }
    fresh->name = name;
    if (tsearch(fresh, &tallies->tree, compare_names) == NULL) {
        return NULL;
    }
    tallies->count++;
    return fresh;
}

static void fill(const void *node, VISIT visit, void *context)
{
    struct cm_tally ***next = context;
    if (visit == postorder || visit == leaf) {
        *(*next)++ = *(struct cm_tally *const *)node;
    }
}

static int compare_sums(const void *a, const void *b)
{
    const struct cm_tally *left = *(struct cm_tally *const *)a;
    const struct cm_tally *right = *(struct cm_tally *const *)b;
    if (left->searches != right->searches) {
        return left->searches > right->searches ? -1 : 1;
    }
    return compare_names(left, right);
}

enum cm_status cm_tallies_sort(struct cm_tallies *tallies, struct cm_arena *arena)
{
    tallies->sorted = cm_arena_array(arena, tallies->count, sizeof(struct cm_tally *));
    if (tallies->sorted == NULL) {
        return CM_MEMORY;
    }
    struct cm_tally **next = tallies->sorted;
    twalk_r(tallies->tree, fill, &next);
    if (tallies->count > 0) {
        qsort(tallies->sorted, tallies->count, sizeof *tallies->sorted, compare_sums);
    }
    return CM_OK;
}

static void keep(void *node)
{
    (void)node; // the arena's
}

void cm_tallies_clear(struct cm_tallies *tallies)
{
    tdestroy(tallies->tree, keep);
    *tallies = (struct cm_tallies){0};
}
