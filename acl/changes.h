// Boxes of changes, collected from cells and put together for people: neighbours that are alike
// become one, agencies with the same boxes a group. Exactly the same points. For diff and narrow;
// lists are malloc'ed, what boxes point at is in the cells' arena.
#ifndef CM_ACL_CHANGES_H
#define CM_ACL_CHANGES_H

#include "acl/diff.h"

struct cm_change_list {
    struct cm_arena *arena;
    uint32_t camera_classes;
    void *context; // the visitor's own
    uint32_t count;
    uint32_t cap;
    struct cm_change *list;
    uint32_t scratch_cap;
    struct cm_change_line *scratch;
};

// Room for that many lines, until the next call; NULL when out of memory.
struct cm_change_line *cm_change_list_scratch(struct cm_change_list *list, uint32_t count);

// A change of the cell's points at those cameras (NULL: all), without lines.
enum cm_status cm_change_init(struct cm_change *out, const struct cm_change_list *list,
                              const struct cm_cell *cell, const uint64_t *cameras) CM_MUST_CHECK;
// Adds a line of one point, or its point to a line that says the same.
void cm_change_lines_add(struct cm_change_line *lines, uint32_t *count,
                         const struct cm_change_line *line);
enum cm_status cm_change_list_add(struct cm_change_list *list,
                                  const struct cm_change *change) CM_MUST_CHECK;
// Visits all cells with a cm_change_list as context; what visit adds there, merged and grouped.
enum cm_status cm_changes_make(const struct cm_change_group **out, uint32_t *count,
                               struct cm_cells *cells, cm_cell_visit *visit, void *context,
                               struct cm_error *error) CM_MUST_CHECK;

#endif
