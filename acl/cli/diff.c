#include "acl/cli/diff.h"

#include "acl/cli/changes_print.h"
#include "acl/cli/diagnostics_json.h"
#include "acl/cli/state.h"
#include "proto/base/cli_args.h"
#include "proto/base/clock.h"

#include <string.h>

enum { EXIT_WIDENS = 3 };
#define ARENA_CAP ((size_t)512 * 1024 * 1024)

static const struct argp_option options[] = {
    {"directory", 'd', "FILE", 0, CM_ACL_DIRECTORY_HELP, 0},
    {"old-directory", 'D', "FILE", 0, "The directory that OLD is judged by, if another", 0},
    {"include", 'i', "PACK", 0, "Judge NEW (OLD, if left out) as if it included that pack too", 0},
    {"packs", 'p', "DIR", 0, CM_ACL_PACKS_HELP, 0},
    {"json", 'j', NULL, 0, "An object for programs", 0},
    {0},
};

static const struct cm_cli_usage usage = {
    .options = options,
    .words = "OLD [NEW]",
    .about = "Show exactly what each agency gains and loses when NEW counts instead of OLD, from "
             "today on.\vOLD and NEW are rule files or signed rule sets. Two that mean the same "
             "show no difference, however they are written. Exit code 3: something widens.",
    .least_words = 1,
    .most_words = 2,
};

static int show(const struct cm_side sides[2], bool json)
{
    struct cm_error error;
    const struct cm_diff *diff;
    struct cm_arena *arena = cm_arena_new(ARENA_CAP);
    enum cm_status status = arena == NULL ? cm_fail(&error, CM_MEMORY, "rules", "out of memory")
                                          : cm_diff_make(&diff, arena, &sides[0], &sides[1],
                                                         cm_wall_ms(cm_clock_system()), &error);
    if (status != CM_OK) {
        cm_arena_free(arena);
        return cm_cli_fail(&error);
    }
    if (json) {
        cm_json_print(cm_diff_json(diff));
    } else {
        cm_diff_print(stdout, diff);
    }
    int code = cm_diff_widens(diff) ? EXIT_WIDENS : CM_EXIT_OK;
    cm_arena_free(arena);
    return code;
}

int cm_acl_diff(int argc, char **argv)
{
    static struct cm_cli_args args;
    struct cm_acl_directory directories[2] = {{.arena = NULL}, {.arena = NULL}};
    struct cm_acl_state states[2] = {{.rules = NULL}, {.rules = NULL}};
    struct cm_error error;
    cm_cli_parse(&args, &usage, argc, argv);
    const char *packs = cm_cli_get(&args, 'p');
    const char *pack = cm_cli_get(&args, 'i');
    const char *old_directory = cm_cli_get(&args, 'D');
    if (args.word_count < 2 && pack == NULL) {
        cm_cli_say("give OLD and NEW, or OLD and --include");
        return CM_EXIT_USAGE;
    }
    enum cm_status status = cm_acl_directory_load(&directories[1], cm_cli_get(&args, 'd'), &error);
    if (status == CM_OK && old_directory != NULL) {
        status = cm_acl_directory_load(&directories[0], old_directory, &error);
    }
    const struct cm_directory *judges[2] = {old_directory != NULL ? &directories[0].value
                                                                  : &directories[1].value,
                                            &directories[1].value};
    for (unsigned i = 0; status == CM_OK && i < 2; i++) {
        const char *path = args.words[i < args.word_count ? i : 0];
        status = cm_acl_state_load(&states[i], path, judges[i], packs, &error);
    }
    if (status == CM_OK && pack != NULL) {
        status = cm_acl_state_include(&states[1], pack, packs, judges[1], &error);
    }
    if (status == CM_OK &&
        strcmp(cm_rules_node(states[0].rules), cm_rules_node(states[1].rules)) != 0) {
        status = cm_fail(&error, CM_INVALID, args.words[args.word_count - 1],
                         "is for %s, the other for %s", cm_rules_node(states[1].rules),
                         cm_rules_node(states[0].rules));
    }
    const struct cm_side sides[2] = {{states[0].rules, NULL, judges[0]},
                                     {states[1].rules, NULL, judges[1]}};
    int code = status == CM_OK ? show(sides, cm_cli_get(&args, 'j') != NULL) : cm_cli_fail(&error);
    for (unsigned i = 0; i < 2; i++) {
        cm_acl_state_clear(&states[i]);
        cm_acl_directory_clear(&directories[i]);
    }
    return code;
}
