// What was found wrong, for programs: the one form that all commands print. Main thread.
#ifndef CM_ACL_CLI_DIAGNOSTICS_JSON_H
#define CM_ACL_CLI_DIAGNOSTICS_JSON_H

#include "acl/diagnostic.h"

#include <jansson.h>

// A new array of {severity, file, line, column, text, hint}.
json_t *cm_diagnostics_json(const struct cm_diagnostics *diagnostics);
// On standard output, with a line's end; takes the object.
void cm_json_print(json_t *object);

#endif
