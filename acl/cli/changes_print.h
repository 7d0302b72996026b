// A difference as people read it at 80 columns, and as programs do. Main thread.
#ifndef CM_ACL_CLI_CHANGES_PRINT_H
#define CM_ACL_CLI_CHANGES_PRINT_H

#include "acl/diff.h"

#include <jansson.h>
#include <stdio.h>

void cm_diff_print(FILE *out, const struct cm_diff *diff);
// A new object, described in comity-acl(1).
json_t *cm_diff_json(const struct cm_diff *diff);
// The groups of what somebody sees, without what was before.
json_t *cm_who_json(const struct cm_diff *who);
// The agencies of a group, with their names.
void cm_print_agencies(FILE *out, const struct cm_cells *cells,
                       const struct cm_change_group *group);

#endif
