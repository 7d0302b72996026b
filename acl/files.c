#include "acl/files.h"

#include "acl/ast.h"
#include "proto/base/file.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_CAP = 4 * CM_MAX_RULESET, PARSE_CAP = 64 * CM_MAX_RULESET };

static const struct cm_rule_file *find(const struct cm_acl_files *files, const char *name)
{
    for (size_t i = 0; i < files->count; i++) {
        if (strcmp(files->list[i].path, name) == 0) {
            return &files->list[i];
        }
    }
    return NULL;
}

static enum cm_status add(struct cm_acl_files *files, const char *name, const char *path,
                          struct cm_error *error)
{
    struct cm_buf text = {0};
    struct cm_rule_file *file = &files->list[files->count];
    if (files->count == CM_MAX_RULE_FILES) {
        return cm_fail(error, CM_INVALID, path, "more than %d files", CM_MAX_RULE_FILES);
    }
    enum cm_status status = cm_file_read(&text, path, CM_MAX_RULESET, error);
    if (status == CM_OK) {
        file->path = cm_arena_string(files->arena, cm_bytes_of(name));
        status = file->path == NULL
                     ? CM_MEMORY
                     : cm_arena_bytes(files->arena, &file->text, cm_buf_bytes(&text));
        if (status == CM_MEMORY) {
            cm_fail(error, status, path, "all files together are larger than %d bytes",
                    CM_MAX_RULESET);
        }
    }
    cm_buf_clear(&text);
    files->count += status == CM_OK;
    return status;
}

static enum cm_status add_included(struct cm_acl_files *files, const char *name, const char *folder,
                                   const char *packs, struct cm_error *error)
{
    char path[PATH_MAX];
    bool pack = strchr(name, '.') == NULL;
    // The compiler reports such a name; here it must not become a path out of the folder.
    if (strchr(name, '/') != NULL || name[0] == '.' || (pack && packs == NULL)) {
        return CM_NOT_FOUND;
    }
    int len =
        snprintf(path, sizeof path, "%s/%s%s", pack ? packs : folder, name, pack ? ".rules" : "");
    if (len < 0 || len >= (int)sizeof path) {
        return cm_fail(error, CM_INVALID, name, "the path is too long");
    }
    return add(files, name, path, error);
}

// One round: reads what the files so far include. *more: something came that may include others.
static enum cm_status read_round(struct cm_acl_files *files, const char *folder, const char *packs,
                                 bool *more, struct cm_error *error)
{
    struct cm_ast ast = {0};
    struct cm_diagnostics diagnostics = {0};
    const struct cm_rules_source source = {
        .main = files->main, .file_count = files->count, .files = files->list};
    struct cm_arena *arena = cm_arena_new(PARSE_CAP);
    enum cm_status status =
        arena == NULL ? CM_MEMORY : cm_ast_load(&ast, arena, &source, &diagnostics);
    *more = false;
    for (struct cm_inclusion *i = ast.inclusions; status == CM_OK && i != NULL; i = i->next) {
        if (find(files, i->name) != NULL) {
            continue;
        }
        enum cm_status found = add_included(files, i->name, folder, packs, error);
        if (found == CM_OK) {
            *more = true;
        } else if (found != CM_NOT_FOUND) {
            status = found;
        }
    }
    cm_diagnostics_clear(&diagnostics);
    cm_arena_free(arena);
    return status;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct cm_rule_file *)a)->path, ((const struct cm_rule_file *)b)->path);
}

enum cm_status cm_acl_files_read(struct cm_acl_files *out, const char *path, const char *packs,
                                 struct cm_error *error)
{
    char base[PATH_MAX];
    char folder[PATH_MAX];
    *out = (struct cm_acl_files){.arena = cm_arena_new(ARENA_CAP)};
    if (out->arena == NULL) {
        return cm_fail(error, CM_MEMORY, path, "out of memory");
    }
    snprintf(base, sizeof base, "%s", path);
    snprintf(folder, sizeof folder, "%s", path);
    enum cm_status status = add(out, basename(base), path, error);
    const char *folder_name = dirname(folder);
    bool more = status == CM_OK;
    while (more && status == CM_OK) {
        out->main = cm_arena_string(out->arena, cm_bytes_of(basename(base)));
        status = out->main == NULL ? CM_MEMORY : read_round(out, folder_name, packs, &more, error);
    }
    if (status != CM_OK) {
        cm_acl_files_clear(out);
        return status;
    }
    qsort(out->list, out->count, sizeof out->list[0], by_path);
    return CM_OK;
}

// The main file's text with the inclusion behind it.
static enum cm_status append_include(struct cm_acl_files *files, const char *pack)
{
    struct cm_buf text = {0};
    enum cm_status status = CM_NOT_FOUND;
    for (size_t i = 0; i < files->count; i++) {
        struct cm_rule_file *file = &files->list[i];
        if (strcmp(file->path, files->main) != 0) {
            continue;
        }
        status = cm_buf_add(&text, file->text.data, file->text.len);
        if (status == CM_OK) {
            status = cm_buf_printf(&text, "\ninclude \"%s\"\n", pack);
        }
        if (status == CM_OK) {
            status = cm_arena_bytes(files->arena, &file->text, cm_buf_bytes(&text));
        }
    }
    cm_buf_clear(&text);
    return status;
}

enum cm_status cm_acl_files_include(struct cm_acl_files *files, const char *pack, const char *packs,
                                    struct cm_error *error)
{
    if (find(files, pack) != NULL) {
        return CM_OK;
    }
    enum cm_status status =
        strchr(pack, '.') != NULL ? CM_NOT_FOUND : add_included(files, pack, ".", packs, error);
    if (status == CM_NOT_FOUND) {
        return cm_fail(error, status, packs, "there is no statute pack \"%.60s\"", pack);
    }
    if (status == CM_OK) {
        status = append_include(files, pack);
    }
    bool more = status == CM_OK;
    while (more && status == CM_OK) {
        status = read_round(files, packs, packs, &more, error);
    }
    qsort(files->list, files->count, sizeof files->list[0], by_path);
    return status == CM_MEMORY ? cm_fail(error, status, pack, "all files together are too large")
                               : status;
}

void cm_acl_files_clear(struct cm_acl_files *files)
{
    cm_arena_free(files->arena);
    *files = (struct cm_acl_files){0};
}
