#include "proto/ledger/cli/audit.h"
#include "proto/ledger/cli/exporter.h"
#include "proto/ledger/cli/folder_args.h"
#include "proto/ledger/cli/verifier.h"

#include <inttypes.h>

static const struct argp_option options[] = {
    {"to", 't', "FOLDER", 0, "where to: a folder that is not there yet, or is empty", 1},
    {"with-keys", 'k', NULL, 0, "the day keys too: who has the copy reads the clear values", 1},
    {"jsonl", 'j', NULL, 0, "entries.jsonl too: each entry with its clear values, a line", 1},
    CM_AUDIT_FOLDER_OPTIONS,
    {0}};

static const struct cm_cli_usage usage = {
    .options = options,
    .words = "DIR",
    .about = "Copies a ledger, as of its last checkpoint, once it is verified.\vThe copy is a "
             "folder that all commands of comity audit read. Without --with-keys it shows no "
             "plate, person or reason. Tiles are not copied: they follow from the log.",
    .required = "t",
    .least_words = 1,
    .most_words = 1,
};

static void keep_first(void *context, const struct cm_problem *problem)
{
    struct cm_error *error = context;
    if (error->text[0] == '\0') {
        cm_error_fill(error, CM_INVALID, problem->where, "%s", problem->text);
        cm_error_hint(error, "nothing was copied; comity audit verify says more");
    }
}

int cm_audit_export(int argc, char **argv)
{
    static struct cm_cli_args args;
    char arguments[CM_MAX_ACCESS_TEXT + 1];
    struct cm_error error = {.text = ""};
    struct cm_error wrong = {.text = ""};
    struct cm_verified verified = {.problems = 0};
    struct cm_ledger_folder *folder = NULL;
    cm_cli_parse(&args, &usage, argc, argv);
    cm_audit_arguments(arguments, argc, argv);
    const struct cm_verifier_options checks = {.problem = keep_first, .context = &wrong};
    const struct cm_exporter_options o = {.to = cm_cli_get(&args, 't'),
                                          .with_keys = cm_cli_get(&args, 'k') != NULL,
                                          .with_lines = cm_cli_get(&args, 'j') != NULL};
    enum cm_status status = cm_audit_folder_open(&folder, args.words[0], &args, arguments, &error);
    if (status == CM_OK) {
        status = cm_verify(&verified, folder, &checks, &error);
    }
    if (status == CM_OK && verified.problems > 0) {
        cm_ledger_folder_close(folder);
        (void)cm_cli_fail(&wrong);
        return CM_EXIT_AUDIT_WRONG;
    }
    if (status == CM_OK) {
        status = cm_export(folder, &o, &error);
    }
    if (status == CM_OK) {
        printf("%" PRIu64 " entries of %s copied to %s, %s keys\n", verified.entries,
               verified.origin, o.to, o.with_keys ? "with" : "without");
    }
    cm_ledger_folder_close(folder);
    return status == CM_OK ? CM_EXIT_OK : cm_cli_fail(&error);
}
