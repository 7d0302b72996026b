// The subcommands of `comity audit` that put searches together, and what they share. Main thread.
#ifndef CM_LEDGER_CLI_AUDIT_MORE_H
#define CM_LEDGER_CLI_AUDIT_MORE_H

#include "proto/base/error.h"

#include <stdio.h>

int cm_audit_report(int argc, char **argv);
int cm_audit_review(int argc, char **argv);
int cm_audit_subject(int argc, char **argv);
int cm_audit_compare(int argc, char **argv);

// path NULL: standard output. Else a new file that others can't read; NULL when that fails.
FILE *cm_audit_out(const char *path, struct cm_error *error);
// printed: what writing to it ended with. A file that is not whole is removed.
enum cm_status cm_audit_out_end(FILE *out, const char *path, enum cm_status printed,
                                struct cm_error *error) CM_MUST_CHECK;

#endif
