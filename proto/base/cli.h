// What all commands share: subcommands, messages and prompts for people. Options are read by
// proto/base/cli_args.h.
// Main thread only.
#ifndef CM_BASE_CLI_H
#define CM_BASE_CLI_H

#include "proto/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

// Codes from 3 on are a command's own, in its manual page.
enum cm_exit { CM_EXIT_OK = 0, CM_EXIT_FAILED = 1, CM_EXIT_USAGE = 2 };

enum {
    CM_MIN_PASSPHRASE = 8,
    CM_MAX_PASSPHRASE = 512, // its NUL included
    CM_CLI_COLUMNS = 80,
};

struct cm_command {
    const char *name; // NULL ends a table
    const char *summary;
    // argv[0] is the name so far, as in "comity keys sign": pass argc and argv to cm_cli_parse.
    int (*run)(int argc, char **argv);
};

// First in main: names the program ("comity keys") in messages, usage and --version, and forbids
// core files.
void cm_cli_start(const char *name, int argc, char **argv);
// The name so far.
const char *cm_cli_name(void);
// Runs the command that argv[1] names; answers --help, help and --version. about: one sentence.
int cm_cli_dispatch(const struct cm_command *commands, const char *about, int argc, char **argv);

// "comity keys: where: text", the hint on lines of its own, on standard error at 80 columns.
void cm_cli_error(const struct cm_error *error);
// The same, and CM_EXIT_FAILED to return.
int cm_cli_fail(const struct cm_error *error);
// A notice on standard error in the same form.
void cm_cli_say(const char *format, ...) CM_PRINTF(1, 2);
// text at 80 columns, the first line after `used` columns, others indented; ends the line.
void cm_cli_wrap(FILE *out, const char *text, size_t used, size_t indent);

// As root: goes on as the owner of folder, since what is written there must be the daemon's.
// Whoever can't look at it is told how. CM_NOT_FOUND, CM_FORBIDDEN.
enum cm_status cm_cli_become_owner(const char *folder, struct cm_error *error) CM_MUST_CHECK;

// True when there is a terminal to ask on, wherever standard input comes from.
bool cm_cli_terminal(void);
// One line from the terminal, shown as it is typed. CM_UNAVAILABLE without a terminal,
// CM_CANCELLED on an interrupt. size counts the NUL.
enum cm_status cm_cli_prompt(char *out, size_t size, const char *prompt,
                             struct cm_error *error) CM_MUST_CHECK;
// A passphrase: the first line of file (which others must not be able to read; /dev/fd/N works),
// or where file is NULL typed unseen, a new one twice. Wipe out after use.
enum cm_status cm_cli_passphrase(char out[CM_MAX_PASSPHRASE], const char *file, const char *prompt,
                                 bool is_new, struct cm_error *error) CM_MUST_CHECK;

#endif
