// What the printers of a report share.
#include "proto/ledger/cli/report_print.h"

void cm_report_tables(struct cm_report_table out[CM_REPORT_TABLES], const struct cm_report *report)
{
    const struct cm_report_table tables[CM_REPORT_TABLES] = {
        {"person", "By person", &report->people, true, true, true},
        {"agency", "By agency that asked", &report->agencies, false, true, true},
        {"purpose", "By purpose", &report->purposes, false, true, true},
        {"outcome", "By outcome", &report->outcomes, false, true, true},
        {"refusal", "Refused, by reason", &report->refusals, false, false, true},
        {"recipient", "Rows released, by recipient", &report->recipients, true, true, true},
        {"recipient-agency", "Rows released, by agency of the recipient",
         &report->recipient_agencies, false, true, true},
        {"month", "By month", &report->months, false, false, true},
        {"event", "Other entries, by kind", &report->events_by_kind, false, false, false},
    };
    for (size_t i = 0; i < CM_REPORT_TABLES; i++) {
        out[i] = tables[i];
    }
}

static bool is_small(const struct cm_tally *tally, uint64_t small)
{
    return tally->searches < small;
}

bool cm_report_withheld(const struct cm_report_table *table, const struct cm_report_view *view,
                        size_t i)
{
    const struct cm_tallies *tallies = table->tallies;
    if (!view->public_only || view->small == 0 || !table->searches) {
        return false;
    }
    // Sorted, most first: the small ones stand at the end.
    if (is_small(tallies->sorted[i], view->small)) {
        return true;
    }
    return i + 2 == tallies->count && is_small(tallies->sorted[i + 1], view->small);
}
