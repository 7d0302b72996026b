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

// Sorted, most first: the small ones stand at the end. What is withheld must not follow from a sum:
// two lines or more, together no small number either.
static size_t withheld_from(const struct cm_tallies *tallies, uint64_t small)
{
    size_t first = tallies->count;
    uint64_t sum = 0;
    while (first > 0 && tallies->sorted[first - 1]->searches < small) {
        sum += tallies->sorted[--first]->searches;
    }
    const bool any = first < tallies->count;
    while (any && first > 0 && (tallies->count - first < 2 || sum < small)) {
        sum += tallies->sorted[--first]->searches;
    }
    return first;
}

bool cm_report_withheld(const struct cm_report_table *table, const struct cm_report_view *view,
                        size_t i)
{
    return view->public_only && table->searches && i >= withheld_from(table->tallies, view->small);
}

bool cm_report_hides(const struct cm_report_view *view, const uint64_t *parts, size_t count)
{
    bool any = false;
    for (size_t i = 0; view->public_only && i < count; i++) {
        any = any || (parts[i] > 0 && parts[i] < view->small);
    }
    return any;
}
