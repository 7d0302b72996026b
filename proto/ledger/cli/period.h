// The period that a command looks at. Main thread.
#ifndef CM_LEDGER_CLI_PERIOD_H
#define CM_LEDGER_CLI_PERIOD_H

#include "proto/base/cli_args.h"

// Rows of an option table; the keys 'f' and 't' are theirs.
#define CM_AUDIT_PERIOD_OPTIONS                                                                    \
    {"from", 'f', "TIME", 0, "searches from then on: 30d, 2026-11-01 (UTC); default all", 7},      \
    {                                                                                              \
        "to", 't', "TIME", 0, "searches before then; default now", 7                               \
    }

// [from, to) in UTC milliseconds. From here on dates without an offset are UTC.
enum cm_status cm_audit_period(int64_t *from_ms, int64_t *to_ms, const struct cm_cli_args *args,
                               struct cm_error *error) CM_MUST_CHECK;

#endif
