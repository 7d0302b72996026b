// What every subcommand of `comity audit` that reads a ledger takes on its command line.
// Main thread.
#ifndef CM_LEDGER_CLI_FOLDER_ARGS_H
#define CM_LEDGER_CLI_FOLDER_ARGS_H

#include "proto/base/cli_args.h"
#include "proto/ledger/cli/ledger_folder.h"

// Rows of an option table; the keys 'C', 'K' and 'F' are theirs.
#define CM_AUDIT_FOLDER_OPTIONS                                                                    \
    {"chain", 'C', "FILE", 0, "your auditor's certificate, for a ledger in use", 8},               \
        {"key", 'K', "FILE", 0, "its key", 8},                                                     \
    {                                                                                              \
        "passphrase-file", 'F', "FILE", 0, "the key's passphrase: its first line", 8               \
    }

// The command line as a running daemon records it; what does not fit ends in an ellipsis.
void cm_audit_arguments(char out[CM_MAX_ACCESS_TEXT + 1], int argc, char **argv);
// Takes the option's values out of the process list: after cm_audit_arguments, and before anything
// that waits.
void cm_audit_hide(const struct cm_cli_args *args, int key);
// Opens path for the command that cm_cli_name names. A running daemon records that and arguments.
enum cm_status cm_audit_folder_open(struct cm_ledger_folder **out, const char *path,
                                    const struct cm_cli_args *args, const char *arguments,
                                    struct cm_error *error) CM_MUST_CHECK;

#endif
