#include "acl/cells_internal.h"

#include <stdlib.h>
#include <string.h>

// Rules with `at` by camera classes, in words.
enum { MOST_CAMERA_WORK = 8 * 1024 * 1024 };

const struct cm_rules *cm_cells_set(const struct cm_cells *cells, unsigned set)
{
    const struct cm_side *side = &cells->sides[set / 2];
    return side->rules == NULL ? NULL : set % 2 == 0 ? side->rules : side->overlay;
}

uint32_t cm_cells_refine(uint32_t *class, uint32_t count, uint32_t classes, const uint64_t *bits,
                         uint32_t *scratch)
{
    uint32_t *without = scratch;         // how many of a class lack the bit
    uint32_t *renamed = scratch + count; // the class of those that have it
    memset(without, 0, classes * sizeof *without);
    for (uint32_t i = 0; i < count; i++) {
        without[class[i]] += !cm_bit(bits, i);
    }
    for (uint32_t c = 0; c < classes; c++) {
        renamed[c] = CM_NO_INDEX;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!cm_bit(bits, i) || without[class[i]] == 0) {
            continue;
        }
        uint32_t old = class[i];
        if (renamed[old] == CM_NO_INDEX) {
            renamed[old] = classes++;
        }
        class[i] = renamed[old];
    }
    return classes;
}

static enum cm_status list_purposes(struct cm_cells *cells)
{
    size_t room = 1;
    for (unsigned s = 0; s < 2; s++) {
        room += cells->sides[s].rules == NULL ? 0 : cells->sides[s].directory->purpose_count;
    }
    cells->purposes = cm_arena_array(cells->arena, room, sizeof *cells->purposes);
    cells->purpose_class = cm_arena_array(cells->arena, room, sizeof *cells->purpose_class);
    if (cells->purposes == NULL || cells->purpose_class == NULL) {
        return CM_MEMORY;
    }
    uint32_t count = 0;
    for (unsigned s = 0; s < 2; s++) {
        const struct cm_directory *directory = cells->sides[s].directory;
        for (size_t i = 0; cells->sides[s].rules != NULL && i < directory->purpose_count; i++) {
            cells->purposes[count++] = directory->purposes[i].id;
        }
    }
    cells->purpose_count = cm_names_sort(cells->purposes, count);
    return CM_OK;
}

// A box's purposes as bits by cells->purposes; where the directory of a side lacks one, none of its
// permits counts for it.
static void purposes_of(uint64_t *bits, const struct cm_cells *cells, unsigned set,
                        const struct cm_box *box, bool permit)
{
    const struct cm_rules *rules = cm_cells_set(cells, set);
    const struct cm_directory *directory = cells->sides[set / 2].directory;
    memset(bits, 0, cm_bit_words(cells->purpose_count) * sizeof *bits);
    for (uint32_t i = 0; i < cells->purpose_count; i++) {
        const char *name = cells->purposes[i];
        uint32_t index = cm_names_find(rules->purposes, rules->purpose_count, name);
        bool covers =
            box->purposes == NULL || (index != CM_NO_INDEX && cm_bit(box->purposes, index));
        if (covers && (!permit || cm_directory_purpose(directory, name) != NULL)) {
            cm_bit_set(bits, i);
        }
    }
}

// Purposes that no rule tells apart are one class.
static enum cm_status class_purposes(struct cm_cells *cells, struct cm_error *error)
{
    size_t count = (size_t)cells->purpose_count + 1;
    uint64_t *bits = cm_arena_array(cells->arena, cm_bit_words((uint32_t)count), sizeof *bits);
    uint32_t *scratch = cm_arena_array(cells->arena, 2 * count, sizeof *scratch);
    if (bits == NULL || scratch == NULL) {
        return CM_MEMORY;
    }
    cells->purpose_class_count = cells->purpose_count > 0;
    for (unsigned set = 0; set < SETS; set++) {
        const struct cm_rules *rules = cm_cells_set(cells, set);
        uint32_t boxes = rules == NULL ? 0 : rules->permit_count + rules->forbid_count;
        const uint64_t *last = NULL;
        for (uint32_t i = 0; i < boxes; i++) {
            const struct cm_box *box = &rules->permits[i];
            bool permit = i < rules->permit_count;
            if ((!permit && box->purposes == NULL) || (i > 0 && box->purposes == last)) {
                continue;
            }
            last = box->purposes;
            purposes_of(bits, cells, set, box, permit);
            cells->purpose_class_count = cm_cells_refine(cells->purpose_class, cells->purpose_count,
                                                         cells->purpose_class_count, bits, scratch);
        }
    }
    return cells->purpose_class_count <= MOST_PURPOSE_CLASSES
               ? CM_OK
               : cm_fail(error, CM_EXHAUSTED, cells->node,
                         "the rules treat more than %d purposes differently", MOST_PURPOSE_CLASSES);
}

static enum cm_status list_cameras(struct cm_cells *cells)
{
    size_t room = 1;
    for (unsigned set = 0; set < SETS; set++) {
        const struct cm_rules *rules = cm_cells_set(cells, set);
        room += rules == NULL ? 0 : rules->camera_count;
    }
    cells->cameras = cm_arena_array(cells->arena, room, sizeof *cells->cameras);
    cells->camera_class = cm_arena_array(cells->arena, room, sizeof *cells->camera_class);
    if (cells->cameras == NULL || cells->camera_class == NULL) {
        return CM_MEMORY;
    }
    uint32_t count = 0;
    for (unsigned set = 0; set < SETS; set++) {
        const struct cm_rules *rules = cm_cells_set(cells, set);
        for (uint32_t i = 0; rules != NULL && i < rules->camera_count; i++) {
            cells->cameras[count++] = rules->cameras[i].name;
        }
    }
    cells->camera_count = cm_names_sort(cells->cameras, count);
    return CM_OK;
}

struct tuple {
    uint32_t class[SETS];
    uint32_t camera; // CM_NO_INDEX: all that no site names
};

static int by_classes(const void *left, const void *right)
{
    return memcmp(left, right, sizeof((const struct tuple *)left)->class);
}

static void tuple_of(struct tuple *out, const struct cm_cells *cells, uint32_t camera)
{
    *out = (struct tuple){.camera = camera};
    for (unsigned set = 0; camera != CM_NO_INDEX && set < SETS; set++) {
        const struct cm_rules *rules = cm_cells_set(cells, set);
        out->class[set] = rules == NULL ? 0 : cm_rules_class(rules, cells->cameras[camera]);
    }
}

// Cameras in the same class of every rule set are one class.
static enum cm_status class_cameras(struct cm_cells *cells, struct tuple **out)
{
    size_t count = (size_t)cells->camera_count + 1;
    struct tuple *tuples = cm_arena_array(cells->arena, count, sizeof *tuples);
    if (tuples == NULL) {
        return CM_MEMORY;
    }
    for (uint32_t i = 0; i < cells->camera_count; i++) {
        tuple_of(&tuples[i], cells, i);
    }
    tuple_of(&tuples[cells->camera_count], cells, CM_NO_INDEX);
    qsort(tuples, count, sizeof *tuples, by_classes);
    uint32_t class = 0;
    for (size_t i = 0; i < count; i++) {
        // The tuple of zeros is the least: class 0.
        if (i > 0 && by_classes(&tuples[i - 1], &tuples[i]) != 0) {
            class ++;
            tuples[class] = tuples[i];
        }
        if (tuples[i].camera != CM_NO_INDEX) {
            cells->camera_class[tuples[i].camera] = class;
        }
    }
    cells->camera_class_count = class + 1;
    *out = tuples;
    return CM_OK;
}

static const uint64_t *cameras_of(struct cm_cells *cells, const struct tuple *tuples, unsigned set,
                                  const struct cm_box *box)
{
    uint64_t *bits =
        cm_arena_array(cells->arena, cm_bit_words(cells->camera_class_count), sizeof *bits);
    for (uint32_t i = 0; bits != NULL && i < cells->camera_class_count; i++) {
        if (cm_bit(box->classes, tuples[i].class[set])) {
            cm_bit_set(bits, i);
        }
    }
    return bits;
}

static uint16_t evidence_of(const struct cm_box *box, bool permit)
{
    uint16_t covered = 0;
    for (unsigned kinds = 0; kinds < 16; kinds++) {
        unsigned shown = kinds << 1;
        bool holds = permit ? (box->evidence & ~shown) == 0 : (box->evidence & shown) == 0;
        covered |= (uint16_t)((unsigned)holds << kinds);
    }
    return covered;
}

static enum cm_status make_box(struct cm_cells *cells, struct cm_cell_box *out, unsigned set,
                               const struct cm_box *box, bool permit, const struct tuple *tuples,
                               uint64_t *scratch)
{
    purposes_of(scratch, cells, set, box, permit);
    *out = (struct cm_cell_box){
        .permit = permit,
        .per_agency = permit && box->per_agency,
        .fields = (uint8_t)(box->fields & (1u | CM_FIELDS_ALL)),
        .evidence = evidence_of(box, permit),
        .actions = box->actions & ((1u << CM_ACTION_COUNT) - 2),
        .camera_words = (uint32_t)cm_bit_words(cells->camera_class_count),
        .age_s = box->age_s,
        .from_ms = box->from_ms > cells->today_ms ? box->from_ms : cells->today_ms,
        .until_ms = box->until_ms,
        .per_day = permit ? box->per_day : 0,
    };
    if (out->per_day > 0) {
        out->limit = box->digest;
    }
    for (uint32_t i = 0; i < cells->purpose_count; i++) {
        out->purposes |= (uint64_t)cm_bit(scratch, i) << cells->purpose_class[i];
    }
    if (box->classes != NULL) {
        out->cameras = cameras_of(cells, tuples, set, box);
        return out->cameras == NULL ? CM_MEMORY : CM_OK;
    }
    return CM_OK;
}

#define ORDER(a, b) ((a) < (b) ? -1 : (a) > (b))

static int by_content(const void *left, const void *right)
{
    const struct cm_cell_box *a = left;
    const struct cm_cell_box *b = right;
    const int orders[] = {ORDER(a->permit, b->permit),
                          ORDER(a->per_agency, b->per_agency),
                          ORDER(a->fields, b->fields),
                          ORDER(a->evidence, b->evidence),
                          ORDER(a->actions, b->actions),
                          ORDER(a->purposes, b->purposes),
                          ORDER(a->age_s, b->age_s),
                          ORDER(a->from_ms, b->from_ms),
                          ORDER(a->until_ms, b->until_ms),
                          ORDER(a->per_day, b->per_day),
                          memcmp(&a->limit, &b->limit, sizeof a->limit),
                          ORDER(a->cameras != NULL, b->cameras != NULL)};
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        if (orders[i] != 0) {
            return orders[i];
        }
    }
    return a->cameras == NULL
               ? 0
               : memcmp(a->cameras, b->cameras, a->camera_words * sizeof *a->cameras);
}

static bool covers_nothing(const struct cm_cell_box *box)
{
    return box->fields == 0 || box->evidence == 0 || box->actions == 0 || box->purposes == 0 ||
           box->from_ms >= box->until_ms;
}

static enum cm_status check_work(const struct cm_cells *cells, struct cm_error *error)
{
    size_t work = 0;
    for (unsigned set = 0; set < SETS; set++) {
        const struct cm_rules *rules = cm_cells_set(cells, set);
        for (uint32_t i = 0; rules != NULL && i < rules->permit_count + rules->forbid_count; i++) {
            work += rules->permits[i].classes == NULL ? 0 : cells->camera_class_count / 8;
        }
    }
    return work <= MOST_CAMERA_WORK ? CM_OK
                                    : cm_fail(error, CM_EXHAUSTED, cells->node,
                                              "too many rules tell too many sites apart");
}

static size_t count_rules(const struct cm_cells *cells)
{
    size_t count = 0;
    for (unsigned set = 0; set < SETS; set++) {
        const struct cm_rules *rules = cm_cells_set(cells, set);
        count += rules == NULL ? 0 : rules->permit_count + rules->forbid_count;
    }
    return count;
}

// All rules of all sets, one after the other.
static enum cm_status list_boxes(struct cm_cells *cells, struct cm_cell_box *all,
                                 const struct tuple *tuples)
{
    uint64_t *scratch =
        cm_arena_array(cells->arena, cm_bit_words(cells->purpose_count) + 1, sizeof *scratch);
    enum cm_status status = scratch == NULL ? CM_MEMORY : CM_OK;
    for (unsigned set = 0; set < SETS; set++) {
        const struct cm_rules *rules = cm_cells_set(cells, set);
        uint32_t count = rules == NULL ? 0 : rules->permit_count + rules->forbid_count;
        for (uint32_t i = 0; status == CM_OK && i < count; i++) {
            status = make_box(cells, all++, set, &rules->permits[i], i < rules->permit_count,
                              tuples, scratch);
        }
    }
    return status;
}

// Which rule is which of the boxes.
static enum cm_status number_rules(struct cm_cells *cells, uint32_t *box_of[SETS],
                                   const struct cm_cell_box *all)
{
    for (unsigned set = 0; set < SETS; set++) {
        const struct cm_rules *rules = cm_cells_set(cells, set);
        uint32_t count = rules == NULL ? 0 : rules->permit_count + rules->forbid_count;
        uint32_t *numbers = cm_arena_array(cells->arena, (size_t)count + 1, sizeof *numbers);
        if (numbers == NULL) {
            return CM_MEMORY;
        }
        for (uint32_t i = 0; i < count; i++, all++) {
            const struct cm_cell_box *box =
                covers_nothing(all)
                    ? NULL
                    : bsearch(all, cells->boxes, cells->box_count, sizeof *all, by_content);
            numbers[i] = box == NULL ? CM_NO_INDEX : (uint32_t)(box - cells->boxes);
        }
        box_of[set] = numbers;
    }
    return CM_OK;
}

static enum cm_status number_boxes(struct cm_cells *cells, uint32_t *box_of[SETS],
                                   const struct tuple *tuples)
{
    size_t count = count_rules(cells);
    struct cm_cell_box *all = cm_arena_array(cells->arena, count + 1, sizeof *all);
    struct cm_cell_box *kept = cm_arena_array(cells->arena, count + 1, sizeof *kept);
    if (all == NULL || kept == NULL) {
        return CM_MEMORY;
    }
    enum cm_status status = list_boxes(cells, all, tuples);
    if (status != CM_OK) {
        return status;
    }
    memcpy(kept, all, count * sizeof *kept);
    qsort(kept, count, sizeof *kept, by_content);
    for (size_t i = 0; i < count; i++) {
        if (cells->box_count == 0 || by_content(&kept[cells->box_count - 1], &kept[i]) != 0) {
            kept[cells->box_count++] = kept[i];
        }
    }
    cells->boxes = kept;
    return number_rules(cells, box_of, all);
}

enum cm_status cm_cells_make_boxes(struct cm_cells *cells, uint32_t *box_of[SETS],
                                   struct cm_error *error)
{
    struct tuple *tuples = NULL;
    enum cm_status status = list_purposes(cells);
    if (status == CM_OK) {
        status = class_purposes(cells, error);
    }
    if (status == CM_OK) {
        status = list_cameras(cells);
    }
    if (status == CM_OK) {
        status = class_cameras(cells, &tuples);
    }
    if (status == CM_OK) {
        status = check_work(cells, error);
    }
    return status == CM_OK ? number_boxes(cells, box_of, tuples) : status;
}
