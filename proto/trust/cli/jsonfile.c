#include "proto/trust/cli/jsonfile.h"

#include "proto/base/file.h"

#include <stdlib.h>
#include <string.h>

enum cm_status cm_jsonfile_load(json_t **out, const char *path, size_t max, struct cm_error *error)
{
    struct cm_buf text = {0};
    *out = NULL;
    enum cm_status status = cm_file_read(&text, path, max, error);
    if (status == CM_OK) {
        json_error_t wrong;
        *out = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &wrong);
        if (!json_is_object(*out)) {
            const char *what = *out == NULL ? wrong.text : "it is no JSON object";
            status = cm_fail(error, CM_INVALID, path, "line %d, column %d: %s",
                             *out == NULL ? wrong.line : 1, *out == NULL ? wrong.column : 1, what);
            json_decref(*out);
            *out = NULL;
        }
    }
    cm_buf_clear(&text);
    return status;
}

enum cm_status cm_jsonfile_save(const char *path, const json_t *root, mode_t mode, bool is_new,
                                struct cm_error *error)
{
    char *text = json_dumps(root, JSON_INDENT(2));
    struct cm_buf file = {0};
    enum cm_status status = text != NULL ? cm_buf_printf(&file, "%s\n", text) : CM_MEMORY;
    if (status != CM_OK) {
        cm_fail(error, status, path, "out of memory");
    } else if (is_new) {
        status = cm_file_create(path, cm_buf_bytes(&file), mode, error);
    } else {
        status = cm_file_write(path, cm_buf_bytes(&file), mode, error);
    }
    cm_buf_clear(&file);
    free(text);
    return status;
}
