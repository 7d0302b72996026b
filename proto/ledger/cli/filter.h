// Which entries of a ledger are wanted. What an entry without clear values is about follows from an
// earlier one of the same query. Memory: a digest for each query that fits. One thread.
#ifndef CM_LEDGER_CLI_FILTER_H
#define CM_LEDGER_CLI_FILTER_H

#include "proto/base/cli_args.h"
#include "proto/ledger/cli/ledger_folder.h"

// Rows of an option table, with cm_filter_of's keys.
#define CM_AUDIT_FILTER_OPTIONS                                                                    \
    {"from", 'f', "TIME", 0, "recorded then or later: 2026-11-01, 30d, RFC 3339", 1},              \
        {"to", 't', "TIME", 0, "recorded before", 1},                                              \
        {"kind", 'k', "KIND", 0, "query, node, release, copy, …; may be repeated", 1},             \
        {"person", 'w', "NAME", 0, "who asked or acted: a SPIFFE name, or its end", 1},            \
        {"plate", 'p', "PLATE", 0, "asked about", 1}, {"purpose", 'u', "ID", 0, "asked for", 1},   \
        {"agency", 'a', "ID", 0, "whose person asked, or that a rule or switch is about", 1},      \
        {"gateway", 'g', "NAME", 0, "through which it was asked", 1},                              \
        {"query", 'q', "HEX", 0, "of that digest or query id, or beginning so", 1},                \
    {                                                                                              \
        "outcome", 'o', "WORD", 0, "permitted, refused, complete, late, a refusal's word, …", 1    \
    }

struct cm_filter;

enum cm_filter_says {
    CM_FILTER_NO = 0,
    CM_FILTER_YES,
    CM_FILTER_UNKNOWN, // it needs clear values that are not there
};

// CM_INVALID names the option that is malformed. Borrows from args, but no plate and no person.
// Dates are UTC, as for all of comity audit (period.h).
enum cm_status cm_filter_of(struct cm_filter **out, const struct cm_cli_args *args,
                            struct cm_error *error) CM_MUST_CHECK;
void cm_filter_free(struct cm_filter *filter);
// Records in their order. CM_MEMORY alone.
enum cm_status cm_filter_judge(enum cm_filter_says *out, struct cm_filter *filter,
                               const struct cm_audit_record *record) CM_MUST_CHECK;

#endif
