#include "acl/cells_internal.h"

#include "acl/covers.h"

#include <stdlib.h>
#include <string.h>

enum { DAY_MS = 86400000, ASKERS_CAP = 64 * 1024 * 1024 };

// Comparisons of one cm_cells: some seconds.
#define MOST_WORK UINT64_C(400000000)

// What one agency is covered by, while agencies are told apart.
struct touching {
    struct cm_arena *scratch; // for one agency
    uint32_t *box_of[SETS];
    uint8_t (*roles)[2]; // by box
    uint32_t *touched;   // boxes with roles
    uint32_t count;
    struct cm_cell_touch *list;
    uint32_t *table; // hash table of classes + 1
    uint32_t table_size;
};

static enum cm_status list_agencies(struct cm_cells *cells)
{
    size_t room = 1;
    for (unsigned s = 0; s < 2; s++) {
        room += cells->sides[s].rules == NULL ? 0 : cells->sides[s].directory->agency_count;
    }
    cells->agencies = cm_arena_array(cells->arena, room, sizeof *cells->agencies);
    cells->agency_class = cm_arena_array(cells->arena, room, sizeof *cells->agency_class);
    cells->classes = cm_arena_array(cells->arena, room, sizeof *cells->classes);
    if (cells->agencies == NULL || cells->agency_class == NULL || cells->classes == NULL) {
        return CM_MEMORY;
    }
    uint32_t count = 0;
    for (unsigned s = 0; s < 2; s++) {
        const struct cm_directory *directory = cells->sides[s].directory;
        for (size_t i = 0; cells->sides[s].rules != NULL && i < directory->agency_count; i++) {
            cells->agencies[count++] = directory->agencies[i].id;
        }
    }
    cells->agency_count = cm_names_sort(cells->agencies, count);
    return CM_OK;
}

static bool asks_role(const struct cm_box *box)
{
    for (uint32_t i = 0; i < box->term_count; i++) {
        if (box->terms[i].kind == CM_TERM_ROLE) {
            return true;
        }
    }
    return false;
}

// Bits 1u << enum cm_role with which the rule covers the asker.
static uint8_t roles_of(const struct cm_box *box, bool permit, struct cm_asker *asker)
{
    unsigned roles = 0;
    static const enum cm_role both[] = {CM_ROLE_INVESTIGATOR, CM_ROLE_SUPERVISOR};
    for (size_t i = 0; i < 2; i++) {
        asker->role = both[i];
        bool covers = permit ? cm_permit_admits(box, asker) : cm_forbid_reaches(box, asker);
        roles |= covers ? 1u << both[i] : 0;
        if (!asks_role(box)) {
            return covers ? 1u << CM_ROLE_INVESTIGATOR | 1u << CM_ROLE_SUPERVISOR : 0;
        }
    }
    return (uint8_t)roles;
}

static enum cm_status touch_set(struct cm_cells *cells, struct touching *touching, unsigned set,
                                const char *agency)
{
    const struct cm_rules *rules = cm_cells_set(cells, set);
    struct cm_asker asker;
    if (rules == NULL) {
        return CM_OK;
    }
    enum cm_status status =
        cm_asker_init(&asker, touching->scratch, rules, cells->sides[set / 2].directory, agency,
                      CM_ROLE_INVESTIGATOR);
    uint32_t count = asker.now == NULL ? 0 : rules->permit_count + rules->forbid_count;
    for (uint32_t i = 0; status == CM_OK && i < count; i++) {
        uint32_t box = touching->box_of[set][i];
        uint8_t roles =
            box == CM_NO_INDEX ? 0 : roles_of(&rules->permits[i], i < rules->permit_count, &asker);
        if (roles == 0) {
            continue;
        }
        if (touching->roles[box][0] == 0 && touching->roles[box][1] == 0) {
            touching->touched[touching->count++] = box;
        }
        touching->roles[box][set / 2] |= roles;
    }
    return status;
}

static int by_box(const void *left, const void *right)
{
    const struct cm_cell_touch *a = left;
    const struct cm_cell_touch *b = right;
    return a->box < b->box ? -1 : a->box > b->box;
}

// The list of what covers the agency; false: nothing that permits.
static bool list_touches(const struct cm_cells *cells, struct touching *touching)
{
    bool permitted = false;
    for (uint32_t i = 0; i < touching->count; i++) {
        uint32_t box = touching->touched[i];
        touching->list[i] = (struct cm_cell_touch){
            .box = box, .roles = {touching->roles[box][0], touching->roles[box][1]}};
        memset(touching->roles[box], 0, sizeof touching->roles[box]);
        permitted = permitted || cells->boxes[box].permit;
    }
    qsort(touching->list, touching->count, sizeof *touching->list, by_box);
    return permitted;
}

static uint64_t hash_touches(const struct cm_cell_touch *list, uint32_t count)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t value =
            (uint64_t)list[i].box << 16 | (uint64_t)list[i].roles[0] << 8 | list[i].roles[1];
        hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    return hash;
}

static bool same_touches(const struct cm_cell_class *class, const struct cm_cell_touch *list,
                         uint32_t count)
{
    if (class->touch_count != count) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (class->touches[i].box != list[i].box ||
            class->touches[i].roles[0] != list[i].roles[0] ||
            class->touches[i].roles[1] != list[i].roles[1]) {
            return false;
        }
    }
    return true;
}

// The class of agencies with that list, a new one when there is none yet.
static enum cm_status find_class(struct cm_cells *cells, struct touching *touching, uint32_t *out)
{
    uint32_t count = touching->count;
    uint64_t hash = hash_touches(touching->list, count);
    uint32_t at = (uint32_t)(hash % touching->table_size);
    for (; touching->table[at] != 0; at = (at + 1) % touching->table_size) {
        uint32_t index = touching->table[at] - 1;
        if (cells->classes[index].hash == hash &&
            same_touches(&cells->classes[index], touching->list, count)) {
            *out = index;
            return CM_OK;
        }
    }
    struct cm_cell_touch *kept = cm_arena_array(cells->arena, count, sizeof *kept);
    if (kept == NULL) {
        return CM_MEMORY;
    }
    memcpy(kept, touching->list, count * sizeof *kept);
    *out = cells->class_count++;
    cells->classes[*out] =
        (struct cm_cell_class){.touch_count = count, .touches = kept, .hash = hash};
    touching->table[at] = cells->class_count;
    cells->most_boxes = count > cells->most_boxes ? count : cells->most_boxes;
    return CM_OK;
}

static enum cm_status classify(struct cm_cells *cells, struct touching *touching)
{
    enum cm_status status = CM_OK;
    for (uint32_t i = 0; status == CM_OK && i < cells->agency_count; i++) {
        cm_arena_reset(touching->scratch);
        touching->count = 0;
        for (unsigned set = 0; status == CM_OK && set < SETS; set++) {
            status = touch_set(cells, touching, set, cells->agencies[i]);
        }
        cells->agency_class[i] = CM_NO_INDEX;
        if (status == CM_OK && list_touches(cells, touching)) {
            status = find_class(cells, touching, &cells->agency_class[i]);
        }
    }
    return status;
}

static enum cm_status class_agencies(struct cm_cells *cells, struct touching *touching)
{
    size_t boxes = (size_t)cells->box_count + 1;
    touching->table_size = 2 * cells->agency_count + 1;
    touching->roles = cm_arena_array(cells->arena, boxes, sizeof *touching->roles);
    touching->touched = cm_arena_array(cells->arena, boxes, sizeof *touching->touched);
    touching->list = cm_arena_array(cells->arena, boxes, sizeof *touching->list);
    touching->table = cm_arena_array(cells->arena, touching->table_size, sizeof *touching->table);
    touching->scratch = cm_arena_new(ASKERS_CAP);
    enum cm_status status = touching->roles == NULL || touching->touched == NULL ||
                                    touching->list == NULL || touching->table == NULL ||
                                    touching->scratch == NULL
                                ? CM_MEMORY
                                : classify(cells, touching);
    cm_arena_free(touching->scratch);
    return status;
}

enum cm_status cm_cells_make(struct cm_cells **out, struct cm_arena *arena,
                             const struct cm_side *old, const struct cm_side *new, int64_t now_ms,
                             struct cm_error *error)
{
    struct touching touching = {.scratch = NULL};
    struct cm_cells *cells = cm_arena_alloc(arena, sizeof *cells);
    if (cells == NULL) {
        return cm_fail(error, CM_MEMORY, "rules", "out of memory");
    }
    *cells = (struct cm_cells){.arena = arena,
                               .sides = {*old, *new},
                               .today_ms = now_ms - now_ms % DAY_MS,
                               .work = MOST_WORK,
                               .node = new->rules != NULL ? new->rules->node : ""};
    enum cm_status status = list_agencies(cells);
    if (status == CM_OK) {
        status = cm_cells_make_boxes(cells, touching.box_of, error);
    }
    if (status == CM_OK) {
        status = class_agencies(cells, &touching);
    }
    if (status == CM_MEMORY) {
        return cm_fail(error, CM_MEMORY, cells->node, "the rules are too large to compare");
    }
    *out = cells;
    return status;
}
