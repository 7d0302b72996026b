// ACL.md's definition of a visible point, evaluated word by word on the parsed rules: slow, and
// independent of compile and decide, which are held against it.
#ifndef CM_TESTS_ACL_REFERENCE_H
#define CM_TESTS_ACL_REFERENCE_H

#include "acl/ast.h"
#include "acl/decide.h"

struct point {
    const char *agency;
    enum cm_role role;
    enum cm_action action;
    const char *purpose;
    unsigned evidence;
    int64_t now_ms;
    const char *camera;
    int64_t age_s;
    unsigned field; // 0: the row itself
};

struct reference {
    const struct cm_ast *rules;
    const struct cm_ast *overlay; // or NULL
    const struct cm_directory *signed_with;
    const struct cm_directory *now;
    const bool *spent; // by `limit N`: permits are told apart by their N; or NULL
};

bool reference_permit_covers(const struct reference *reference, const struct cm_rule *permit,
                             const struct point *point);
bool reference_visible(const struct reference *reference, const struct point *point);

#endif
