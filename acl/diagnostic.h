// What is wrong in a rule file, where, and the nearest name: all of a file's errors and warnings at
// once. Filled by the parser and compiler; owned by the caller.
#ifndef CM_ACL_DIAGNOSTIC_H
#define CM_ACL_DIAGNOSTIC_H

#include "proto/base/bytes.h"

enum cm_severity { CM_SEVERITY_WARNING = 1, CM_SEVERITY_ERROR };

struct cm_diagnostic {
    enum cm_severity severity;
    char file[128];
    unsigned line;   // from 1
    unsigned column; // from 1, in code points
    unsigned width;  // code points under the caret, at least 1
    char text[256];
    char hint[128]; // "did you mean @valley?" or ""
    char *source;   // the line itself, owned by the list
};

struct cm_diagnostics {
    struct cm_diagnostic *list;
    size_t count;
    size_t errors;
    size_t cap; // private
};

void cm_diagnostics_clear(struct cm_diagnostics *diagnostics);
// "file:line:col: error: text", the line, a caret, the hint; for a terminal of 80 columns.
enum cm_status cm_diagnostics_print(struct cm_buf *out,
                                    const struct cm_diagnostics *diagnostics) CM_MUST_CHECK;

#endif
