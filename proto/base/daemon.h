// What a daemon does to its own process before it holds a secret. Main thread, before others begin.
#ifndef CM_BASE_DAEMON_H
#define CM_BASE_DAEMON_H

#include "proto/base/status.h"

#include <stdbool.h>

struct cm_error;

// No core file, no debugger of the same user, no new privileges, as many descriptors as are
// allowed; a closed pipe and a full file are errors to handle, no end. CM_FORBIDDEN as root unless
// allow_root, CM_IO.
enum cm_status cm_daemon_harden(bool allow_root, struct cm_error *error) CM_MUST_CHECK;
// SIGTERM, SIGINT and SIGHUP go to handler, or to SIG_IGN.
void cm_daemon_on_signals(void (*handler)(int));
// As a ledger names it: "0.1.0".
const char *cm_daemon_version(void);

#endif
