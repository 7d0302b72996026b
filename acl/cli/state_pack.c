#include "acl/cli/state_pack.h"

#include "acl/ast.h"
#include "acl/diff.h"
#include "proto/base/clock.h"

#include <stdio.h>
#include <string.h>

enum { PARSE_CAP = 64 * CM_MAX_RULESET };
#define ARENA_CAP ((size_t)512 * 1024 * 1024)

// "us-ca"; false: the node has no state.
static bool name_pack(char out[8], const struct cm_judged *judged)
{
    const struct cm_agency *agency =
        cm_directory_agency(&judged->directory, cm_rules_node(judged->rules));
    if (agency == NULL || agency->state == NULL || strlen(agency->state) != 2) {
        return false;
    }
    snprintf(out, 8, "us-%c%c", agency->state[0] | 0x20, agency->state[1] | 0x20);
    return true;
}

// Other agencies that lose something.
static uint32_t count_losers(const struct cm_diff *diff, const char **first)
{
    uint32_t count = 0;
    for (uint32_t g = 0; g < diff->group_count; g++) {
        for (uint32_t a = 0; a < diff->groups[g].agency_count; a++) {
            const char *id = diff->cells->agencies[diff->groups[g].agencies[a]];
            if (strcmp(id, diff->cells->node) != 0) {
                *first = *first == NULL || strcmp(id, *first) < 0 ? id : *first;
                count++;
            }
        }
    }
    return count;
}

static void warn(struct cm_judged *judged, const char *pack, uint32_t count, const char *first)
{
    struct cm_ast ast;
    char hint[128];
    struct cm_diagnostics ignored = {0};
    const struct cm_rules_source source = {
        .main = judged->files.main, .file_count = judged->files.count, .files = judged->files.list};
    struct cm_arena *arena = cm_arena_new(PARSE_CAP);
    if (arena != NULL && cm_ast_load(&ast, arena, &source, &ignored) == CM_OK) {
        snprintf(hint, sizeof hint, "include it; see: comity acl diff --include %s %.60s", pack,
                 judged->files.main);
        cm_diagnostics_add(&judged->diagnostics, CM_SEVERITY_WARNING, &ast.node_place, hint,
                           "the statute pack %s forbids what %u other agenc%s here: %.96s%s", pack,
                           (unsigned)count, count == 1 ? "y sees" : "ies see", first,
                           count == 1 ? "" : ", ...");
        cm_diagnostics_sort(&judged->diagnostics, judged->files.main);
    }
    cm_diagnostics_clear(&ignored);
    cm_arena_free(arena);
}

// Past a bound on the work nothing is said: rules that can't be compared are still rules.
static void compare(struct cm_judged *judged, const char *pack, const struct cm_rules *with)
{
    struct cm_error error;
    const struct cm_diff *diff;
    const char *first = NULL;
    const struct cm_side old = {judged->rules, NULL, &judged->directory};
    const struct cm_side new = {with, NULL, &judged->directory};
    struct cm_arena *arena = cm_arena_new(ARENA_CAP);
    if (arena != NULL &&
        cm_diff_make(&diff, arena, &old, &new, cm_wall_ms(cm_clock_system()), &error) == CM_OK) {
        uint32_t count = count_losers(diff, &first);
        if (count > 0) {
            warn(judged, pack, count, first);
        }
    }
    cm_arena_free(arena);
}

// NULL when the pack doesn't fit: a purpose that the directory lacks is none of these rules'
// errors.
static enum cm_status compile(struct cm_rules **out, const struct cm_acl_files *files,
                              const struct cm_directory *directory)
{
    struct cm_diagnostics ignored = {0};
    const struct cm_rules_source source = {.main = files->main,
                                           .file_count = files->count,
                                           .files = files->list,
                                           .directory = directory,
                                           .retired_ok = true};
    enum cm_status status = cm_rules_compile(out, &source, &ignored);
    cm_diagnostics_clear(&ignored);
    return status == CM_INVALID ? CM_OK : status;
}

enum cm_status cm_state_pack_lint(struct cm_judged *judged, const char *packs,
                                  struct cm_error *error)
{
    char pack[8];
    struct cm_acl_files files = judged->files;
    struct cm_rules *with = NULL;
    if (judged->rules == NULL || !name_pack(pack, judged)) {
        return CM_OK;
    }
    enum cm_status status =
        cm_acl_files_include(&files, pack, packs != NULL ? packs : CM_ACL_PACKS, error);
    if (status == CM_OK && files.count > judged->files.count) {
        status = compile(&with, &files, &judged->directory);
    }
    if (status == CM_OK && with != NULL) {
        compare(judged, pack, with);
    }
    cm_rules_unref(with);
    return status == CM_NOT_FOUND || status == CM_INVALID ? CM_OK : status;
}
