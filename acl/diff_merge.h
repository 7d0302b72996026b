// Boxes of changes put together for people: neighbours that are alike become one, exactly. For
// diff.c. The list itself is malloc'ed, what boxes point at is in the arena.
#ifndef CM_ACL_DIFF_MERGE_H
#define CM_ACL_DIFF_MERGE_H

#include "acl/diff.h"

struct cm_change_list {
    struct cm_arena *arena;
    size_t camera_words;
    uint32_t count;
    uint32_t cap;
    struct cm_change *list;
};

// Adds a line of one point, or its point to a line that says the same.
void cm_change_lines_add(struct cm_change_line *lines, uint32_t *count,
                         const struct cm_change_line *line);
enum cm_status cm_change_list_add(struct cm_change_list *list,
                                  const struct cm_change *change) CM_MUST_CHECK;
// Joins neighbours until none is left, then sorts.
enum cm_status cm_change_list_merge(struct cm_change_list *list) CM_MUST_CHECK;
void cm_change_list_clear(struct cm_change_list *list);
int cm_change_compare(const struct cm_change *a, const struct cm_change *b, size_t camera_words);

#endif
