#include "proto/ledger/cli/report_print.h"

#include "proto/base/plain.h"
#include "proto/base/when.h"
#include "proto/ledger/cli/paragraph.h"
#include "proto/ledger/cli/period.h"
#include "proto/ledger/cli/search_print.h"

#include <inttypes.h>
#include <string.h>

enum { NAME_WIDTH = 54 }; // of tables

struct page {
    FILE *out;
    const struct cm_report *report;
    const struct cm_report_view *view;
};

// "fewer than 5" where the public gets no small number.
static const char *shown(char out[32], const struct page *page, uint64_t value)
{
    const uint64_t small = page->view->public_only ? page->view->small : 0;
    if (value > 0 && value < small) {
        snprintf(out, 32, "fewer than %" PRIu64, small);
    } else {
        snprintf(out, 32, "%" PRIu64, value);
    }
    return out;
}

// Of a number that is shown too.
static const char *part(char out[32], bool hidden, uint64_t value)
{
    snprintf(out, 32, "%" PRIu64, value);
    return hidden ? "withheld" : out;
}

static void print_ledgers(const struct page *page)
{
    char first[CM_WHEN_SIZE];
    char last[CM_WHEN_SIZE];
    char root[2 * CM_DIGEST_SIZE + 1];
    for (const struct cm_source *source = cm_searches_sources(page->report->searches);
         source != NULL; source = source->next) {
        cm_hex(root, cm_bytes_digest(&source->checkpoint.root));
        cm_paragraph(page->out, 0, "Ledger %u: %s, %" PRIu64 " entries, %.10s to %.10s",
                     source->number, source->origin, source->entries,
                     cm_when_utc(first, source->first_ms), cm_when_utc(last, source->last_ms));
        fprintf(page->out, "  root %s\n", root);
    }
}

static void print_head(const struct page *page)
{
    const struct cm_report *report = page->report;
    char from[CM_WHEN_SIZE];
    char to[CM_WHEN_SIZE];
    FILE *out = page->out;
    fputs(page->view->public_only ? "Licence-plate searches: public report\n"
                                  : "Licence-plate searches: record of access and release\n",
          out);
    cm_paragraph(out, 0, "From %s to %s; all times are UTC.",
                 cm_audit_period_from(from, report->options.from_ms),
                 cm_audit_period_to(to, report->options.to_ms));
    if (page->view->public_only) {
        cm_paragraph(out, 0, "Counts alone: plates, reasons, cases and people are left out.");
        if (page->view->small > 0) {
            cm_paragraph(out, 0,
                         "Counts below %" PRIu64
                         " are withheld, and where they would follow from the others, the next "
                         "ones too.",
                         page->view->small);
        }
    } else {
        cm_paragraph(out, 0,
                     "Kept under Cal. Civ. Code 1798.90.52 and, for releases, 28 CFR 23.20. Holds "
                     "plates and names: keep it as the ledgers are kept.");
    }
    print_ledgers(page);
}

static void print_counts(const struct page *page)
{
    const struct cm_report *report = page->report;
    const struct cm_report_counts *c = &report->counts;
    char a[32];
    char b[32];
    FILE *out = page->out;
    const uint64_t reviewed[] = {c->reviewed, c->not_reviewed};
    const bool no_clear = cm_report_hides(page->view, c->clear, CM_CLEAR_COUNT);
    const bool no_reviewed = cm_report_hides(page->view, reviewed, 2);
    fprintf(out, "\nSearches           %s\n", shown(a, page, report->count));
    for (unsigned clear = CM_CLEAR_OPEN; clear < CM_CLEAR_COUNT; clear++) {
        static const char *const says[CM_CLEAR_COUNT] = {
            [CM_CLEAR_OPEN] = "in clear",
            [CM_CLEAR_ERASED] = "erased with their day's key; digests remain",
            [CM_CLEAR_NO_KEY] = "not readable here: this copy has no keys",
            [CM_CLEAR_DAMAGED] = "whose clear values are not what was committed to",
        };
        if (c->clear[clear] > 0) {
            fprintf(out, "                   %s %s\n", part(a, no_clear, c->clear[clear]),
                    says[clear]);
        }
    }
    if (c->clear[CM_CLEAR_NONE] > 0) {
        fprintf(out, "                   %s without clear values from the start\n",
                part(a, no_clear, c->clear[CM_CLEAR_NONE]));
    }
    fprintf(out, "Without a case     %s\n", shown(a, page, c->without_case));
    fprintf(out, "Reviewed           %s, not reviewed %s\n", part(a, no_reviewed, c->reviewed),
            part(b, no_reviewed, c->not_reviewed));
    fprintf(out, "Rows released      %s\n", shown(a, page, c->released));
    fprintf(out, "Rows received      %s\n", shown(a, page, c->received));
    fprintf(out, "Refused unread     %s, before a signature held\n", shown(a, page, c->rejected));
    fprintf(out, "Detections         %" PRIu64 " taken in, %" PRIu64 " deleted\n", c->ingested,
            c->deleted);
}

// Everybody is of one federation: "spiffe://valley.example/ca.northport.pd/investigator/lee" is
// "ca.northport.pd/investigator/lee".
static const char *short_name(const char *name)
{
    static const char scheme[] = "spiffe://";
    const char *slash = strncmp(name, scheme, sizeof scheme - 1) == 0
                            ? strchr(name + sizeof scheme - 1, '/')
                            : NULL;
    return slash != NULL ? slash + 1 : name;
}

static void print_table(const struct page *page, const struct cm_report_table *table)
{
    char name[4 * CM_MAX_ID];
    const struct cm_tallies *tallies = table->tallies;
    if (tallies->count == 0 || (page->view->public_only && table->personal)) {
        return;
    }
    fprintf(page->out, "\n%-56s %8s%s\n", table->heading, table->searches ? "searches" : "entries",
            table->rows ? "       rows" : "");
    for (size_t i = 0; i < tallies->count; i++) {
        const struct cm_tally *tally = tallies->sorted[i];
        cm_plain(name, sizeof name, short_name(tally->name));
        const bool wide = strlen(name) > NAME_WIDTH;
        fprintf(page->out, "  %-*s%s", NAME_WIDTH, name, wide ? "\n" : "");
        if (wide) {
            fprintf(page->out, "  %-*s", NAME_WIDTH, "");
        }
        if (cm_report_withheld(table, page->view, i)) {
            fprintf(page->out, " %8s\n", "withheld");
            continue;
        }
        fprintf(page->out, " %8" PRIu64, tally->searches);
        if (table->rows) {
            fprintf(page->out, " %10" PRIu64, tally->rows);
        }
        fputc('\n', page->out);
    }
}

static void flag_line(FILE *out, const struct cm_flag *flag)
{
    char first[CM_WHEN_SIZE];
    char last[CM_WHEN_SIZE];
    cm_when_utc(first, flag->first_ms);
    cm_when_utc(last, flag->last_ms);
    if (flag->kind == CM_FLAG_REPEATED_PLATE) {
        cm_paragraph(out, 2, "%s: %s %" PRIu64 " times, %" PRIu64 " without a case, %.16s to %.16s",
                     flag->who, flag->what, flag->count, flag->other, first, last);
    } else if (flag->kind == CM_FLAG_SAME_REASON) {
        cm_paragraph(out, 2,
                     "%s: \"%s\" %" PRIu64 " times by %" PRIu64 " of its people, %.16s to %.16s",
                     flag->who, flag->what, flag->count, flag->other, first, last);
    } else if (flag->kind == CM_FLAG_REACH) {
        cm_paragraph(out, 2, "%s: %" PRIu64 " agencies a search, serious crimes %" PRIu64,
                     flag->who, flag->count, flag->other);
    } else if (flag->kind == CM_FLAG_NO_END || flag->kind == CM_FLAG_DAMAGED) {
        cm_paragraph(out, 2, "entry %" PRIu64 " of %s, %s", flag->count, flag->who, first);
    } else if (flag->kind == CM_FLAG_REVIEW) {
        cm_paragraph(out, 2, "%s: %s, %s", flag->who, flag->detail, first);
    } else {
        cm_paragraph(out, 2, "%s: %" PRIu64 " times, %.16s to %.16s", flag->who, flag->count, first,
                     last);
    }
}

static void print_flags(const struct page *page)
{
    FILE *out = page->out;
    fputs("\nTo look at\n", out);
    bool any = false;
    for (unsigned kind = 1; kind < CM_FLAG_COUNT; kind++) {
        uint64_t count = 0;
        char text[32];
        for (const struct cm_flag *flag = page->report->flags; flag != NULL; flag = flag->next) {
            if (flag->kind != kind) {
                continue;
            }
            if (count++ == 0 && !page->view->public_only) {
                fprintf(out, "%s\n", cm_flag_heading((enum cm_flag_kind)kind));
            }
            if (!page->view->public_only) {
                flag_line(out, flag);
            }
        }
        any = any || count > 0;
        if (count > 0 && page->view->public_only) {
            cm_paragraph(out, 2, "%s: %s", cm_flag_heading((enum cm_flag_kind)kind),
                         shown(text, page, count));
        }
    }
    if (!any) {
        fputs("  nothing stands out\n", out);
    }
}

static void print_reviews(const struct page *page)
{
    const struct cm_report *report = page->report;
    char when[CM_WHEN_SIZE];
    if (page->view->public_only) {
        return;
    }
    fputs("\nReviews\n", page->out);
    for (const struct cm_review *review = report->reviews; review != NULL; review = review->next) {
        cm_paragraph(page->out, 2, "entries %" PRIu64 " to %" PRIu64 " of %s by %s on %.10s%s%s%s",
                     review->from, review->to - 1, review->origin, review->person,
                     cm_when_utc(when, review->signed_ms), review->note[0] != '\0' ? ": " : "",
                     review->note,
                     !review->held      ? " (its ledger is not among these)"
                     : !review->checked ? " (certificate not checked: --directory and --root)"
                                        : "");
    }
    cm_paragraph(page->out, 2, "%" PRIu64 " searches not reviewed", report->counts.not_reviewed);
}

static void print_events(const struct page *page)
{
    char when[CM_WHEN_SIZE];
    if (page->view->public_only || page->report->events == NULL) {
        return;
    }
    fputs("\nRules, sharing, administrators, auditors, machines\n", page->out);
    for (const struct cm_event *event = page->report->events; event != NULL; event = event->next) {
        cm_paragraph(page->out, 2, "%s %u:%" PRIu64 " %s: %s%s%s%s%s",
                     cm_when_utc(when, event->when_ms), event->source->number, event->index,
                     cm_entry_kind_name(event->kind), event->what,
                     event->person[0] != '\0' ? ", by " : "", event->person,
                     event->text[0] != '\0' ? ": " : "", event->text);
    }
}

void cm_report_text(FILE *out, const struct cm_report *report, const struct cm_report_view *view)
{
    const struct page page = {out, report, view};
    struct cm_report_table tables[CM_REPORT_TABLES];
    cm_report_tables(tables, report);
    print_head(&page);
    print_counts(&page);
    print_flags(&page);
    for (size_t i = 0; i < CM_REPORT_TABLES; i++) {
        print_table(&page, &tables[i]);
    }
    print_reviews(&page);
    print_events(&page);
    for (size_t i = 0; !view->public_only && i < report->count; i++) {
        const bool reviewed = cm_report_reviewed(report, report->list[i]);
        fputc('\n', out);
        cm_search_print(out, report->list[i], false);
        fprintf(out, "  %s\n", reviewed ? "reviewed" : "not reviewed");
    }
}
