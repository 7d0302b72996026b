// A command's options and words, read by argp from a table: what was given, in its order.
// Wrong usage prints what is wrong and exits with CM_EXIT_USAGE. Borrows from argv.
// Main thread only.
#ifndef CM_BASE_CLI_ARGS_H
#define CM_BASE_CLI_ARGS_H

#include "proto/base/cli.h"

#include <argp.h>

enum { CM_CLI_MAX_GIVEN = 1024, CM_CLI_MAX_WORDS = 16 };

struct cm_cli_usage {
    const struct argp_option *options; // keys are characters, each once; ends with a zeroed one
    const char *words;                 // as the usage line shows them: "CSR"
    const char *about;    // \v parts what stands before the options from what stands after
    const char *required; // keys of options that must be given, or NULL
    unsigned least_words, most_words;
};

struct cm_cli_args {
    size_t word_count;
    const char *words[CM_CLI_MAX_WORDS];
    size_t given_count;
    struct {
        int key;
        const char *value; // "" for an option without an argument
    } given[CM_CLI_MAX_GIVEN];
};

void cm_cli_parse(struct cm_cli_args *out, const struct cm_cli_usage *usage, int argc, char **argv);
// The last value of the option, or NULL when it wasn't given.
const char *cm_cli_get(const struct cm_cli_args *args, int key);
// The index-th value of a repeated option, NULL past the last.
const char *cm_cli_nth(const struct cm_cli_args *args, int key, size_t index);
// The option's whole number in [least, most], or fallback when it wasn't given. name is for the
// message.
long long cm_cli_get_number(const struct cm_cli_args *args, int key, const char *name,
                            long long fallback, long long least, long long most);

#endif
