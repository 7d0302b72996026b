// A finished report for people and for programs. Main thread.
#ifndef CM_LEDGER_CLI_REPORT_PRINT_H
#define CM_LEDGER_CLI_REPORT_PRINT_H

#include "proto/ledger/cli/report.h"

#include <stdio.h>

struct cm_report_view {
    bool public_only; // no plate, reason, case, person: counts alone
    uint64_t small;   // in public_only: counts below it are withheld; 0: none
};

// Text at 80 columns.
void cm_report_text(FILE *out, const struct cm_report *report, const struct cm_report_view *view);
// RFC 4180: a line for each search; in public_only a line for each sum.
void cm_report_csv(FILE *out, const struct cm_report *report, const struct cm_report_view *view);
// One object.
enum cm_status cm_report_json(FILE *out, const struct cm_report *report,
                              const struct cm_report_view *view) CM_MUST_CHECK;

// The tables of sums, in their order of printing.
struct cm_report_table {
    const char *name, *heading;
    const struct cm_tallies *tallies;
    bool personal; // not in public_only
    bool rows;     // rows released mean something
    bool searches; // what is counted are searches
};
enum { CM_REPORT_TABLES = 9 };
void cm_report_tables(struct cm_report_table out[CM_REPORT_TABLES], const struct cm_report *report);
// True where a table's line i is withheld: too small, or one from which that could be computed.
bool cm_report_withheld(const struct cm_report_table *table, const struct cm_report_view *view,
                        size_t i);

// True where parts of a number that is shown are withheld: of the others one could be computed.
bool cm_report_hides(const struct cm_report_view *view, const uint64_t *parts, size_t count);

#endif
