#include "proto/base/cli.h"

#include "proto/base/bytes.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <openssl/err.h>
#include <openssl/ui.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char program[128] = "comity";

// A core file would hold passphrases, plates and reasons. A limit of 1 also stops core_pattern's
// pipes, which 0 doesn't (core(5)).
static void forbid_core(void)
{
    struct rlimit limit = {1, 1};
    if (setrlimit(RLIMIT_CORE, &limit) != 0) {
        limit.rlim_cur = 0;
        limit.rlim_max = 0;
        if (setrlimit(RLIMIT_CORE, &limit) != 0) {
            cm_cli_say("cannot forbid core files: %s", strerror(errno));
        }
    }
}

void cm_cli_start(const char *name, int argc, char **argv)
{
    snprintf(program, sizeof program, "%s", name);
    if (argc > 0) {
        argv[0] = program;
    }
    argp_program_version = "comity " CM_VERSION;
    argp_err_exit_status = CM_EXIT_USAGE;
    forbid_core();
}

const char *cm_cli_name(void)
{
    return program;
}

void cm_cli_wrap(FILE *out, const char *text, size_t used, size_t indent)
{
    size_t column = used;
    bool first = true;
    while (*text != '\0') {
        size_t word = strcspn(text, " \n");
        if (!first && column + 1 + word > CM_CLI_COLUMNS) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (!first) {
            fputc(' ', out);
            column++;
        }
        fwrite(text, 1, word, out);
        column += word;
        first = false;
        text += word;
        text += strspn(text, " \n");
    }
    fputc('\n', out);
}

static void say(const char *text)
{
    fprintf(stderr, "%s: ", program);
    cm_cli_wrap(stderr, text, strlen(program) + 2, 2);
}

void cm_cli_error(const struct cm_error *error)
{
    struct cm_error plain = *error;
    plain.hint[0] = '\0';
    char text[sizeof *error + 16];
    say(cm_error_format(text, sizeof text, &plain));
    if (error->hint[0] != '\0') {
        fputs("  ", stderr);
        cm_cli_wrap(stderr, error->hint, 2, 2);
    }
}

int cm_cli_fail(const struct cm_error *error)
{
    cm_cli_error(error);
    return CM_EXIT_FAILED;
}

void cm_cli_say(const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    say(text);
}

static void list_commands(FILE *out, const struct cm_command *commands, const char *about)
{
    fprintf(out, "Usage: %s COMMAND [OPTION...]\n", program);
    cm_cli_wrap(out, about, 0, 0);
    fputc('\n', out);
    for (const struct cm_command *c = commands; c->name != NULL; c++) {
        fprintf(out, "  %-10s ", c->name);
        cm_cli_wrap(out, c->summary, 13, 13);
    }
    fprintf(out, "\n'%s COMMAND --help' tells more about one of them.\n", program);
}

int cm_cli_dispatch(const struct cm_command *commands, const char *about, int argc, char **argv)
{
    if (argc < 2) {
        list_commands(stderr, commands, about);
        return CM_EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-?") == 0 || strcmp(name, "help") == 0) {
        list_commands(stdout, commands, about);
        return CM_EXIT_OK;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        puts(argp_program_version);
        return CM_EXIT_OK;
    }
    for (const struct cm_command *c = commands; c->name != NULL; c++) {
        if (strcmp(c->name, name) == 0) {
            size_t used = strlen(program);
            snprintf(program + used, sizeof program - used, " %s", name);
            argv[1] = program;
            return c->run(argc - 1, argv + 1);
        }
    }
    cm_cli_say("there is no command '%s' here; '%s --help' lists them", name, program);
    return CM_EXIT_USAGE;
}

bool cm_cli_terminal(void)
{
    int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (tty < 0) {
        return false;
    }
    bool yes = isatty(tty) == 1;
    close(tty);
    return yes;
}

// again: NULL, or a second buffer of `size` in which the same has to be typed.
static enum cm_status ask(char *out, char *again, size_t least, size_t size, const char *prompt,
                          bool shown, struct cm_error *error)
{
    enum cm_status status = CM_OK;
    UI *ui = UI_new_method(UI_OpenSSL());
    char repeat[160];
    snprintf(repeat, sizeof repeat, "Again, %s", prompt);
    int flags = shown ? UI_INPUT_FLAG_ECHO : 0;
    if (ui == NULL || UI_add_input_string(ui, prompt, flags, out, (int)least, (int)size - 1) < 0 ||
        (again != NULL &&
         UI_add_verify_string(ui, repeat, flags, again, (int)least, (int)size - 1, out) < 0)) {
        status = cm_fail(error, CM_MEMORY, "terminal", "cannot prepare a prompt");
        goto out;
    }
    int result = UI_process(ui);
    if (result == -2) {
        status = cm_fail(error, CM_CANCELLED, "terminal", "interrupted");
    } else if (result != 0) {
        status = cm_fail(error, CM_INVALID, "terminal",
                         again != NULL ? "wants %zu to %zu characters, twice the same"
                                       : "wants %zu to %zu characters",
                         least, size - 1);
    }
out:
    ERR_clear_error();
    UI_free(ui);
    return status;
}

enum cm_status cm_cli_prompt(char *out, size_t size, const char *prompt, struct cm_error *error)
{
    if (!cm_cli_terminal()) {
        return cm_fail(error, CM_UNAVAILABLE, "terminal", "there is none to ask '%s' on", prompt);
    }
    memset(out, 0, size);
    return ask(out, NULL, 0, size, prompt, true, error);
}

static enum cm_status read_line(char out[CM_MAX_PASSPHRASE], int file, const char *path,
                                struct cm_error *error)
{
    size_t len = 0;
    while (len < CM_MAX_PASSPHRASE) {
        ssize_t got = read(file, out + len, CM_MAX_PASSPHRASE - len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return cm_fail(error, CM_IO, path, "cannot read: %s", strerror(errno));
        }
        len += (size_t)got;
        char *end = memchr(out, '\n', len);
        if (end != NULL || got == 0) {
            len = end != NULL ? (size_t)(end - out) : len;
            break;
        }
    }
    if (len < CM_MIN_PASSPHRASE || len >= CM_MAX_PASSPHRASE || memchr(out, '\0', len) != NULL) {
        return cm_fail(error, CM_INVALID, path,
                       "its first line is no passphrase of %d to %d characters", CM_MIN_PASSPHRASE,
                       CM_MAX_PASSPHRASE - 1);
    }
    cm_wipe(out + len, CM_MAX_PASSPHRASE - len);
    return CM_OK;
}

static enum cm_status from_file(char out[CM_MAX_PASSPHRASE], const char *path,
                                struct cm_error *error)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat facts;
    if (file < 0 || fstat(file, &facts) != 0) {
        enum cm_status status = errno == ENOENT ? CM_NOT_FOUND : CM_IO;
        cm_fail(error, status, path, "cannot open: %s", strerror(errno));
        if (file >= 0) {
            close(file);
        }
        return status;
    }
    enum cm_status status;
    if (S_ISREG(facts.st_mode) && (facts.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        status = cm_fail(error, CM_INVALID, path, "others may read this passphrase");
        cm_error_hint(error, "Make it yours alone: chmod 600 %s", path);
    } else {
        status = read_line(out, file, path, error);
    }
    close(file);
    return status;
}

enum cm_status cm_cli_passphrase(char out[CM_MAX_PASSPHRASE], const char *file, const char *prompt,
                                 bool is_new, struct cm_error *error)
{
    memset(out, 0, CM_MAX_PASSPHRASE);
    enum cm_status status;
    if (file != NULL) {
        status = from_file(out, file, error);
    } else if (!cm_cli_terminal()) {
        status = cm_fail(error, CM_UNAVAILABLE, "terminal", "there is none to ask '%s' on", prompt);
        cm_error_hint(error, "Without a terminal, give --passphrase-file FILE (mode 600).");
    } else {
        char again[CM_MAX_PASSPHRASE] = "";
        status = ask(out, is_new ? again : NULL, is_new ? CM_MIN_PASSPHRASE : 1, CM_MAX_PASSPHRASE,
                     prompt, false, error);
        cm_wipe(again, sizeof again);
    }
    if (status != CM_OK) {
        cm_wipe(out, CM_MAX_PASSPHRASE);
    }
    return status;
}

enum cm_status cm_cli_become_owner(const char *folder, struct cm_error *error)
{
    struct stat info;
    if (stat(folder, &info) != 0) {
        cm_fail(error, errno == EACCES ? CM_FORBIDDEN : CM_NOT_FOUND, folder, "%s",
                strerror(errno));
        cm_error_hint(error, "run this as the daemon's user or root, after the daemon ran once");
        return CM_NOT_FOUND;
    }
    if (geteuid() != 0 || info.st_uid == 0) {
        return CM_OK;
    }
    return setgroups(0, NULL) == 0 && setgid(info.st_gid) == 0 && setuid(info.st_uid) == 0
               ? CM_OK
               : cm_fail(error, CM_FORBIDDEN, folder, "can't go on as its owner: %s",
                         strerror(errno));
}
