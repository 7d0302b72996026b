// comity-gatewayd: options and signals; the rest is gatewayd.c.
#include "gateway/gatewayd.h"
#include "proto/base/cli_args.h"
#include "proto/base/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

static struct cm_gatewayd *running;

static void on_signal(int number)
{
    const int saved = errno;
    cm_gatewayd_signal(running, number);
    errno = saved;
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

static enum cm_status run(const char *path, bool check, struct cm_error *error)
{
    struct cm_gatewayd_config config;
    enum cm_status status = cm_gatewayd_config_load(&config, path, error);
    if (status != CM_OK) {
        return status;
    }
    if (check) {
        printf("%s holds\n", path);
    } else {
        status = cm_gatewayd_new(&running, &config, error);
    }
    if (running != NULL) {
        cm_daemon_on_signals(on_signal);
        cm_gatewayd_run(running);
        cm_daemon_on_signals(SIG_IGN);
        cm_gatewayd_free(running);
    }
    cm_gatewayd_config_clear(&config);
    return status;
}

int main(int argc, char **argv)
{
    static struct cm_cli_args args;
    struct cm_error error = {0};
    cm_cli_start("comity-gatewayd", argc, argv);
    cm_cli_parse(&args, &usage, argc, argv);
    const char *path = cm_cli_get(&args, 'c');
    const bool check = cm_cli_get(&args, 'k') != NULL;
    enum cm_status status =
        check ? CM_OK : cm_daemon_harden(cm_cli_get(&args, 'r') != NULL, &error);
    if (status == CM_OK) {
        status = run(path != NULL ? path : "/etc/comity/gatewayd.ini", check, &error);
    }
    return status != CM_OK ? cm_cli_fail(&error) : CM_EXIT_OK;
}
