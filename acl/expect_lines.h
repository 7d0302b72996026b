// Expectations as read from their file: between expect*.c only. On the caller's stack.
#ifndef CM_ACL_EXPECT_LINES_H
#define CM_ACL_EXPECT_LINES_H

#include "acl/compiled.h"
#include "acl/decide.h"

// Names are the directory's and the rules' own, so that equal ones are one pointer.
struct cm_expect_line {
    const char *agency;
    const char *purpose;
    const char *camera; // "" for one in no site
    int64_t now_ms;
    int64_t age_s;
    enum cm_role role;
    enum cm_action action;
    unsigned evidence;
    cm_fields expected; // bit 0 the row; 0: denied
    cm_fields found;
    struct cm_place place; // of `sees` or `denied`
};

struct cm_expect_lines {
    size_t count, cap;
    struct cm_expect_line *list; // freed by the caller, also after a failure
};

// today_ms: for those without a date. CM_MEMORY; what is wrong goes to errors.
enum cm_status cm_expect_read(struct cm_expect_lines *out, const struct cm_rule_file *file,
                              const struct cm_rules *rules, const struct cm_directory *directory,
                              int64_t today_ms, struct cm_diagnostics *errors) CM_MUST_CHECK;

#endif
