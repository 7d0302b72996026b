#include "proto/ledger/cli/report_print.h"

#include "proto/base/when.h"
#include "proto/ledger/cli/search_print.h"

#include <csv.h>
#include <inttypes.h>
#include <string.h>

struct row {
    FILE *out;
    bool begun;
};

// Spreadsheets run what begins so; in some languages the full-width forms too (U+FF0B and others).
static bool begins_formula(const char *text)
{
    return (text[0] != '\0' && strchr("=+-@\t\r\n", text[0]) != NULL) ||
           strncmp(text, "\xef\xbc", 2) == 0;
}

// Quoted as RFC 4180 has it; an apostrophe before a formula makes it text.
static void cell(struct row *row, const char *text)
{
    if (row->begun) {
        fputc(',', row->out);
    }
    row->begun = true;
    if (!begins_formula(text)) {
        csv_fwrite(row->out, text, strlen(text));
        return;
    }
    char defused[CM_MAX_REASON + 2];
    snprintf(defused, sizeof defused, "'%s", text);
    csv_fwrite(row->out, defused, strlen(defused));
}

static void number(struct row *row, bool known, uint64_t value)
{
    char text[24] = "";
    if (known) {
        snprintf(text, sizeof text, "%" PRIu64, value);
    }
    cell(row, text);
}

static void when(struct row *row, int64_t ms)
{
    char text[CM_WHEN_SIZE] = "";
    cell(row, ms != 0 ? cm_when_utc(text, ms) : text);
}

static void end(struct row *row)
{
    fputs("\r\n", row->out);
    row->begun = false;
}

static const char *const columns[] = {
    "time_utc",       "person",
    "agency",         "on_behalf_of",
    "plate",          "plate_state",
    "action",         "window_from",
    "window_to",      "purpose",
    "case_number",    "reason",
    "court_order",    "approved_by",
    "recorded_as",    "outcome",
    "refusal",        "rows_released",
    "last_release",   "rows_received",
    "agencies_asked", "agencies_answered",
    "gateway",        "gateway_index",
    "deciding_rule",  "reviewed",
    "clear_values",   "query_digest",
    "entries",
};

static void values(struct row *row, const struct cm_search *search)
{
    static const struct cm_search_values none = {.person = "",
                                                 .agency = "",
                                                 .plate = "",
                                                 .state = "",
                                                 .purpose = "",
                                                 .case_number = "",
                                                 .reason = "",
                                                 .on_behalf_of = "",
                                                 .court_order = "",
                                                 .approved_by = ""};
    const struct cm_search_values *v = search->values != NULL ? search->values : &none;
    cell(row, v->person);
    cell(row, v->agency);
    cell(row, v->on_behalf_of);
    cell(row, v->plate);
    cell(row, v->state);
    cell(row, search->values != NULL ? cm_action_name(v->action) : "");
    when(row, v->window.from_ms);
    when(row, v->window.to_ms);
    cell(row, v->purpose);
    cell(row, v->case_number);
    cell(row, v->reason);
    cell(row, v->court_order);
    cell(row, v->approved_by);
}

static void search_row(struct row *row, const struct cm_report *report,
                       const struct cm_search *search)
{
    char sides[64];
    char entries[160];
    char digest[2 * CM_DIGEST_SIZE + 1];
    struct cm_search_line line;
    cm_search_line_of(&line, search);
    cm_hex(digest, cm_bytes_digest(&search->digest));
    when(row, search->when_ms);
    values(row, search);
    cell(row, cm_search_sides(sides, line.sides));
    cell(row, line.outcome);
    cell(row, line.refusal);
    number(row, line.has_released, line.released);
    when(row, line.released_ms);
    number(row, line.has_received, line.received);
    number(row, line.asked > 0, line.asked);
    number(row, line.asked > 0, line.answered);
    cell(row, line.gateway);
    number(row, line.gateway[0] != '\0', line.gateway_index);
    cell(row, line.rule);
    cell(row, cm_report_reviewed(report, search) ? "yes" : "no");
    cell(row, search->values != NULL ? cm_audit_clear_name(CM_CLEAR_OPEN)
                                     : cm_audit_clear_name(search->clear));
    cell(row, digest);
    cell(row, cm_search_entries(entries, search));
    end(row);
}

static void sums(struct row *row, const struct cm_report *report, const struct cm_report_view *view)
{
    struct cm_report_table tables[CM_REPORT_TABLES];
    cm_report_tables(tables, report);
    cell(row, "table");
    cell(row, "name");
    cell(row, "count");
    cell(row, "rows_released");
    end(row);
    for (size_t t = 0; t < CM_REPORT_TABLES; t++) {
        for (size_t i = 0; !tables[t].personal && i < tables[t].tallies->count; i++) {
            const bool withheld = cm_report_withheld(&tables[t], view, i);
            cell(row, tables[t].name);
            cell(row, tables[t].tallies->sorted[i]->name);
            number(row, !withheld, tables[t].tallies->sorted[i]->searches);
            number(row, !withheld && tables[t].rows, tables[t].tallies->sorted[i]->rows);
            end(row);
        }
    }
}

void cm_report_csv(FILE *out, const struct cm_report *report, const struct cm_report_view *view)
{
    struct row row = {.out = out};
    if (view->public_only) {
        sums(&row, report, view);
        return;
    }
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        cell(&row, columns[i]);
    }
    end(&row);
    for (size_t i = 0; i < report->count; i++) {
        search_row(&row, report, report->list[i]);
    }
}
