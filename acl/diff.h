// What one state of an agency's rules shows that another does not, exactly, by agency: on the point
// set, from today on, never text. In the caller's arena, borrowing from both; pure; any thread.
#ifndef CM_ACL_DIFF_H
#define CM_ACL_DIFF_H

#include "acl/cells.h"

// Fields and ages (after_s, to_s] that are seen otherwise than before.
struct cm_change_line {
    cm_fields fields; // bit 0 the row
    int64_t after_s;  // -1: from the youngest
    int64_t to_s;     // INT64_MAX: without bound
    struct cm_allowance was;
    struct cm_allowance is;
};

// A box: everything in it changes, as its lines say; all of them widen, or none does.
struct cm_change {
    uint8_t roles;           // bits 1u << enum cm_role
    uint16_t evidence;       // bit e: requests with the kinds e << 1
    uint32_t actions;        // bits 1u << enum cm_action
    uint64_t purposes;       // bits by purpose class of the cells
    const uint64_t *cameras; // bits by camera class of the cells
    int64_t from_ms;         // today's midnight, or later
    int64_t until_ms;        // INT64_MAX: without end
    uint32_t line_count;
    const struct cm_change_line *lines;
};

// Agencies for which the very same changes.
struct cm_change_group {
    uint32_t agency_count;
    const uint32_t *agencies; // into cells->agencies, ascending
    uint32_t change_count;
    const struct cm_change *changes; // those that widen first; no point is in two
};

struct cm_diff {
    const struct cm_cells *cells;
    uint32_t group_count;
    const struct cm_change_group *groups;
    // Old and new.
    int64_t retain_s[2]; // INT64_MAX without one
    bool discloses[2];
    bool sharing_off[2]; // a forbid of everything for all but the own agency
    // Agencies some of whose questions one limit counted, and several count now; and the reverse.
    uint32_t counted_apart;
    uint32_t counted_together;
};

// old->rules NULL: all that new shows. CM_EXHAUSTED: past a bound on the work; CM_MEMORY.
enum cm_status cm_diff_make(const struct cm_diff **out, struct cm_arena *arena,
                            const struct cm_side *old, const struct cm_side *new, int64_t now_ms,
                            struct cm_error *error) CM_MUST_CHECK;
// Somebody may see more, or more often, or is counted apart; rows are kept longer; denials are
// disclosed. Needs an administrator's signature.
bool cm_diff_widens(const struct cm_diff *diff);
// Somebody may see less, or less often; rows are kept shorter; denials are no longer disclosed.
bool cm_diff_narrows(const struct cm_diff *diff);
// Whether something only counts once an administrator has signed it: what widens, and of what
// narrows, all that forbids can't say: limits, `retain`, `disclose`.
bool cm_diff_waits(const struct cm_diff *diff);

static inline bool cm_change_line_widens(const struct cm_change_line *line)
{
    return !cm_allowance_within(line->is, line->was);
}

static inline bool cm_change_line_narrows(const struct cm_change_line *line)
{
    return !cm_allowance_within(line->was, line->is);
}

#endif
