#include "acl/export_cedar.h"

#include "acl/export_cedar_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_CAP ((size_t)192 * 1024 * 1024)

void cm_cedar_say(struct cm_cedar_writer *writer, const char *format, ...)
{
    if (writer->status != CM_OK) {
        return;
    }
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int len = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (len < 0) {
        writer->status = CM_MEMORY;
        return;
    }
    writer->status = cm_buf_add(writer->out, text, (size_t)len);
    free(text);
}

void cm_cedar_quote(struct cm_cedar_writer *writer, const char *text)
{
    cm_cedar_say(writer, "\"");
    while (*text != '\0') {
        size_t plain = strcspn(text, "\"\\");
        cm_cedar_say(writer, "%.*s", (int)plain, text);
        text += plain;
        if (*text != '\0') {
            cm_cedar_say(writer, "\\%c", *text++);
        }
    }
    cm_cedar_say(writer, "\"");
}

static const char *state_of(const struct cm_agency *agency)
{
    return agency->state == NULL ? "" : agency->state;
}

static bool has_moved(const struct cm_directory *then, const struct cm_directory *now)
{
    for (size_t i = 0; then != now && i < now->agency_count; i++) {
        const struct cm_agency *agency = &now->agencies[i];
        const struct cm_agency *before = cm_directory_agency(then, agency->id);
        if (before != NULL &&
            (before->kind != agency->kind || strcmp(state_of(before), state_of(agency)) != 0)) {
            return true;
        }
    }
    return false;
}

void cm_cedar_put_schema(struct cm_cedar_writer *writer, const struct cm_cedar_input *input)
{
    cm_cedar_say(writer, "entity Group in [Group];\n"
                         "// state: \"\" for none. member: active, with no CA key that the rules' "
                         "directory lacks.\n"
                         "entity Agency in [Group] = {\n"
                         "    kind: String,\n"
                         "    state: String,\n"
                         "    member: Bool,\n");
    if (input->moved) {
        cm_cedar_say(writer, "    // As in the directory that the rules were signed under.\n"
                             "    signed?: { kind: String, state: String },\n");
    }
    cm_cedar_say(writer, "};\n"
                         "entity Site;\n"
                         "entity Camera in [Site];\n"
                         "type Point = {\n"
                         "    role: String,\n"
                         "    purpose: String,\n"
                         "    evidence: Set<String>,\n"
                         "    now_ms: Long, // since 1970-01-01 UTC\n"
                         "    age_s: Long,\n"
                         "    field: String, // \"row\" for the row itself\n"
                         "    spent: Set<String>, // permits whose limit is used up\n"
                         "};\n"
                         "action ");
    for (enum cm_action action = CM_ACTION_LOOKUP; action < CM_ACTION_COUNT; action++) {
        cm_cedar_say(writer, "%s", action == CM_ACTION_LOOKUP ? "" : ", ");
        cm_cedar_quote(writer, cm_action_name(action));
    }
    cm_cedar_say(writer,
                 "\n    appliesTo { principal: Agency, resource: Camera, context: Point };\n");
}

static enum cm_status put(struct cm_buf *out, const struct cm_cedar_input *input,
                          void (*part)(struct cm_cedar_writer *, const struct cm_cedar_input *))
{
    struct cm_cedar_writer writer = {.out = out, .status = CM_OK};
    part(&writer, input);
    return writer.status;
}

enum cm_status cm_cedar_export(struct cm_cedar *out, const struct cm_rules_source *source,
                               const struct cm_directory *now)
{
    struct cm_ast ast;
    struct cm_diagnostics diagnostics = {0};
    *out = (struct cm_cedar){0};
    struct cm_arena *arena = cm_arena_new(ARENA_CAP);
    enum cm_status status =
        arena == NULL ? CM_MEMORY : cm_ast_load(&ast, arena, source, &diagnostics);
    if (status == CM_OK && (diagnostics.errors > 0 || ast.node == NULL)) {
        status = CM_INVALID;
    }
    if (status == CM_OK) {
        const struct cm_cedar_input input = {
            .ast = &ast,
            .then = source->directory,
            .now = now,
            .moved = has_moved(source->directory, now),
        };
        status = put(&out->policies, &input, cm_cedar_put_policies);
        if (status == CM_OK) {
            status = put(&out->schema, &input, cm_cedar_put_schema);
        }
        if (status == CM_OK) {
            status = put(&out->entities, &input, cm_cedar_put_entities);
        }
    }
    if (status != CM_OK) {
        cm_cedar_clear(out);
    }
    cm_diagnostics_clear(&diagnostics);
    cm_arena_free(arena);
    return status;
}

void cm_cedar_clear(struct cm_cedar *cedar)
{
    cm_buf_clear(&cedar->policies);
    cm_buf_clear(&cedar->schema);
    cm_buf_clear(&cedar->entities);
}
