// The directories that a command is given, each judged as of its own time: they may be old, as the
// ledger is. Main thread.
#ifndef CM_LEDGER_CLI_TRUSTS_H
#define CM_LEDGER_CLI_TRUSTS_H

#include "proto/base/cli_args.h"
#include "proto/trust/trust.h"

enum { CM_MAX_DIRECTORIES = 64 };

// Rows of an option table; the keys 'D' and 'R' are theirs.
#define CM_AUDIT_TRUST_OPTIONS                                                                     \
    {"directory", 'D', "BUNDLE", 0, "a signed directory of then; may be repeated", 3},             \
    {                                                                                              \
        "root", 'R', "FILE", 0, "the federation's root certificate, which signs directories", 3    \
    }

struct cm_trusts {
    size_t count;
    struct cm_trust *list[CM_MAX_DIRECTORIES];
};

enum cm_status cm_trusts_load(struct cm_trusts *out, const struct cm_cli_args *args,
                              struct cm_error *error) CM_MUST_CHECK;
void cm_trusts_clear(struct cm_trusts *trusts);

#endif
