// One search for people and for programs. Main thread.
#ifndef CM_LEDGER_CLI_SEARCH_PRINT_H
#define CM_LEDGER_CLI_SEARCH_PRINT_H

#include "proto/ledger/cli/search_line.h"

#include <jansson.h>
#include <stdio.h>

// What redaction takes out: names of people (their role and agency stay), case numbers, reasons.
#define CM_SEARCH_REDACTED                                                                         \
    "names of the people who searched or approved (role and agency remain), numbers of cases and " \
    "court orders, and reasons (their words may name others)"

// The ledgers' index numbers of a search, "0:17 0:18 1:4", epoch before a later epoch's index, in
// out. Returns out.
char *cm_search_entries(char out[160], const struct cm_search *search);
// A few lines, without a blank one.
void cm_search_print(FILE *out, const struct cm_search *search, bool redact);
// An object, the caller's; NULL when out of memory.
json_t *cm_search_json(const struct cm_search *search, bool redact);

#endif
