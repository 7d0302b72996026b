#include "proto/trust/cli/directory.h"

#include "proto/base/file.h"
#include "proto/trust/cli/jsonfile.h"
#include "proto/trust/directory_json.h"

#include <stdlib.h>
#include <string.h>

enum { ARENA_CAP = 8 * CM_MAX_DIRECTORY };

enum field_type { FIELD_TEXT = 1, FIELD_LIST, FIELD_YES_NO, FIELD_NUMBER };

// How an option becomes a field of an entry.
struct field {
    int key;
    enum field_type type;
    const char *name;
};

enum operation { OP_ADD = 1, OP_SET, OP_RETIRE, OP_REMOVE };

// One of the file's lists.
struct section {
    const char *list;
    const char *what;
    const char *id; // the field that names an entry
    const struct field *fields;
};

static const struct field agency_fields[] = {
    {'n', FIELD_TEXT, "name"},
    {'k', FIELD_TEXT, "kind"},
    {'s', FIELD_TEXT, "state"},
    {'a', FIELD_YES_NO, "active"},
    {'c', FIELD_LIST, "ca_pins"},
    {'N', FIELD_LIST, "node_pins"},
    {'p', FIELD_TEXT, "case_pattern"},
    {'r', FIELD_LIST, "required_packs"},
    {'R', FIELD_NUMBER, "rule_signatures"},
    {0},
};
static const struct field gateway_fields[] = {
    {'a', FIELD_LIST, "addresses"}, {'p', FIELD_LIST, "pins"}, {0}};
static const struct field purpose_fields[] = {
    {'o', FIELD_YES_NO, "case_optional"}, {'c', FIELD_NUMBER, "fan_out_cap"}, {0}};

static const struct section agencies = {"agencies", "agency", "id", agency_fields};
static const struct section gateways = {"gateways", "gateway", "name", gateway_fields};
static const struct section purposes = {"purposes", "purpose", "id", purpose_fields};

#define FILE_OPTION                                                                                \
    {                                                                                              \
        "file", 'f', "FILE", 0, "The directory as JSON (" CM_DIRECTORY_FILE ")", 0                 \
    }

static const struct argp_option init_options[] = {
    {"federation", 'F', "NAME", 0, "The federation, as in its SPIFFE names", 0}, FILE_OPTION, {0}};
static const struct cm_cli_usage init_usage = {
    init_options,
    NULL,
    "Begins a federation's directory: a JSON file with no agencies yet and the usual purposes. "
    "It may be edited by hand as well as by these commands; it counts once it is signed.",
    "F",
    0,
    0};

static const struct argp_option agency_options[] = {
    {"name", 'n', "TEXT", 0, "What people call it (its id)", 0},
    {"kind", 'k', "KIND", 0,
     "local, sheriff, state, campus, prosecutor, federal, private or other (other)", 0},
    {"state", 's', "XX", 0, "Its state; federal agencies have none", 0},
    {"active", 'a', "YES|NO", 0, "An inactive one is asked nothing and told nothing (yes)", 0},
    {"ca-pin", 'c', "PIN", 0, "Its CA's key, as 'comity keys pin' prints it; may be repeated", 0},
    {"node-pin", 'N', "PIN", 0, "A node's key; may be repeated", 0},
    {"case-pattern", 'p', "PATTERN", 0,
     "Case numbers: 9 a digit, A a letter, * up to 16 of both (any)", 0},
    {"require-pack", 'r', "PACK", 0, "A statute pack its rules must include; may be repeated", 0},
    {"rule-signatures", 'R', "1|2", 0, "Administrators who must sign its rules (1)", 0},
    FILE_OPTION,
    {0}};
static const struct cm_cli_usage add_usage = {
    agency_options,
    "ID",
    "Adds an agency. Its id has a dot, as in ca.northport.pd, and is never given to another.\vFor "
    "example: comity directory add ca.northport.pd --name 'Northport Police' --kind local --state "
    "CA --ca-pin 1f2e... --node-pin 77aa...",
    NULL,
    1,
    1};
static const struct cm_cli_usage set_usage = {
    agency_options,
    "ID",
    "Changes what is given of an agency, the rest stays. An option that may be repeated replaces "
    "the whole list; 'none' empties it.",
    NULL,
    1,
    1};

static const struct argp_option file_options[] = {FILE_OPTION, {0}};
static const struct cm_cli_usage retire_usage = {
    file_options,
    "ID",
    "Makes an agency inactive for good: it is asked nothing and told nothing. It stays in the "
    "directory, so that its id is never given to another.",
    NULL,
    1,
    1};

static const struct argp_option gateway_options[] = {
    {"address", 'a', "HOST:PORT", 0, "Where it listens; may be repeated", 0},
    {"pin", 'p', "PIN", 0, "Its key, as 'comity keys pin' prints it; may be repeated", 0},
    FILE_OPTION,
    {0}};
static const struct cm_cli_usage gateway_usage = {
    gateway_options,
    "NAME",
    "A gateway, by the last part of its SPIFFE name. 'set' replaces the lists that are given.",
    NULL,
    1,
    1};

static const struct argp_option purpose_options[] = {
    {"case-optional", 'o', "YES|NO", 0, "Whether it goes without a case number (no)", 0},
    {"fan-out-cap", 'c', "N", 0, "Most agencies that one query may reach; 0: no cap (0)", 0},
    FILE_OPTION,
    {0}};
static const struct cm_cli_usage purpose_usage = {
    purpose_options,
    "ID",
    "A purpose that queries may name. Rules speak of it by this word.",
    NULL,
    1,
    1};
static const struct cm_cli_usage remove_usage = {
    file_options, "NAME", "Takes it out of the directory.", NULL, 1, 1};

static const char *file_of(const struct cm_cli_args *args)
{
    const char *given = cm_cli_get(args, 'f');
    return given != NULL ? given : CM_DIRECTORY_FILE;
}

static json_t *list_value(const struct cm_cli_args *args, int key)
{
    json_t *list = json_array();
    for (size_t i = 0;; i++) {
        const char *value = cm_cli_nth(args, key, i);
        if (value == NULL) {
            return list;
        }
        if (strcmp(value, "none") != 0) {
            json_array_append_new(list, json_string(value));
        }
    }
}

// NULL where the value isn't one of its type.
static json_t *field_value(const struct cm_cli_args *args, const struct field *field)
{
    const char *text = cm_cli_get(args, field->key);
    switch (field->type) {
    case FIELD_TEXT:
        return json_string(text);
    case FIELD_LIST:
        return list_value(args, field->key);
    case FIELD_YES_NO:
        return strcmp(text, "yes") == 0  ? json_true()
               : strcmp(text, "no") == 0 ? json_false()
                                         : NULL;
    case FIELD_NUMBER:
        return json_integer(cm_cli_get_number(args, field->key, field->name, 0, 0, UINT32_MAX));
    }
    return NULL;
}

static enum cm_status apply(json_t *entry, const struct section *section,
                            const struct cm_cli_args *args, struct cm_error *error)
{
    for (const struct field *field = section->fields; field->name != NULL; field++) {
        if (cm_cli_get(args, field->key) == NULL) {
            continue;
        }
        json_t *value = field_value(args, field);
        if (json_object_set_new(entry, field->name, value) != 0) {
            return cm_fail(error, CM_INVALID, field->name, "'%s' is neither yes nor no",
                           cm_cli_get(args, field->key));
        }
    }
    return CM_OK;
}

static size_t find(const json_t *list, const struct section *section, const char *id)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_object_get(json_array_get(list, i), section->id));
        if (name != NULL && strcmp(name, id) == 0) {
            return i;
        }
    }
    return SIZE_MAX;
}

static enum cm_status change(json_t *list, const struct section *section, enum operation operation,
                             const struct cm_cli_args *args, struct cm_error *error)
{
    const char *id = args->words[0];
    size_t index = find(list, section, id);
    if (operation == OP_ADD) {
        if (index != SIZE_MAX) {
            cm_fail(error, CM_INVALID, id, "is in the directory already");
            cm_error_hint(error, "Change it with 'set'. Ids are never given to another.");
            return CM_INVALID;
        }
        json_t *entry = json_pack("{s:s}", section->id, id);
        return json_array_append_new(list, entry) == 0
                   ? apply(entry, section, args, error)
                   : cm_fail(error, CM_INVALID, section->what, "its name is no UTF-8 text");
    }
    if (index == SIZE_MAX) {
        return cm_fail(error, CM_NOT_FOUND, id, "the directory has no such %s", section->what);
    }
    json_t *entry = json_array_get(list, index);
    if (operation == OP_REMOVE) {
        json_array_remove(list, index);
        return CM_OK;
    }
    if (operation == OP_RETIRE) {
        json_object_set_new(entry, "active", json_false());
        return CM_OK;
    }
    return apply(entry, section, args, error);
}

// The list of the section; one left out is made, with its default.
static json_t *list_of(json_t *root, const struct section *section)
{
    json_t *list = json_object_get(root, section->list);
    if (list != NULL) {
        return list;
    }
    list = json_array();
    for (size_t i = 0; section == &purposes && i < cm_default_purpose_count; i++) {
        const struct cm_purpose *p = &cm_default_purposes[i];
        json_array_append_new(
            list, json_pack("{s:s, s:b}", "id", p->id, "case_optional", (int)p->case_optional));
    }
    json_object_set_new(root, section->list, list);
    return list;
}

// Whether what would be written is a directory.
static enum cm_status check(const json_t *root, struct cm_error *error)
{
    struct cm_arena *arena = cm_arena_new(ARENA_CAP);
    struct cm_directory directory;
    char *text = json_dumps(root, JSON_COMPACT);
    enum cm_status status = text != NULL && arena != NULL
                                ? cm_directory_of_json(&directory, arena, cm_bytes_of(text), error)
                                : cm_fail(error, CM_MEMORY, "directory", "out of memory");
    free(text);
    cm_arena_free(arena);
    return status;
}

static int edit(const struct section *section, enum operation operation,
                const struct cm_cli_usage *usage, int argc, char **argv)
{
    struct cm_cli_args args = {0};
    cm_cli_parse(&args, usage, argc, argv);
    struct cm_error error = {0};
    json_t *root = NULL;
    enum cm_status status = cm_jsonfile_load(&root, file_of(&args), CM_MAX_DIRECTORY, &error);
    if (status == CM_NOT_FOUND) {
        cm_error_hint(&error, "Begin one with 'comity directory init', or name it with --file.");
    }
    if (status == CM_OK) {
        status = check(root, &error); // what people wrote by hand, before more is done to it
    }
    if (status == CM_OK) {
        status = change(list_of(root, section), section, operation, &args, &error);
    }
    if (status == CM_OK) {
        status = check(root, &error);
    }
    if (status == CM_OK) {
        status = cm_jsonfile_save(file_of(&args), root, 0644, false, &error);
    }
    json_decref(root);
    return status == CM_OK ? CM_EXIT_OK : cm_cli_fail(&error);
}

int cm_directory_cli_init(int argc, char **argv)
{
    struct cm_cli_args args = {0};
    cm_cli_parse(&args, &init_usage, argc, argv);
    struct cm_error error = {0};
    struct cm_directory directory = {.federation = cm_cli_get(&args, 'F'),
                                     .purpose_count = cm_default_purpose_count,
                                     .purposes = cm_default_purposes};
    struct cm_buf text = {0};
    struct cm_arena *arena = cm_arena_new(ARENA_CAP);
    struct cm_directory checked;
    enum cm_status status = cm_directory_to_json(&text, &directory);
    if (status != CM_OK || arena == NULL) {
        status = cm_fail(&error, CM_MEMORY, "directory", "out of memory");
    } else {
        status = cm_directory_of_json(&checked, arena, cm_buf_bytes(&text), &error);
    }
    if (status == CM_OK) {
        status = cm_file_create(file_of(&args), cm_buf_bytes(&text), 0644, &error);
    }
    cm_arena_free(arena);
    cm_buf_clear(&text);
    return status == CM_OK ? CM_EXIT_OK : cm_cli_fail(&error);
}

int cm_directory_cli_add(int argc, char **argv)
{
    return edit(&agencies, OP_ADD, &add_usage, argc, argv);
}

int cm_directory_cli_set(int argc, char **argv)
{
    return edit(&agencies, OP_SET, &set_usage, argc, argv);
}

int cm_directory_cli_retire(int argc, char **argv)
{
    return edit(&agencies, OP_RETIRE, &retire_usage, argc, argv);
}

static int gateway_add(int argc, char **argv)
{
    return edit(&gateways, OP_ADD, &gateway_usage, argc, argv);
}

static int gateway_set(int argc, char **argv)
{
    return edit(&gateways, OP_SET, &gateway_usage, argc, argv);
}

static int gateway_remove(int argc, char **argv)
{
    return edit(&gateways, OP_REMOVE, &remove_usage, argc, argv);
}

int cm_directory_cli_gateway(int argc, char **argv)
{
    static const struct cm_command commands[] = {
        {"add", "add a gateway with its addresses and pins", gateway_add},
        {"set", "change its addresses or pins", gateway_set},
        {"remove", "take it out", gateway_remove},
        {NULL, NULL, NULL},
    };
    return cm_cli_dispatch(commands, "Edits the directory's gateways.", argc, argv);
}

static int purpose_add(int argc, char **argv)
{
    return edit(&purposes, OP_ADD, &purpose_usage, argc, argv);
}

static int purpose_set(int argc, char **argv)
{
    return edit(&purposes, OP_SET, &purpose_usage, argc, argv);
}

static int purpose_remove(int argc, char **argv)
{
    return edit(&purposes, OP_REMOVE, &remove_usage, argc, argv);
}

int cm_directory_cli_purpose(int argc, char **argv)
{
    static const struct cm_command commands[] = {
        {"add", "add a purpose that queries may name", purpose_add},
        {"set", "change whether it needs a case, or its cap", purpose_set},
        {"remove", "take it out: what was for it is no longer permitted", purpose_remove},
        {NULL, NULL, NULL},
    };
    return cm_cli_dispatch(commands, "Edits the directory's purposes.", argc, argv);
}
