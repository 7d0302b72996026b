#include "acl/cli/diagnostics_json.h"

#include <stdio.h>

json_t *cm_diagnostics_json(const struct cm_diagnostics *diagnostics)
{
    json_t *list = json_array();
    for (size_t i = 0; i < diagnostics->count; i++) {
        const struct cm_diagnostic *one = &diagnostics->list[i];
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:i, s:i, s:s, s:s}", "severity",
                                        one->severity == CM_SEVERITY_ERROR ? "error" : "warning",
                                        "file", one->file, "line", (int)one->line, "column",
                                        (int)one->column, "text", one->text, "hint", one->hint));
    }
    return list;
}

void cm_json_print(json_t *object)
{
    json_dumpf(object, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(object);
}
