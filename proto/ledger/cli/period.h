// The period that a command looks at, and whom it believes. Main thread.
#ifndef CM_LEDGER_CLI_PERIOD_H
#define CM_LEDGER_CLI_PERIOD_H

#include "proto/base/cli_args.h"
#include "proto/trust/trust.h"

// Rows of an option table; the keys 'f' and 't' are theirs.
#define CM_AUDIT_PERIOD_OPTIONS                                                                    \
    {"from", 'f', "TIME", 0, "searches from then on: 30d, 2026-11-01 (UTC); default all", 7},      \
    {                                                                                              \
        "to", 't', "TIME", 0, "searches before then; default now", 7                               \
    }

// Rows of an option table; the keys 'R' and 'D' are theirs.
#define CM_AUDIT_TRUST_OPTIONS                                                                     \
    {"root", 'R', "FILE", 0, "the federation's root certificate, to check signers", 7},            \
    {                                                                                              \
        "directory", 'D', "FILE", 0, "the federation's directory, to check signers", 7             \
    }

// [from, to) in UTC milliseconds. From here on dates without an offset are UTC.
enum cm_status cm_audit_period(int64_t *from_ms, int64_t *to_ms, const struct cm_cli_args *args,
                               struct cm_error *error) CM_MUST_CHECK;
// *out NULL where neither is given. CM_INVALID: one without the other.
enum cm_status cm_audit_trust(struct cm_trust **out, const struct cm_cli_args *args,
                              struct cm_error *error) CM_MUST_CHECK;

#endif
