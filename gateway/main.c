// comity-gatewayd: options, the process's own hardening, signals.
#include "gateway/gatewayd.h"
#include "proto/base/cli_args.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static struct cm_gatewayd *running;

static void on_signal(int number)
{
    cm_gatewayd_signal(running, number);
}

static const struct argp_option options[] = {
    {"config", 'c', "FILE", 0, "Configuration (default /etc/comity/gatewayd.ini)", 0},
    {"check", 'k', NULL, 0, "Read the configuration, say whether it holds, and end", 0},
    {"allow-root", 'r', NULL, 0, "Run although the user is root", 0},
    {0},
};

static const struct cm_cli_usage usage = {
    .options = options,
    .words = "",
    .about = "Passes signed queries on to the nodes whose rules permit them, and merges their "
             "answers.\vSIGHUP reads the directory, key and certificates again; SIGTERM "
             "finishes what runs and ends. Exit codes: 0 ended in order, 1 could not start, 2 "
             "wrong usage.",
};

// No core file and no debugger sees a query; as many descriptors as are allowed.
static enum cm_status harden(bool allow_root, struct cm_error *error)
{
    if (geteuid() == 0 && !allow_root) {
        cm_fail(error, CM_FORBIDDEN, "user", "the gateway doesn't run as root");
        cm_error_hint(error, "start it as a user of its own (User= in its unit), or --allow-root");
        return CM_FORBIDDEN;
    }
    struct rlimit none = {0, 0}, files;
    if (prctl(PR_SET_DUMPABLE, 0) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        setrlimit(RLIMIT_CORE, &none)) {
        return cm_fail(error, CM_IO, "process",
                       "core files and new privileges can't be turned off");
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &files)) {
            return cm_fail(error, CM_IO, "process", "the limit of open files can't be raised");
        }
    }
    return CM_OK;
}

static void handle_signals(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); // a full ledger is an error to handle, no end
}

int main(int argc, char **argv)
{
    cm_cli_start("comity-gatewayd", argc, argv);
    static struct cm_cli_args args;
    cm_cli_parse(&args, &usage, argc, argv);
    const char *path = cm_cli_get(&args, 'c');
    struct cm_error error = {0};
    struct cm_gatewayd_config config;
    if (cm_gatewayd_config_load(&config, path ? path : "/etc/comity/gatewayd.ini", &error)) {
        return cm_cli_fail(&error);
    }
    enum cm_status status = CM_OK;
    if (!cm_cli_get(&args, 'k')) {
        status = harden(cm_cli_get(&args, 'r') != NULL, &error);
        if (!status) {
            status = cm_gatewayd_new(&running, &config, &error);
        }
    }
    if (!status && running) {
        handle_signals(on_signal);
        cm_gatewayd_run(running);
        handle_signals(SIG_IGN);
        cm_gatewayd_free(running);
    }
    cm_gatewayd_config_clear(&config);
    return status ? cm_cli_fail(&error) : CM_EXIT_OK;
}
