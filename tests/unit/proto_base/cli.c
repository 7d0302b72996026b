#include "proto/base/cli.h"

#include <criterion/criterion.h>
#include <pty.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static char path[] = "/tmp/comity-cli-XXXXXX";

static const char *file_with(const char *text, size_t len, mode_t mode)
{
    strcpy(path, "/tmp/comity-cli-XXXXXX");
    int file = mkstemp(path);
    cr_assert_geq(file, 0);
    cr_assert_eq(write(file, text, len), (ssize_t)len);
    cr_assert_eq(fchmod(file, mode), 0);
    close(file);
    return path;
}

static enum cm_status passphrase_of(char out[CM_MAX_PASSPHRASE], const char *text, size_t len,
                                    mode_t mode, struct cm_error *error)
{
    enum cm_status status =
        cm_cli_passphrase(out, file_with(text, len, mode), "Passphrase", false, error);
    unlink(path);
    return status;
}

Test(cli, passphrase_is_the_first_line_of_a_file)
{
    char out[CM_MAX_PASSPHRASE];
    struct cm_error error = {0};
    cr_expect_eq(passphrase_of(out, "correct horse\nsecond", 20, 0600, &error), CM_OK);
    cr_expect_str_eq(out, "correct horse");
    cr_expect_eq(passphrase_of(out, "no line end", 11, 0400, &error), CM_OK);
    cr_expect_str_eq(out, "no line end");
}

Test(cli, passphrase_file_that_others_read_or_that_holds_none_is_refused)
{
    char out[CM_MAX_PASSPHRASE];
    char large[CM_MAX_PASSPHRASE + 8];
    memset(large, 'x', sizeof large);
    struct cm_error error = {0};
    cr_expect_eq(passphrase_of(out, "correct horse\n", 14, 0640, &error), CM_INVALID);
    cr_expect_not_null(strstr(error.hint, "chmod 600"));
    cr_expect_eq(passphrase_of(out, "short\n", 6, 0600, &error), CM_INVALID);
    cr_expect_eq(passphrase_of(out, "correct\0horse\n", 14, 0600, &error), CM_INVALID);
    cr_expect_eq(passphrase_of(out, large, sizeof large, 0600, &error), CM_INVALID);
    cr_expect_eq(passphrase_of(out, large, CM_MAX_PASSPHRASE - 1, 0600, &error), CM_OK);
    cr_expect_eq(cm_cli_passphrase(out, "/nowhere/at/all", "Passphrase", false, &error),
                 CM_NOT_FOUND);
    cr_expect_eq(out[0], '\0', "a failed read must leave nothing behind");
}

// Reads the terminal until text has come; what came is in seen.
static bool wait_for(int terminal, char *seen, size_t size, const char *text)
{
    size_t len = strlen(seen);
    char *from = seen + len;
    while (strstr(from, text) == NULL && len + 1 < size) {
        ssize_t got = read(terminal, seen + len, size - 1 - len);
        if (got <= 0) {
            return false;
        }
        len += (size_t)got;
        seen[len] = '\0';
    }
    return strstr(from, text) != NULL;
}

// What is typed before the echo is off would be shown: as a person does, wait until it is.
static void wait_for_no_echo(int terminal)
{
    struct termios now;
    do {
        sched_yield();
        cr_assert_eq(tcgetattr(terminal, &now), 0);
    } while ((now.c_lflag & ECHO) != 0);
}

static void type(int terminal, const char *line)
{
    cr_assert_eq(write(terminal, line, strlen(line)), (ssize_t)strlen(line));
}

Test(cli, passphrase_typed_twice_is_never_shown)
{
    int terminal;
    pid_t child = forkpty(&terminal, NULL, NULL, NULL);
    cr_assert_geq(child, 0);
    if (child == 0) {
        char out[CM_MAX_PASSPHRASE];
        enum cm_status status = cm_cli_passphrase(out, NULL, "Passphrase:", true, NULL);
        _exit(status == CM_OK && strcmp(out, "correct horse") == 0 ? 0 : 1);
    }
    char seen[4096] = "";
    cr_assert(wait_for(terminal, seen, sizeof seen, "Passphrase:"));
    wait_for_no_echo(terminal);
    type(terminal, "correct horse\n");
    cr_assert(wait_for(terminal, seen, sizeof seen, "Again"));
    wait_for_no_echo(terminal);
    type(terminal, "correct horse\n");
    int state;
    cr_assert_eq(waitpid(child, &state, 0), child);
    cr_expect(WIFEXITED(state) && WEXITSTATUS(state) == 0);
    wait_for(terminal, seen, sizeof seen, "horse");
    cr_expect_null(strstr(seen, "horse"));
    close(terminal);
}

Test(cli, two_different_passphrases_are_refused)
{
    int terminal;
    pid_t child = forkpty(&terminal, NULL, NULL, NULL);
    cr_assert_geq(child, 0);
    if (child == 0) {
        char out[CM_MAX_PASSPHRASE];
        _exit(cm_cli_passphrase(out, NULL, "Passphrase:", true, NULL) == CM_INVALID ? 0 : 1);
    }
    char seen[4096] = "";
    cr_assert(wait_for(terminal, seen, sizeof seen, "Passphrase:"));
    type(terminal, "correct horse\n");
    cr_assert(wait_for(terminal, seen, sizeof seen, "Again"));
    type(terminal, "battery staple\n");
    int state;
    cr_assert_eq(waitpid(child, &state, 0), child);
    cr_expect(WIFEXITED(state) && WEXITSTATUS(state) == 0);
    close(terminal);
}

Test(cli, prompt_returns_the_typed_line)
{
    int terminal;
    pid_t child = forkpty(&terminal, NULL, NULL, NULL);
    cr_assert_geq(child, 0);
    if (child == 0) {
        char out[64];
        enum cm_status status = cm_cli_prompt(out, sizeof out, "Case:", NULL);
        _exit(status == CM_OK && strcmp(out, "26-1234") == 0 ? 0 : 1);
    }
    char seen[4096] = "";
    cr_assert(wait_for(terminal, seen, sizeof seen, "Case:"));
    type(terminal, "26-1234\n");
    int state;
    cr_assert_eq(waitpid(child, &state, 0), child);
    cr_expect(WIFEXITED(state) && WEXITSTATUS(state) == 0);
    close(terminal);
}

Test(cli, without_a_terminal_prompts_say_what_to_do)
{
    setsid();
    char out[CM_MAX_PASSPHRASE];
    struct cm_error error = {0};
    if (cm_cli_terminal()) {
        return;
    }
    cr_expect_eq(cm_cli_prompt(out, sizeof out, "Case:", &error), CM_UNAVAILABLE);
    cr_expect_eq(cm_cli_passphrase(out, NULL, "Passphrase:", false, &error), CM_UNAVAILABLE);
    cr_expect_not_null(strstr(error.hint, "--passphrase-file"));
}

Test(cli, no_core_file_is_written)
{
    struct rlimit limit = {4096, 4096};
    setrlimit(RLIMIT_CORE, &limit);
    cm_cli_start("comity thing", 0, NULL);
    cr_assert_eq(getrlimit(RLIMIT_CORE, &limit), 0);
    cr_expect_leq(limit.rlim_max, 1);
}

static int ran_argc;
static char ran_name[64];

static int run_it(int argc, char **argv)
{
    ran_argc = argc;
    snprintf(ran_name, sizeof ran_name, "%s", argv[0]);
    return 7;
}

static const struct cm_command inner[] = {{"add", "Adds.", run_it}, {NULL, NULL, NULL}};

static int run_inner(int argc, char **argv)
{
    return cm_cli_dispatch(inner, "Edits gateways.", argc, argv);
}

static const struct cm_command outer[] = {
    {"sign", "Signs.", run_it}, {"gateway", "Edits gateways.", run_inner}, {NULL, NULL, NULL}};

static int dispatch(int argc, const char *a, const char *b, const char *c)
{
    char words[4][16] = {"x"};
    const char *given[] = {"x", a, b, c};
    char *argv[5] = {NULL};
    for (int i = 0; i < argc; i++) {
        snprintf(words[i], sizeof words[i], "%s", given[i]);
        argv[i] = words[i];
    }
    cm_cli_start("comity thing", argc, argv);
    return cm_cli_dispatch(outer, "Does things.", argc, argv);
}

Test(cli, dispatch_names_the_command_in_full)
{
    cr_expect_eq(dispatch(3, "sign", "FILE", NULL), 7);
    cr_expect_eq(ran_argc, 2);
    cr_expect_str_eq(ran_name, "comity thing sign");
    cr_expect_eq(dispatch(4, "gateway", "add", "gw1"), 7);
    cr_expect_str_eq(ran_name, "comity thing gateway add");
    cr_expect_str_eq(cm_cli_name(), "comity thing gateway add");
}

Test(cli, dispatch_answers_help_and_refuses_the_rest)
{
    cr_expect_eq(dispatch(2, "--help", NULL, NULL), CM_EXIT_OK);
    cr_expect_eq(dispatch(2, "--version", NULL, NULL), CM_EXIT_OK);
    cr_expect_eq(dispatch(1, NULL, NULL, NULL), CM_EXIT_USAGE);
    cr_expect_eq(dispatch(2, "sing", NULL, NULL), CM_EXIT_USAGE);
    cr_expect_eq(dispatch(2, "gateway", NULL, NULL), CM_EXIT_USAGE);
    cr_expect_eq(ran_argc, 0);
}

Test(cli, text_is_wrapped_at_80_columns_between_words)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    char long_text[400] = "";
    for (int i = 0; i < 60; i++) {
        strcat(long_text, "word ");
    }
    cm_cli_wrap(out, long_text, 10, 4);
    fclose(out);
    size_t lines = 0;
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"), lines++) {
        cr_expect_leq(strlen(line) + (lines == 0 ? 10 : 0), (size_t)CM_CLI_COLUMNS);
        cr_expect(lines == 0 || strncmp(line, "    word", 8) == 0);
    }
    cr_expect_eq(lines, 5);
    free(text);
}
