// Which limits count the same questions before and after: one that becomes two lets an agency ask
// twice as often, though at each point nothing changes. For diff.c; on the caller's stack.
#ifndef CM_ACL_LIMITS_H
#define CM_ACL_LIMITS_H

#include "acl/cells.h"

enum { CM_MOST_LINKS = 512 };

struct cm_limit_link {
    const struct cm_digest *old;
    const struct cm_digest *new;
};

struct cm_limits {
    const struct cm_cells *cells;
    uint32_t apart;    // agencies
    uint32_t together; // agencies
    // Private: of the agency class at hand.
    bool begun;
    bool full; // more links than are kept: taken for both
    uint32_t class;
    uint32_t count;
    struct cm_limit_link links[CM_MOST_LINKS];
};

// Groups of one agency class come one after the other.
void cm_limits_note(struct cm_limits *limits, uint32_t agency_class,
                    const struct cm_camera_group *group);
// After the last group.
void cm_limits_end(struct cm_limits *limits);

#endif
