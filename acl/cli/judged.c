#include "acl/cli/judged.h"

#include "proto/base/clock.h"
#include "proto/trust/directory_json.h"

#include <stdio.h>

enum { ARENA_CAP = 8 * CM_MAX_DIRECTORY };

enum cm_status cm_judged_load(struct cm_judged *out, const char *path, const char *directory,
                              const char *packs, struct cm_error *error)
{
    *out = (struct cm_judged){.arena = cm_arena_new(ARENA_CAP)};
    if (out->arena == NULL) {
        return cm_fail(error, CM_MEMORY, path, "out of memory");
    }
    enum cm_status status = cm_directory_read(
        &out->directory, out->arena, directory != NULL ? directory : CM_ACL_DIRECTORY, error);
    if (status == CM_OK) {
        status = cm_acl_files_read(&out->files, path, packs != NULL ? packs : CM_ACL_PACKS, error);
    }
    if (status == CM_OK) {
        const struct cm_rules_source source = {
            .main = out->files.main,
            .file_count = out->files.count,
            .files = out->files.list,
            .directory = &out->directory,
            .now_ms = cm_wall_ms(cm_clock_system()),
            .lint = true,
        };
        status = cm_rules_compile(&out->rules, &source, &out->diagnostics);
        if (status == CM_INVALID) {
            status = CM_OK;
        } else if (status != CM_OK) {
            cm_fail(error, status, path, "out of memory");
        }
    }
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
    size_t warnings = judged->diagnostics.count - errors;
    if (cm_diagnostics_print(&text, &judged->diagnostics) == CM_OK && text.len > 0) {
        fwrite(text.data, 1, text.len, stderr);
    }
    cm_buf_clear(&text);
    if (judged->diagnostics.count > 0) {
        fprintf(stderr, "%zu error%s, %zu warning%s\n", errors, errors == 1 ? "" : "s", warnings,
                warnings == 1 ? "" : "s");
    }
}
