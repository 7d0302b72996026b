#include "acl/compiled.h"

#include <stdlib.h>
#include <string.h>

// What one query may cost in memory: 64 bytes each.
enum { MOST_CLASSES = 8192 };

// A camera in a site; then all pairs of a camera, side by side, are its sites.
struct pair {
    const char *camera;
    uint32_t site;
};

// A camera and its pairs.
struct run {
    const struct pair *first;
    uint32_t count;
};

static int by_camera_then_site(const void *left, const void *right)
{
    const struct pair *a = left;
    const struct pair *b = right;
    int order = strcmp(a->camera, b->camera);
    return order != 0 ? order : a->site < b->site ? -1 : a->site > b->site;
}

static int by_sites(const void *left, const void *right)
{
    const struct run *a = left;
    const struct run *b = right;
    if (a->count != b->count) {
        return a->count < b->count ? -1 : 1;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->first[i].site != b->first[i].site) {
            return a->first[i].site < b->first[i].site ? -1 : 1;
        }
    }
    return 0;
}

uint32_t cm_rules_class(const struct cm_rules *rules, const char *camera)
{
    uint32_t low = 0;
    uint32_t high = rules->camera_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = strcmp(camera, rules->cameras[middle].name);
        if (order == 0) {
            return rules->cameras[middle].class;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return 0;
}

static uint32_t collect_pairs(const struct cm_compiler *compiler, struct pair *pairs)
{
    uint32_t count = 0;
    for (uint32_t s = 0; s < compiler->site_count; s++) {
        for (const struct cm_item *item = compiler->sites[s]->items.first; item != NULL;
             item = item->next) {
            pairs[count++] = (struct pair){item->text, s};
        }
    }
    if (count > 0) {
        qsort(pairs, count, sizeof *pairs, by_camera_then_site);
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (kept == 0 || by_camera_then_site(&pairs[kept - 1], &pairs[i]) != 0) {
            pairs[kept++] = pairs[i];
        }
    }
    return kept;
}

static uint32_t collect_runs(const struct pair *pairs, uint32_t pair_count, struct run *runs)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < pair_count; i++) {
        if (count == 0 || strcmp(runs[count - 1].first->camera, pairs[i].camera) != 0) {
            runs[count++] = (struct run){&pairs[i], 0};
        }
        runs[count - 1].count++;
    }
    if (count > 0) {
        qsort(runs, count, sizeof *runs, by_sites);
    }
    return count;
}

// site → classes, from one camera of each class.
static enum cm_status link_classes(struct cm_compiler *compiler, const struct run *runs,
                                   const uint32_t *classes, uint32_t run_count, uint32_t pair_count)
{
    struct cm_table *table = &compiler->site_classes;
    table->count = compiler->site_count;
    table->start =
        cm_arena_array(compiler->scratch, (size_t)compiler->site_count + 2, sizeof *table->start);
    table->list = cm_arena_array(compiler->scratch, (size_t)pair_count + 1, sizeof *table->list);
    if (table->start == NULL || table->list == NULL) {
        return CM_MEMORY;
    }
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t r = 0; r < run_count; r++) {
            bool first = r == 0 || classes[r] != classes[r - 1];
            for (uint32_t i = 0; first && i < runs[r].count; i++) {
                uint32_t site = runs[r].first[i].site;
                if (pass == 0) {
                    table->start[site + 2]++;
                } else {
                    table->list[table->start[site + 1]++] = classes[r];
                }
            }
        }
        for (uint32_t s = 2; pass == 0 && s <= compiler->site_count + 1; s++) {
            table->start[s] += table->start[s - 1];
        }
    }
    return CM_OK;
}

static int by_camera(const void *left, const void *right)
{
    return strcmp(((const struct cm_camera *)left)->name, ((const struct cm_camera *)right)->name);
}

static enum cm_status fill_cameras(struct cm_rules *rules, const struct run *runs,
                                   const uint32_t *classes, uint32_t run_count)
{
    rules->cameras = cm_arena_array(rules->arena, (size_t)run_count + 1, sizeof *rules->cameras);
    if (rules->cameras == NULL) {
        return CM_MEMORY;
    }
    for (uint32_t r = 0; r < run_count; r++) {
        struct cm_camera *camera = &rules->cameras[rules->camera_count++];
        camera->class = classes[r];
        camera->name = cm_arena_string(rules->arena, cm_bytes_of(runs[r].first->camera));
        if (camera->name == NULL) {
            return CM_MEMORY;
        }
    }
    qsort(rules->cameras, rules->camera_count, sizeof *rules->cameras, by_camera);
    return CM_OK;
}

enum cm_status cm_compile_sites(struct cm_compiler *compiler)
{
    size_t room = 1;
    for (uint32_t s = 0; s < compiler->site_count; s++) {
        room += compiler->sites[s]->items.count;
    }
    struct pair *pairs = cm_arena_array(compiler->scratch, room, sizeof *pairs);
    struct run *runs = cm_arena_array(compiler->scratch, room, sizeof *runs);
    uint32_t *classes = cm_arena_array(compiler->scratch, room, sizeof *classes);
    if (pairs == NULL || runs == NULL || classes == NULL) {
        return CM_MEMORY;
    }
    uint32_t pair_count = collect_pairs(compiler, pairs);
    uint32_t run_count = collect_runs(pairs, pair_count, runs);
    uint32_t class = 0;
    for (uint32_t r = 0; r < run_count; r++) {
        class += r == 0 || by_sites(&runs[r - 1], &runs[r]) != 0;
        classes[r] = class;
    }
    compiler->rules->class_count = class + 1;
    if (class >= MOST_CLASSES) {
        cm_diagnostics_add(compiler->diagnostics, CM_SEVERITY_ERROR,
                           &compiler->sites[compiler->site_count - 1]->place,
                           "put cameras that are treated alike into the same sites",
                           "cameras in more than %d different combinations of sites", MOST_CLASSES);
        return CM_INVALID;
    }
    enum cm_status status = link_classes(compiler, runs, classes, run_count, pair_count);
    return status == CM_OK ? fill_cameras(compiler->rules, runs, classes, run_count) : status;
}
