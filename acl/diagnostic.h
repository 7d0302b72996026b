// What is wrong in a rule file, where, and the nearest name: all of a file's errors and warnings at
// once. Filled by the parser and compiler; owned by the caller. Pure; any thread.
#ifndef CM_ACL_DIAGNOSTIC_H
#define CM_ACL_DIAGNOSTIC_H

#include "proto/base/bytes.h"
#include "proto/codec/ruleset.h"

enum cm_severity { CM_SEVERITY_WARNING = 1, CM_SEVERITY_ERROR };

enum {
    CM_MAX_DIAGNOSTICS = 256, // kept; more are only counted
    CM_DIAGNOSTIC_COLUMNS = 72,
};

// A stretch of a file's text on one line.
struct cm_place {
    const struct cm_rule_file *file;
    uint32_t line;   // from 1
    uint32_t offset; // bytes into the text
    uint32_t len;    // bytes; 0 at the end of the file
};

struct cm_diagnostic {
    enum cm_severity severity;
    char file[128];
    unsigned line;   // from 1
    unsigned column; // from 1, in code points
    unsigned width;  // code points under the caret, at least 1
    char text[256];
    char hint[128];       // "did you mean @valley?" or ""
    char *source;         // the line or its part around the caret, owned by the list; may be NULL
    unsigned source_from; // the column at which source begins
};

struct cm_diagnostics {
    struct cm_diagnostic *list;
    size_t count;
    size_t errors;
    size_t warnings;
    size_t cap; // private
};

// hint: NULL for none. Out of memory: counted, not kept.
void cm_diagnostics_add(struct cm_diagnostics *diagnostics, enum cm_severity severity,
                        const struct cm_place *place, const char *hint, const char *format, ...)
    CM_PRINTF(5, 6);
// By file (main first, then by name), line and column.
void cm_diagnostics_sort(struct cm_diagnostics *diagnostics, const char *main_file);
void cm_diagnostics_clear(struct cm_diagnostics *diagnostics);
// "file:line:col: error: text", the line, a caret, the hint; for a terminal of 80 columns.
enum cm_status cm_diagnostics_print(struct cm_buf *out,
                                    const struct cm_diagnostics *diagnostics) CM_MUST_CHECK;

#endif
