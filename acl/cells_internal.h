// The inside of cells, for cells.c (agencies), cells_boxes.c (rules without who) and cells_split.c
// (the visit). In the caller's arena; pure; any thread.
#ifndef CM_ACL_CELLS_INTERNAL_H
#define CM_ACL_CELLS_INTERNAL_H

#include "acl/cells.h"

enum { MOST_PURPOSE_CLASSES = 64, SETS = 4 };

// A rule without its who, in names of both sides.
struct cm_cell_box {
    bool permit;
    bool per_agency;
    uint8_t fields;
    uint16_t evidence; // bit e: it covers requests with the kinds e << 1
    uint32_t actions;
    uint32_t camera_words;
    uint64_t purposes;
    const uint64_t *cameras; // NULL: all
    int64_t age_s;
    int64_t from_ms;
    int64_t until_ms;
    uint64_t per_day;       // 0: no limit
    struct cm_digest limit; // of the rule, if it has one
};

// A box that covers agencies of a class: for each side, with which roles.
struct cm_cell_touch {
    uint32_t box;
    uint8_t roles[2];
};

struct cm_cell_class {
    uint32_t touch_count;
    const struct cm_cell_touch *touches; // ascending by box
    uint64_t hash;
};

// The four rule sets of two sides: administrators' and overlay, old and new. May be NULL.
const struct cm_rules *cm_cells_set(const struct cm_cells *cells, unsigned set);

// Purposes, cameras and boxes. box_of[set]: the number of each of a set's rules, permits first;
// CM_NO_INDEX: it covers nothing from today on.
enum cm_status cm_cells_make_boxes(struct cm_cells *cells, uint32_t *box_of[SETS],
                                   struct cm_error *error) CM_MUST_CHECK;
// Splits each class of values into those with and without their bit; returns the new count of
// classes. scratch: two words a class, at most 2 * count.
uint32_t cm_cells_refine(uint32_t *class, uint32_t count, uint32_t classes, const uint64_t *bits,
                         uint32_t *scratch);

#endif
