// comity-noded: options, hardening, signals; the rest is noded.c.
#include "nodes/noded.h"
#include "proto/base/log.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };

static const char usage[] =
    "usage: comity-noded [--check] [--allow-root] [--config FILE]\n"
    "\n"
    "Answers, by its agency's signed rules, what gateways ask of its detections.\n"
    "\n"
    "  -c, --config FILE   default /etc/comity/noded.ini; an example that says what\n"
    "                      each key does comes with Comity: noded.ini\n"
    "      --check         read configuration, then say whether it holds\n"
    "      --allow-root    run as root all the same\n"
    "\n"
    "SIGTERM ends it when the queries under way are answered. SIGHUP reads certificates\n"
    "and directory again; signed rules are noticed by themselves.\n"
    "Exit codes: 0 well, 1 it could not start, 2 usage.\n";

static struct cm_noded *running;

static void on_signal(int number)
{
    const int saved = errno;
    cm_noded_signal(running, number);
    errno = saved;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); // a full ledger is an error to handle, no end
}

// No core file and no debugger of the same user: keys and questions are in memory.
static enum cm_status harden(bool allow_root, struct cm_error *error)
{
    const struct rlimit none = {0, 0};
    if (geteuid() == 0 && !allow_root) {
        cm_fail(error, CM_FORBIDDEN, "comity-noded", "it does not run as root");
        cm_error_hint(error, "use a user of its own, or --allow-root for a trial");
        return CM_FORBIDDEN;
    }
    if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        setrlimit(RLIMIT_CORE, &none) != 0) {
        return cm_fail(error, CM_IO, "comity-noded", "can't protect its memory: %s",
                       strerror(errno));
    }
    return CM_OK;
}

static int fail(const struct cm_error *error)
{
    char text[600];
    fprintf(stderr, "comity-noded: %s\n", cm_error_format(text, sizeof text, error));
    return EXIT_FAILURE;
}

static int run(const char *path, bool check, bool allow_root)
{
    struct cm_error error = {.text = ""};
    struct cm_noded_config config;
    if (harden(allow_root, &error) || cm_noded_config_load(&config, path, &error)) {
        return fail(&error);
    }
    int code = EXIT_SUCCESS;
    if (check) {
        printf("%s holds\n", path);
    } else if (cm_noded_new(&running, &config, &error)) {
        code = fail(&error);
    } else {
        catch_signals();
        cm_noded_run(running);
        signal(SIGTERM, SIG_IGN);
        signal(SIGINT, SIG_IGN);
        signal(SIGHUP, SIG_IGN);
        cm_noded_free(running);
    }
    cm_noded_config_clear(&config);
    return code;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"check", no_argument, NULL, 'k'},
        {"allow-root", no_argument, NULL, 'r'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *path = "/etc/comity/noded.ini";
    bool check = false;
    bool allow_root = false;
    for (int option; (option = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
        switch (option) {
        case 'c':
            path = optarg;
            break;
        case 'k':
            check = true;
            break;
        case 'r':
            allow_root = true;
            break;
        case 'h':
            fputs(usage, stdout);
            return EXIT_SUCCESS;
        default:
            fputs(usage, stderr);
            return EXIT_USAGE;
        }
    }
    if (optind < argc) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    return run(path, check, allow_root);
}
