#include "proto/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void cm_error_fill(struct cm_error *error, enum cm_status status, const char *where,
                   const char *format, ...)
{
    if (error == NULL) {
        return;
    }
    memset(error, 0, sizeof *error);
    error->status = status;
    snprintf(error->where, sizeof error->where, "%s", where != NULL ? where : "");
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
}

void cm_error_hint(struct cm_error *error, const char *format, ...)
{
    if (error == NULL) {
        return;
    }
    va_list args;
    va_start(args, format);
    vsnprintf(error->hint, sizeof error->hint, format, args);
    va_end(args);
}

char *cm_error_format(char *out, unsigned long size, const struct cm_error *error)
{
    const char *text = error->text[0] != '\0' ? error->text : cm_status_name(error->status);
    snprintf(out, size, "%s%s%s%s%s%s", error->where, error->where[0] != '\0' ? ": " : "", text,
             error->hint[0] != '\0' ? " (" : "", error->hint, error->hint[0] != '\0' ? ")" : "");
    return out;
}
