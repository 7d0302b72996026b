// The point set of one or two states of an agency's rules, cut exactly into cells: within a cell
// every point of one field, age and camera group is treated alike. What who, diff and narrow are
// made of. In the caller's arena, borrowing from rules and directories; pure; any thread.
#ifndef CM_ACL_CELLS_H
#define CM_ACL_CELLS_H

#include "acl/compiled.h"

enum { CM_POINTS = CM_FIELD_COUNT }; // the row and six fields

// What counts at some time. rules NULL: nothing is visible.
struct cm_side {
    const struct cm_rules *rules;
    const struct cm_rules *overlay;       // or NULL
    const struct cm_directory *directory; // the current one
};

// How often a point may be seen in a day; UINT64_MAX: without limit. What an investigator may, an
// agency may, so per_agency is never the less. Both 0: invisible.
struct cm_allowance {
    uint64_t per_investigator;
    uint64_t per_agency;
};

// Ages in (after_s, to_s]; all older than the last stretch are invisible on both sides.
struct cm_stretch {
    int64_t after_s; // -1 for the first
    int64_t to_s;
    struct cm_allowance seen[2][CM_POINTS];
};

// A permit with a limit that counts questions for some point that both sides show.
struct cm_cell_limit {
    const struct cm_digest *rule; // what its count is kept under
    uint8_t sides;                // bit 0 old, bit 1 new
};

struct cm_camera_group {
    const uint64_t *cameras; // bits by camera class
    uint32_t limit_count;
    const struct cm_cell_limit *limits; // each rule once
    uint32_t stretch_count;             // 0: invisible on both sides
    const struct cm_stretch *stretches;
};

struct cm_cell {
    uint32_t agency_class;
    uint8_t roles;     // bits 1u << enum cm_role
    uint32_t actions;  // bits 1u << enum cm_action
    uint64_t purposes; // bits by purpose class
    uint16_t evidence; // bit e: requests with the kinds e << 1
    int64_t from_ms;   // the first is today's midnight
    int64_t until_ms;
    uint32_t group_count; // every camera class is in one of them
    const struct cm_camera_group *groups;
};

struct cm_cell_box; // private
struct cm_cell_class;

struct cm_cells {
    struct cm_arena *arena;
    struct cm_side sides[2];
    int64_t today_ms; // midnight UTC
    uint64_t work;    // comparisons still allowed; counts down
    const char *node; // for messages

    uint32_t agency_count;
    const char **agencies;  // of both directories, ascending
    uint32_t *agency_class; // by agency; CM_NO_INDEX: sees nothing on either side
    uint32_t class_count;
    struct cm_cell_class *classes; // private

    uint32_t purpose_count;
    const char **purposes; // of both directories, ascending
    uint32_t *purpose_class;
    uint32_t purpose_class_count; // at most 64

    uint32_t camera_count;
    const char **cameras; // in some site of either, ascending
    uint32_t *camera_class;
    uint32_t camera_class_count; // class 0: all other cameras

    uint32_t box_count;
    struct cm_cell_box *boxes; // private: all rules of both sides, without who, each once
    uint32_t most_boxes;       // private: of one agency class
};

// Visits cells in a fixed order; any status but CM_OK ends the visit.
typedef enum cm_status cm_cell_visit(void *context, const struct cm_cell *cell);

// old: rules may be NULL. CM_EXHAUSTED: the rules tell too many cases apart; CM_MEMORY.
enum cm_status cm_cells_make(struct cm_cells **out, struct cm_arena *arena,
                             const struct cm_side *old, const struct cm_side *new, int64_t now_ms,
                             struct cm_error *error) CM_MUST_CHECK;
// All cells of the class in which some point may be treated, or counted, differently by the two
// sides. What a cell points at lasts until visit returns. CM_EXHAUSTED past a bound on the work.
enum cm_status cm_cells_visit(struct cm_cells *cells, uint32_t agency_class, cm_cell_visit *visit,
                              void *context, struct cm_error *error) CM_MUST_CHECK;

static inline bool cm_allowance_within(struct cm_allowance inner, struct cm_allowance outer)
{
    return inner.per_investigator <= outer.per_investigator && inner.per_agency <= outer.per_agency;
}

static inline bool cm_allowance_equal(struct cm_allowance a, struct cm_allowance b)
{
    return a.per_investigator == b.per_investigator && a.per_agency == b.per_agency;
}

#endif
