#include "proto/base/cli_args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct parsing {
    const struct cm_cli_usage *usage;
    struct cm_cli_args *out;
};

static void check_required(const struct argp_state *state, const struct parsing *parsing)
{
    const char *keys = parsing->usage->required != NULL ? parsing->usage->required : "";
    for (; *keys != '\0'; keys++) {
        if (cm_cli_get(parsing->out, *keys) != NULL) {
            continue;
        }
        for (const struct argp_option *o = parsing->usage->options; o->name != NULL; o++) {
            if (o->key == *keys) {
                argp_error(state, "--%s is missing", o->name);
            }
        }
    }
    if (parsing->out->word_count < parsing->usage->least_words) {
        argp_error(state, "%s is missing", parsing->usage->words);
    }
}

static error_t take(int key, char *value, struct argp_state *state)
{
    struct parsing *parsing = state->input;
    struct cm_cli_args *out = parsing->out;
    if (key == ARGP_KEY_ARG) {
        if (out->word_count >= parsing->usage->most_words || out->word_count >= CM_CLI_MAX_WORDS) {
            argp_error(state, "'%s' is too much here", value);
        }
        out->words[out->word_count++] = value;
        return 0;
    }
    if (key == ARGP_KEY_END) {
        check_required(state, parsing);
        return 0;
    }
    if (key <= 0 || key > 0xff) {
        return ARGP_ERR_UNKNOWN;
    }
    if (out->given_count >= CM_CLI_MAX_GIVEN) {
        argp_error(state, "more than %d options", CM_CLI_MAX_GIVEN);
    }
    out->given[out->given_count].key = key;
    out->given[out->given_count++].value = value != NULL ? value : "";
    return 0;
}

void cm_cli_parse(struct cm_cli_args *out, const struct cm_cli_usage *usage, int argc, char **argv)
{
    struct parsing parsing = {usage, out};
    struct argp argp = {
        .options = usage->options, .parser = take, .args_doc = usage->words, .doc = usage->about};
    out->word_count = 0;
    out->given_count = 0;
    error_t failed = argp_parse(&argp, argc, argv, 0, NULL, &parsing);
    if (failed != 0) {
        cm_cli_say("cannot read the command line: %s", strerror(failed));
        exit(CM_EXIT_USAGE);
    }
}

const char *cm_cli_nth(const struct cm_cli_args *args, int key, size_t index)
{
    for (size_t i = 0; i < args->given_count; i++) {
        if (args->given[i].key == key && index-- == 0) {
            return args->given[i].value;
        }
    }
    return NULL;
}

const char *cm_cli_get(const struct cm_cli_args *args, int key)
{
    for (size_t i = args->given_count; i > 0; i--) {
        if (args->given[i - 1].key == key) {
            return args->given[i - 1].value;
        }
    }
    return NULL;
}

long long cm_cli_get_number(const struct cm_cli_args *args, int key, const char *name,
                            long long fallback, long long least, long long most)
{
    const char *text = cm_cli_get(args, key);
    if (text == NULL) {
        return fallback;
    }
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < least || value > most) {
        cm_cli_say("--%s: '%s' is not a whole number from %lld to %lld", name, text, least, most);
        exit(CM_EXIT_USAGE);
    }
    return value;
}
