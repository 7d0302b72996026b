// A ledger's verifier key as people give it: itself, or a file with one. Main thread.
#ifndef CM_LEDGER_CLI_VKEY_ARGS_H
#define CM_LEDGER_CLI_VKEY_ARGS_H

#include "proto/ledger/vkey.h"

// Appends the text, checked; *out is the caller's.
enum cm_status cm_audit_vkey(struct cm_key **out, struct cm_buf *text, const char *given,
                             struct cm_error *error) CM_MUST_CHECK;

#endif
