// Asks the daemon that writes a ledger for it, as an auditor (proto/ledger/audit_wire.h).
// Blocking; main thread.
#ifndef CM_LEDGER_CLI_LIVE_H
#define CM_LEDGER_CLI_LIVE_H

#include "proto/ledger/audit_wire.h"
#include "proto/ledger/cli/ledger_folder.h"

struct cm_live_ledger {
    int logs[CM_MAX_AUDIT_FDS]; // the one in use, then those of earlier epochs, oldest first
    size_t count;
    struct cm_day_keys *keys;
};

// The auditor's key, asking for its passphrase where it has one.
enum cm_status cm_live_signer(struct cm_signer **out,
                              const struct cm_audit_credentials *credentials,
                              struct cm_error *error) CM_MUST_CHECK;
// data: the folder with the daemon's socket. What is handed over is the caller's. The daemon has
// recorded it by then.
enum cm_status cm_live_ask(struct cm_live_ledger *out, const char *data,
                           const struct cm_audit_credentials *credentials,
                           struct cm_error *error) CM_MUST_CHECK;

#endif
