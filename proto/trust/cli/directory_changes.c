#include "proto/trust/cli/directory_changes.h"

#include "proto/trust/directory_json.h"
#include "proto/trust/succession.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct changes {
    FILE *out;
    size_t count;
};

static const struct {
    const char *list, *what, *id;
} sections[] = {
    {"agencies", "agency", "id"}, {"purposes", "purpose", "id"}, {"gateways", "gateway", "name"}};

static json_t *tree_of(const struct cm_directory *directory)
{
    struct cm_buf text = {0};
    json_t *tree = NULL;
    if (cm_directory_to_json(&text, directory) == CM_OK) {
        tree = json_loadb((const char *)text.data, text.len, 0, NULL);
    }
    cm_buf_clear(&text);
    return tree;
}

static void print_fields(struct changes *changes, const char *what, const char *id, json_t *before,
                         json_t *after)
{
    const char *field;
    json_t *value;
    json_object_foreach(after, field, value)
    {
        json_t *old = json_object_get(before, field);
        if (json_equal(old, value)) {
            continue;
        }
        char *from = json_dumps(old, JSON_ENCODE_ANY | JSON_COMPACT);
        char *to = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        fprintf(changes->out, "~ %s %s: %s %s -> %s\n", what, id, field, from != NULL ? from : "?",
                to != NULL ? to : "?");
        free(from);
        free(to);
        changes->count++;
    }
}

// Both lists ascend by id: one pass over the two.
static void print_list(struct changes *changes, size_t section, json_t *before, json_t *after)
{
    size_t i = 0, j = 0;
    const char *what = sections[section].what;
    while (i < json_array_size(before) || j < json_array_size(after)) {
        json_t *old = json_array_get(before, i), *new = json_array_get(after, j);
        const char *old_id = json_string_value(json_object_get(old, sections[section].id));
        const char *new_id = json_string_value(json_object_get(new, sections[section].id));
        int order = old_id == NULL ? 1 : new_id == NULL ? -1 : strcmp(old_id, new_id);
        if (order == 0) {
            print_fields(changes, what, new_id, old, new);
        } else {
            char *entry = json_dumps(order < 0 ? old : new, JSON_COMPACT);
            fprintf(changes->out, "%c %s %s\n", order < 0 ? '-' : '+', what,
                    entry != NULL ? entry : "?");
            free(entry);
            changes->count++;
        }
        i += order <= 0;
        j += order >= 0;
    }
}

enum cm_status cm_directory_changes_print(FILE *out, size_t *count,
                                          const struct cm_directory *before,
                                          const struct cm_directory *after)
{
    struct changes changes = {out, 0};
    json_t *old = tree_of(before), *new = tree_of(after);
    enum cm_status status = old != NULL && new != NULL ? CM_OK : CM_MEMORY;
    for (size_t i = 0; status == CM_OK && i < sizeof sections / sizeof sections[0]; i++) {
        print_list(&changes, i, json_object_get(old, sections[i].list),
                   json_object_get(new, sections[i].list));
    }
    json_decref(old);
    json_decref(new);
    *count = changes.count;
    return status;
}

enum cm_status cm_directory_changes_check(const struct cm_directory *before,
                                          const struct cm_directory *after, struct cm_error *error)
{
    if (strcmp(before->federation, after->federation) != 0) {
        return cm_fail(error, CM_INVALID, "federation",
                       "the previous directory is of another federation");
    }
    return cm_directory_succession(before, after, true, error) == CM_OK ? CM_OK : CM_INVALID;
}
