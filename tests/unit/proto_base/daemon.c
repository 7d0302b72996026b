#include "proto/base/daemon.h"

#include "proto/base/error.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

// Each test is a process of its own: what it does to itself ends with it.

Test(daemon, root_is_refused_unless_allowed)
{
    struct cm_error error = {0};
    if (geteuid() != 0) {
        cr_skip_test("only root can be refused");
    }
    cr_assert_eq(cm_daemon_harden(false, &error), CM_FORBIDDEN);
    cr_assert_neq(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1, "nothing was done");
    cr_assert_eq(cm_daemon_harden(true, &error), CM_OK);
}

Test(daemon, a_hardened_process_leaves_no_core_and_survives_full_files)
{
    struct cm_error error = {0};
    struct rlimit limit;
    cr_assert_eq(cm_daemon_harden(true, &error), CM_OK);
    cr_assert_eq(prctl(PR_GET_DUMPABLE), 0);
    cr_assert_eq(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
    cr_assert_eq(getrlimit(RLIMIT_CORE, &limit), 0);
    cr_assert_eq(limit.rlim_max, 0);
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    close(ends[0]);
    cr_assert_eq(write(ends[1], "x", 1), -1);
    cr_assert_eq(errno, EPIPE);
    cr_assert_eq(raise(SIGXFSZ), 0);
    close(ends[1]);
}

static volatile sig_atomic_t last;

static void note(int number)
{
    last = number;
}

Test(daemon, the_handler_hears_of_each_signal_until_it_is_taken_away)
{
    const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    cm_daemon_on_signals(note);
    for (size_t i = 0; i < 3; i++) {
        raise(numbers[i]);
        cr_assert_eq(last, numbers[i]);
    }
    cm_daemon_on_signals(SIG_IGN);
    raise(SIGINT);
    cr_assert_eq(last, SIGHUP);
}
