#include "proto/base/cli.h"

#include <argp.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "comity-"

enum { MAX_COMMANDS = 64, MAX_NAME = 32 };

static const struct {
    const char *name;
    const char *summary;
} known[] = {
    {"acl", "check, explain and sign an agency's rules"},
    {"approve", "ask for and give a supervisor's approval"},
    {"audit", "verify ledgers and report from them"},
    {"case", "keep a case at hand for the next questions"},
    {"demo-data", "make synthetic detections for the demo"},
    {"directory", "edit and sign the directory of agencies"},
    {"gateway", "back up what a gateway keeps, recover its ledger"},
    {"keys", "keys, certificates and revocation lists"},
    {"lookup", "ask the agencies about a plate"},
    {"node", "load and look after an agency's node"},
    {"reach", "see who would be asked, asking nobody"},
    {"receipt", "save an answer as evidence, verify and print it"},
};

struct listing {
    size_t count;
    char names[MAX_COMMANDS][MAX_NAME];
};

static bool name_valid(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return len > 0 && len < MAX_NAME && name[len] == '\0' && name[0] != '-';
}

// The folder of this very program, where its commands are looked for before PATH.
static bool own_folder(char out[PATH_MAX])
{
    ssize_t len = readlink("/proc/self/exe", out, PATH_MAX - 1);
    if (len <= 0) {
        return false;
    }
    out[len] = '\0';
    char *slash = strrchr(out, '/');
    if (slash == NULL) {
        return false;
    }
    *slash = '\0';
    return true;
}

// The next folder of a PATH-like list, false at its end. Empty and relative ones are left out: what
// lies in the current folder must not become a command.
static bool next_folder(char out[PATH_MAX], const char **list)
{
    while (**list != '\0') {
        size_t len = strcspn(*list, ":");
        const char *start = *list;
        *list += len + ((*list)[len] == ':');
        if (len > 0 && len < PATH_MAX && start[0] == '/') {
            memcpy(out, start, len);
            out[len] = '\0';
            return true;
        }
    }
    return false;
}

static void run_in(const char *folder, const char *name, char **argv)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/" PREFIX "%s", folder, name) < (int)sizeof path) {
        execv(path, argv);
    }
}

// Returns only when there is no such program or it can't be run.
static int run_command(const char *name, char **argv)
{
    char folder[PATH_MAX];
    int reason = ENOENT;
    if (own_folder(folder)) {
        run_in(folder, name, argv);
        reason = errno;
    }
    const char *list = getenv("PATH");
    while (reason == ENOENT && list != NULL && next_folder(folder, &list)) {
        run_in(folder, name, argv);
        reason = errno == ENOTDIR ? ENOENT : errno;
    }
    if (reason != ENOENT) {
        cm_cli_say("cannot run '" PREFIX "%s': %s", name, strerror(reason));
        return CM_EXIT_FAILED;
    }
    cm_cli_say("'%s' is not a command; 'comity help' lists those installed", name);
    return CM_EXIT_USAGE;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static bool listed(const struct listing *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_program(const char *folder, const char *file)
{
    char path[PATH_MAX];
    struct stat facts;
    return snprintf(path, sizeof path, "%s/%s", folder, file) < (int)sizeof path &&
           stat(path, &facts) == 0 && S_ISREG(facts.st_mode) && access(path, X_OK) == 0;
}

static void add_folder(struct listing *list, const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        const char *name = entry->d_name + strlen(PREFIX);
        bool ours = strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0 && name_valid(name) &&
                    strcmp(name, "gatewayd") != 0 && strcmp(name, "noded") != 0;
        if (ours && list->count < MAX_COMMANDS && !listed(list, name) &&
            is_program(path, entry->d_name)) {
            snprintf(list->names[list->count++], MAX_NAME, "%s", name);
        }
    }
    closedir(folder);
}

static const char *summary_of(const char *name)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].name, name) == 0) {
            return known[i].summary;
        }
    }
    return "";
}

static int help(FILE *out)
{
    static struct listing list;
    char folder[PATH_MAX];
    if (own_folder(folder)) {
        add_folder(&list, folder);
    }
    const char *path = getenv("PATH");
    while (path != NULL && next_folder(folder, &path)) {
        add_folder(&list, folder);
    }
    qsort(list.names, list.count, MAX_NAME, by_name);
    fputs("Usage: comity COMMAND [OPTION...]\n"
          "Ask other agencies about a licence plate, and decide who may ask yours.\n\n",
          out);
    for (size_t i = 0; i < list.count; i++) {
        fprintf(out, "  %-10s %s\n", list.names[i], summary_of(list.names[i]));
    }
    fputs("\n'comity COMMAND --help' tells more about one of them.\n", out);
    return out == stdout ? CM_EXIT_OK : CM_EXIT_USAGE;
}

int main(int argc, char **argv)
{
    cm_cli_start("comity", argc, argv);
    if (argc < 2) {
        return help(stderr);
    }
    const char *name = argv[1];
    bool asks_help = strcmp(name, "help") == 0 || strcmp(name, "--help") == 0;
    if (asks_help && argc == 2) {
        return help(stdout);
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) {
        puts(argp_program_version);
        return CM_EXIT_OK;
    }
    if (asks_help) {
        char flag[] = "--help";
        char *forward[] = {argv[2], flag, NULL};
        name = argv[2];
        return name_valid(name) ? run_command(name, forward) : help(stderr);
    }
    if (!name_valid(name)) {
        cm_cli_say("'%.40s' is not a command; 'comity help' lists those installed", name);
        return CM_EXIT_USAGE;
    }
    return run_command(name, argv + 1);
}
