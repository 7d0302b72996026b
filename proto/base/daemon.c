#include "proto/base/daemon.h"

#include "proto/base/error.h"

#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum cm_status cm_daemon_harden(bool allow_root, struct cm_error *error)
{
    if (geteuid() == 0 && !allow_root) {
        cm_fail(error, CM_FORBIDDEN, "user", "a daemon doesn't run as root");
        cm_error_hint(error, "start it as a user of its own (User= in its unit), or --allow-root");
        return CM_FORBIDDEN;
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    const struct rlimit none = {0, 0};
    if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        setrlimit(RLIMIT_CORE, &none) != 0) {
        return cm_fail(error, CM_IO, "process",
                       "core files and new privileges can't be turned off");
    }
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &files) != 0) {
            return cm_fail(error, CM_IO, "process", "the limit of open files can't be raised");
        }
    }
    return CM_OK;
}

void cm_daemon_on_signals(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

const char *cm_daemon_version(void)
{
    return CM_VERSION;
}
