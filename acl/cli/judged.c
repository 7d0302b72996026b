#include "acl/cli/judged.h"

#include "proto/base/clock.h"
#include "proto/trust/directory_json.h"

#include <stdio.h>

enum { ARENA_CAP = 8 * CM_MAX_DIRECTORY };

static enum cm_status read_directory(struct cm_judged *out, const char *directory,
                                     struct cm_error *error)
{
    *out = (struct cm_judged){.arena = cm_arena_new(ARENA_CAP)};
    if (out->arena == NULL) {
        return cm_fail(error, CM_MEMORY, "directory", "out of memory");
    }
    return cm_directory_read(&out->directory, out->arena,
                             directory != NULL ? directory : CM_ACL_DIRECTORY, error);
}

static enum cm_status judge(struct cm_judged *out, const char *main, size_t count,
                            const struct cm_rule_file *files, struct cm_error *error)
{
    const struct cm_rules_source source = {
        .main = main,
        .file_count = count,
        .files = files,
        .directory = &out->directory,
        .now_ms = cm_wall_ms(cm_clock_system()),
        .lint = true,
        .served = 1u << CM_ACTION_LOOKUP,
    };
    enum cm_status status = cm_rules_compile(&out->rules, &source, &out->diagnostics);
    // Errors in the rules are in the diagnostics.
    if (status == CM_OK || status == CM_INVALID) {
        return CM_OK;
    }
    return cm_fail(error, status, main, "out of memory");
}

static enum cm_status load_rules(struct cm_judged *out, const char *path, const char *packs,
                                 struct cm_error *error)
{
    enum cm_status status =
        cm_acl_files_read(&out->files, path, packs != NULL ? packs : CM_ACL_PACKS, error);
    return status == CM_OK ? judge(out, out->files.main, out->files.count, out->files.list, error)
                           : status;
}

enum cm_status cm_judged_load(struct cm_judged *out, const char *path, const char *directory,
                              const char *packs, struct cm_error *error)
{
    enum cm_status status = read_directory(out, directory, error);
    if (status == CM_OK) {
        status = load_rules(out, path, packs, error);
    }
    if (status != CM_OK) {
        cm_judged_clear(out);
    }
    return status;
}

enum cm_status cm_judged_by(struct cm_judged *out, const char *path,
                            const struct cm_directory *directory, const char *packs,
                            struct cm_error *error)
{
    *out = (struct cm_judged){.directory = *directory};
    enum cm_status status = load_rules(out, path, packs, error);
    if (status != CM_OK) {
        cm_judged_clear(out);
    }
    return status;
}

enum cm_status cm_judged_set(struct cm_judged *out, const struct cm_ruleset *set,
                             const struct cm_directory *directory, struct cm_error *error)
{
    *out = (struct cm_judged){.directory = *directory};
    enum cm_status status = judge(out, set->main, set->file_count, set->files, error);
    if (status != CM_OK) {
        cm_judged_clear(out);
    }
    return status;
}

void cm_judged_clear(struct cm_judged *judged)
{
    cm_rules_unref(judged->rules);
    cm_diagnostics_clear(&judged->diagnostics);
    cm_acl_files_clear(&judged->files);
    cm_arena_free(judged->arena);
    *judged = (struct cm_judged){0};
}

void cm_judged_print(const struct cm_judged *judged)
{
    struct cm_buf text = {0};
    size_t errors = judged->diagnostics.errors;
    size_t warnings = judged->diagnostics.warnings;
    if (cm_diagnostics_print(&text, &judged->diagnostics) == CM_OK && text.len > 0) {
        fwrite(text.data, 1, text.len, stderr);
    }
    cm_buf_clear(&text);
    if (judged->diagnostics.count > 0) {
        fprintf(stderr, "%zu error%s, %zu warning%s\n", errors, errors == 1 ? "" : "s", warnings,
                warnings == 1 ? "" : "s");
    }
}
