// What is allowed and yet probably not meant: shared by lint*.c only. On the caller's stack.
#ifndef CM_ACL_LINT_H
#define CM_ACL_LINT_H

#include "acl/covers.h"
#include "acl/region.h"

struct cm_lint {
    struct cm_compiler *compiler;
    int64_t today_ms; // midnight UTC
    struct cm_space space;
    struct cm_region *regions; // of permits, then forbids, from today on
    uint32_t self;             // the own agency's index in the directory
};

// What needs all rules held against each other.
enum cm_status cm_lint_regions(struct cm_lint *lint) CM_MUST_CHECK;

#endif
