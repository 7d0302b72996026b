#include "acl/cli/state.h"

#include "acl/cli/judged.h"
#include "proto/base/clock.h"
#include "proto/base/file.h"
#include "proto/trust/directory_json.h"

#include <stdio.h>

enum { DIRECTORY_CAP = 8 * CM_MAX_DIRECTORY, SET_CAP = 16 * CM_MAX_RULESET };

enum cm_status cm_acl_directory_load(struct cm_acl_directory *out, const char *path,
                                     struct cm_error *error)
{
    *out = (struct cm_acl_directory){.arena = cm_arena_new(DIRECTORY_CAP)};
    if (out->arena == NULL) {
        return cm_fail(error, CM_MEMORY, "directory", "out of memory");
    }
    enum cm_status status =
        cm_directory_read(&out->value, out->arena, path != NULL ? path : CM_ACL_DIRECTORY, error);
    if (status != CM_OK) {
        cm_acl_directory_clear(out);
    }
    return status;
}

void cm_acl_directory_clear(struct cm_acl_directory *directory)
{
    cm_arena_free(directory->arena);
    *directory = (struct cm_acl_directory){0};
}

static void print_errors(const struct cm_diagnostics *diagnostics)
{
    struct cm_buf text = {0};
    if (cm_diagnostics_print(&text, diagnostics) == CM_OK && text.len > 0) {
        fwrite(text.data, 1, text.len, stderr);
    }
    cm_buf_clear(&text);
}

// is_signed: names that left the directory cover nothing.
static enum cm_status compile(struct cm_rules **out, const char *main, size_t count,
                              const struct cm_rule_file *files,
                              const struct cm_directory *directory, bool is_signed,
                              struct cm_error *error)
{
    struct cm_diagnostics diagnostics = {0};
    const struct cm_rules_source source = {
        .main = main,
        .file_count = count,
        .files = files,
        .directory = directory,
        .now_ms = cm_wall_ms(cm_clock_system()),
        .retired_ok = is_signed,
    };
    enum cm_status status = cm_rules_compile(out, &source, &diagnostics);
    if (status == CM_INVALID) {
        print_errors(&diagnostics);
        status = cm_fail(error, CM_INVALID, main, "has errors: it can't be compared");
    } else if (status != CM_OK) {
        status = cm_fail(error, status, main, "out of memory");
    }
    cm_diagnostics_clear(&diagnostics);
    return status;
}

// *is_signed false: path is no envelope, so a rule file.
static enum cm_status read_signed(struct cm_acl_state *out, const char *path,
                                  struct cm_error *error)
{
    struct cm_buf file = {0};
    struct cm_bytes bytes;
    struct cm_envelope envelope;
    struct cm_error ignored;
    out->arena = cm_arena_new(SET_CAP);
    enum cm_status status = out->arena == NULL
                                ? cm_fail(error, CM_MEMORY, path, "out of memory")
                                : cm_file_read(&file, path, 2 * CM_MAX_RULESET, error);
    if (status == CM_OK) {
        status = cm_arena_bytes(out->arena, &bytes, cm_buf_bytes(&file));
    }
    if (status == CM_OK && cm_envelope_decode(&envelope, out->arena, bytes, &ignored) == CM_OK) {
        out->is_signed = true;
        status = envelope.family == CM_FAMILY_RULESET
                     ? cm_ruleset_decode(&out->set, out->arena, envelope.payload, error)
                     : cm_fail(error, CM_INVALID, path, "is signed, but is no rule set");
    }
    cm_buf_clear(&file);
    return status;
}

enum cm_status cm_acl_set_compile(struct cm_acl_state *state, const struct cm_directory *directory,
                                  struct cm_error *error)
{
    const struct cm_ruleset *set = &state->set;
    return compile(&state->rules, set->main, set->file_count, set->files, directory, true, error);
}

enum cm_status cm_acl_set_read(struct cm_acl_state *out, const char *path, struct cm_error *error)
{
    *out = (struct cm_acl_state){.is_signed = false};
    enum cm_status status = read_signed(out, path, error);
    if (status == CM_OK && !out->is_signed) {
        status = cm_fail(error, CM_INVALID, path, "is no signed rule set");
    }
    if (status != CM_OK) {
        cm_acl_state_clear(out);
    }
    return status;
}

enum cm_status cm_acl_state_load(struct cm_acl_state *out, const char *path,
                                 const struct cm_directory *directory, const char *packs,
                                 struct cm_error *error)
{
    *out = (struct cm_acl_state){.is_signed = false};
    enum cm_status status = read_signed(out, path, error);
    if (status == CM_OK && out->is_signed) {
        status = cm_acl_set_compile(out, directory, error);
    } else if (status == CM_OK) {
        status = cm_acl_files_read(&out->files, path, packs != NULL ? packs : CM_ACL_PACKS, error);
        if (status == CM_OK) {
            status = compile(&out->rules, out->files.main, out->files.count, out->files.list,
                             directory, false, error);
        }
    }
    if (status != CM_OK) {
        cm_acl_state_clear(out);
    }
    return status;
}

enum cm_status cm_acl_state_include(struct cm_acl_state *state, const char *pack, const char *packs,
                                    const struct cm_directory *directory, struct cm_error *error)
{
    if (state->is_signed) {
        return cm_fail(error, CM_INVALID, "--include", "takes a rule file, not a signed set");
    }
    enum cm_status status =
        cm_acl_files_include(&state->files, pack, packs != NULL ? packs : CM_ACL_PACKS, error);
    cm_rules_unref(state->rules);
    state->rules = NULL;
    return status == CM_OK ? compile(&state->rules, state->files.main, state->files.count,
                                     state->files.list, directory, false, error)
                           : status;
}

void cm_acl_state_clear(struct cm_acl_state *state)
{
    cm_rules_unref(state->rules);
    cm_acl_files_clear(&state->files);
    cm_arena_free(state->arena);
    *state = (struct cm_acl_state){.is_signed = false};
}
