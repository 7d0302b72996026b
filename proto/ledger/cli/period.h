// The period that a command looks at. Main thread.
#ifndef CM_LEDGER_CLI_PERIOD_H
#define CM_LEDGER_CLI_PERIOD_H

#include "proto/base/cli_args.h"

#include "proto/base/when.h"

// Rows of an option table; the keys 'f' and 't' are theirs.
#define CM_AUDIT_PERIOD_OPTIONS                                                                    \
    {"from", 'f', "TIME", 0, "searches from then on: 30d, 2026-11-01 (UTC); default all", 7},      \
    {                                                                                              \
        "to", 't', "TIME", 0, "searches before then; default all", 7                               \
    }

// [from, to) in UTC milliseconds. From here on dates without an offset are UTC. Without --to
// whatever was recorded, also by a clock that ran ahead.
enum cm_status cm_audit_period(int64_t *from_ms, int64_t *to_ms, const struct cm_cli_args *args,
                               struct cm_error *error) CM_MUST_CHECK;
// For people: "the first entry" or "the last entry" where none was given. Return out or such words.
const char *cm_audit_period_from(char out[CM_WHEN_SIZE], int64_t from_ms);
const char *cm_audit_period_to(char out[CM_WHEN_SIZE], int64_t to_ms);

#endif
