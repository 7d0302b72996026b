#include "acl/cli/check.h"

#include "acl/cli/diagnostics_json.h"
#include "acl/cli/judged.h"
#include "acl/cli/state_pack.h"
#include "proto/base/cli_args.h"

enum { EXIT_WARNINGS = 2 };

static const struct argp_option options[] = {
    {"directory", 'd', "FILE", 0, CM_ACL_DIRECTORY_HELP, 0},
    {"packs", 'p', "DIR", 0, CM_ACL_PACKS_HELP, 0},
    {"strict", 's', NULL, 0, "Exit with 2 when there are warnings", 0},
    {"json", 'j', NULL, 0, "An object for programs", 0},
    {0},
};

static const struct cm_cli_usage usage = {
    .options = options,
    .words = "FILE",
    .about = "Report every error and warning of a rule file and of what it includes.\v"
             "Exit code 0: no errors, 1: errors, 2: warnings, with --strict.",
    .least_words = 1,
    .most_words = 1,
};

static void print_json(const struct cm_judged *judged)
{
    // Of very many, the list has only the first.
    cm_json_print(json_pack("{s:b, s:I, s:I, s:o}", "valid", judged->rules != NULL, "errors",
                            (json_int_t)judged->diagnostics.errors, "warnings",
                            (json_int_t)judged->diagnostics.warnings, "diagnostics",
                            cm_diagnostics_json(&judged->diagnostics)));
}

int cm_acl_check(int argc, char **argv)
{
    static struct cm_cli_args args;
    struct cm_judged judged;
    struct cm_error error;
    cm_cli_parse(&args, &usage, argc, argv);
    if (cm_judged_load(&judged, args.words[0], cm_cli_get(&args, 'd'), cm_cli_get(&args, 'p'),
                       &error) != CM_OK) {
        return cm_cli_fail(&error);
    }
    if (cm_state_pack_lint(&judged, cm_cli_get(&args, 'p'), &error) != CM_OK) {
        cm_judged_clear(&judged);
        return cm_cli_fail(&error);
    }
    int code = judged.diagnostics.errors > 0 ? CM_EXIT_FAILED : CM_EXIT_OK;
    if (code == CM_EXIT_OK && judged.diagnostics.count > 0 && cm_cli_get(&args, 's') != NULL) {
        code = EXIT_WARNINGS;
    }
    if (cm_cli_get(&args, 'j') != NULL) {
        print_json(&judged);
    } else {
        cm_judged_print(&judged);
        if (judged.diagnostics.count == 0) {
            printf("%s: no errors, no warnings\n", args.words[0]);
        }
    }
    cm_judged_clear(&judged);
    return code;
}
