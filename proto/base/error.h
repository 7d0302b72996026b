// Where something is wrong, what, and what to do: filled by parsers and checks, shown to people.
// A value on the caller's stack. Never holds a plate, a reason text or a personal name.
#ifndef CM_BASE_ERROR_H
#define CM_BASE_ERROR_H

#include "proto/base/status.h"

#include <stdint.h>

struct cm_error {
    enum cm_status status;
    char where[96]; // field path or file:line:column
    char text[256]; // what happened
    char hint[160]; // what to do, or empty
    uint32_t retry_after_ms;
};

// Fills error, which may be NULL.
void cm_error_fill(struct cm_error *error, enum cm_status status, const char *where,
                   const char *format, ...) CM_PRINTF(4, 5);

// The same, and gives status, so that checks can `return cm_fail(...)`: a macro so that analysers
// see the status.
#define cm_fail(error, status, where, ...)                                                         \
    (cm_error_fill(error, status, where, __VA_ARGS__), cm_status_same(status))

static inline enum cm_status cm_status_same(enum cm_status status)
{
    return status;
}

// Adds what to do. error may be NULL.
void cm_error_hint(struct cm_error *error, const char *format, ...) CM_PRINTF(2, 3);

// "where: text (hint)" into out, always terminated. Returns out.
char *cm_error_format(char *out, unsigned long size, const struct cm_error *error);

#endif
