// A comparison for people and for programs. Main thread.
#ifndef CM_LEDGER_CLI_COMPARE_PRINT_H
#define CM_LEDGER_CLI_COMPARE_PRINT_H

#include "proto/ledger/cli/compare.h"

#include <stdio.h>

void cm_compare_text(FILE *out, const struct cm_compare *compare);
enum cm_status cm_compare_json(FILE *out, const struct cm_compare *compare) CM_MUST_CHECK;

#endif
