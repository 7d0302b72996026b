#include "acl/nearest.h"
#include "acl/parse.h"

#include <string.h>

enum { DEEPEST = 8 };

struct loader {
    const struct cm_rules_source *source;
    struct cm_diagnostics *diagnostics;
    unsigned depth[CM_MAX_RULE_FILES]; // by index among the files; 0: not read, main is 1
};

static const struct cm_rule_file *find(const struct cm_rules_source *source, const char *path)
{
    for (size_t i = 0; i < source->file_count; i++) {
        if (strcmp(source->files[i].path, path) == 0) {
            return &source->files[i];
        }
    }
    return NULL;
}

static bool is_pack_name(const char *name)
{
    return strchr(name, '.') == NULL;
}

bool cm_in_pack(const struct cm_ast *ast, const struct cm_place *place)
{
    return place->file != ast->main && is_pack_name(place->file->path);
}

static size_t index_of(const struct loader *loader, const struct cm_rule_file *file)
{
    return (size_t)(file - loader->source->files);
}

static void report_missing(struct loader *loader, const struct cm_inclusion *inclusion)
{
    struct cm_nearest nearest;
    char hint[128];
    cm_nearest_init(&nearest, inclusion->name);
    for (size_t i = 0; i < loader->source->file_count; i++) {
        cm_nearest_offer(&nearest, "", loader->source->files[i].path);
    }
    bool pack = is_pack_name(inclusion->name);
    cm_nearest_hint(&nearest, hint, sizeof hint,
                    pack ? "a file beside this one has a dot in its name" : "");
    cm_diagnostics_add(loader->diagnostics, CM_SEVERITY_ERROR, &inclusion->place, hint,
                       pack ? "no such statute pack" : "no such file beside this one");
}

// Whether a chain of inclusions leads from one file to another. Bounded by the number of files.
static bool leads_to(const struct loader *loader, const struct cm_ast *ast,
                     const struct cm_rule_file *from, const struct cm_rule_file *to)
{
    bool reached[CM_MAX_RULE_FILES] = {false};
    reached[index_of(loader, from)] = true;
    for (bool more = true; more && !reached[index_of(loader, to)];) {
        more = false;
        for (const struct cm_inclusion *i = ast->inclusions; i != NULL; i = i->next) {
            const struct cm_rule_file *file = i->to;
            if (file != NULL && reached[index_of(loader, i->from)] &&
                !reached[index_of(loader, file)]) {
                reached[index_of(loader, file)] = true;
                more = true;
            }
        }
    }
    return reached[index_of(loader, to)];
}

static void report_cycles(struct loader *loader, const struct cm_ast *ast)
{
    for (const struct cm_inclusion *i = ast->inclusions; i != NULL; i = i->next) {
        if (i->to != NULL && leads_to(loader, ast, i->to, i->from)) {
            cm_diagnostics_add(loader->diagnostics, CM_SEVERITY_ERROR, &i->place,
                               "leave one of the includes out",
                               "this file includes itself in the end");
        }
    }
}

static enum cm_status read_included(struct loader *loader, struct cm_ast *ast,
                                    struct cm_arena *arena, struct cm_inclusion *inclusion)
{
    const struct cm_rule_file *file = find(loader->source, inclusion->name);
    inclusion->to = file;
    if (file == NULL) {
        report_missing(loader, inclusion);
        return CM_OK;
    }
    if (loader->depth[index_of(loader, file)] != 0) {
        return CM_OK;
    }
    unsigned depth = loader->depth[index_of(loader, inclusion->from)] + 1;
    if (depth > DEEPEST + 1) {
        cm_diagnostics_add(loader->diagnostics, CM_SEVERITY_ERROR, &inclusion->place,
                           "include it from a file nearer to the main one",
                           "includes are nested more than %d deep", DEEPEST);
        return CM_OK;
    }
    loader->depth[index_of(loader, file)] = depth;
    return cm_parse_file(ast, arena, loader->source, file, loader->diagnostics);
}

static bool sizes_fit(const struct cm_rules_source *source, const struct cm_rule_file *main_file,
                      struct cm_diagnostics *diagnostics)
{
    struct cm_place place = {.file = main_file, .line = 1};
    size_t total = 0;
    for (size_t i = 0; i < source->file_count && total <= CM_MAX_RULESET; i++) {
        total += source->files[i].text.len;
    }
    if (source->file_count > CM_MAX_RULE_FILES) {
        cm_diagnostics_add(diagnostics, CM_SEVERITY_ERROR, &place, NULL, "more than %d files",
                           CM_MAX_RULE_FILES);
        return false;
    }
    if (total > CM_MAX_RULESET) {
        cm_diagnostics_add(diagnostics, CM_SEVERITY_ERROR, &place, NULL,
                           "all files together are larger than %d bytes", CM_MAX_RULESET);
        return false;
    }
    return true;
}

enum cm_status cm_ast_load(struct cm_ast *ast, struct cm_arena *arena,
                           const struct cm_rules_source *source, struct cm_diagnostics *diagnostics)
{
    *ast = (struct cm_ast){.retain_s = INT64_MAX};
    struct loader loader = {.source = source, .diagnostics = diagnostics};
    static const struct cm_rule_file nothing = {.path = "rules"};
    const struct cm_rule_file *file = find(source, source->main);
    ast->main = file != NULL ? file : &nothing;
    if (file == NULL) {
        struct cm_place place = {.file = &nothing, .line = 1};
        cm_diagnostics_add(diagnostics, CM_SEVERITY_ERROR, &place, NULL,
                           "the main file is missing");
        return CM_OK;
    }
    if (!sizes_fit(source, file, diagnostics)) {
        return CM_OK;
    }
    loader.depth[index_of(&loader, file)] = 1;
    enum cm_status status = cm_parse_file(ast, arena, source, file, diagnostics);
    for (struct cm_inclusion *i = ast->inclusions; status == CM_OK && i != NULL; i = i->next) {
        status = read_included(&loader, ast, arena, i);
    }
    if (status == CM_OK) {
        report_cycles(&loader, ast);
    }
    return status;
}
