#include "proto/ledger/cli/report.h"

#include <string.h>
#include <time.h>

struct gathering {
    struct cm_report *report;
    const struct cm_trusts *trusts;
};

enum { TALLIES = 9 };

static void tallies_of(struct cm_tallies *all[TALLIES], struct cm_report *report)
{
    all[0] = &report->people;
    all[1] = &report->agencies;
    all[2] = &report->purposes;
    all[3] = &report->outcomes;
    all[4] = &report->refusals;
    all[5] = &report->recipients;
    all[6] = &report->recipient_agencies;
    all[7] = &report->months;
    all[8] = &report->events_by_kind;
}

enum cm_status cm_report_init(struct cm_report *report, const struct cm_report_options *options,
                              struct cm_error *error)
{
    *report = (struct cm_report){.options = *options};
    report->flags_end = &report->flags;
    report->events_end = &report->events;
    report->searches = cm_searches_new();
    return report->searches != NULL ? CM_OK : cm_fail(error, CM_MEMORY, "report", "out of memory");
}

void cm_report_clear(struct cm_report *report)
{
    struct cm_tallies *all[TALLIES];
    tallies_of(all, report);
    for (size_t i = 0; i < TALLIES; i++) {
        cm_tallies_clear(all[i]);
    }
    cm_searches_free(report->searches);
    *report = (struct cm_report){0};
}

void cm_report_add_review(struct cm_report *report, struct cm_review *review)
{
    review->next = report->reviews;
    report->reviews = review;
}

static enum cm_status other(void *context, const struct cm_source *source,
                            const struct cm_audit_record *record)
{
    struct gathering *gathering = context;
    return cm_report_take_event(gathering->report, source, record);
}

static bool is_about(const struct cm_review *review, const struct cm_source *source)
{
    return strcmp(review->origin, source->origin) == 0;
}

// A review counts once its root was met in the ledger: of another history it says nothing.
static void hold_reviews(struct cm_report *report, const struct cm_source *source,
                         const struct cm_audit_record *record)
{
    const struct cm_checkpoint *checkpoint = &record->checkpoint;
    for (struct cm_review *review = report->reviews;
         review != NULL && record->index + 1 == checkpoint->size; review = review->next) {
        review->held =
            review->held ||
            (is_about(review, source) && review->epoch == record->epoch &&
             review->size == checkpoint->size && cm_digest_equal(&review->root, &checkpoint->root));
    }
}

static bool any_waits(const struct cm_report *report, const struct cm_source *source)
{
    const struct cm_review *review = report->reviews;
    while (review != NULL && (review->held || !is_about(review, source))) {
        review = review->next;
    }
    return review != NULL;
}

static enum cm_status drop_unheld(struct cm_report *report, const struct cm_source *source)
{
    enum cm_status status = CM_OK;
    for (struct cm_review **at = &report->reviews; status == CM_OK && *at != NULL;) {
        const struct cm_review *review = *at;
        if (review->held || !is_about(review, source)) {
            at = &(*at)->next;
            continue;
        }
        const struct cm_flag flag = {.kind = CM_FLAG_REVIEW,
                                     .who = source->origin,
                                     .what = review->person,
                                     .detail = "signed another history of this ledger",
                                     .count = review->searches,
                                     .first_ms = review->signed_ms,
                                     .last_ms = review->signed_ms};
        *at = review->next;
        status = cm_report_flag(report, &flag);
    }
    return status;
}

// A review in the ledger itself lies after what it is of: that is looked at once more.
static enum cm_status hold_later(struct cm_report *report, const struct cm_source *source,
                                 struct cm_ledger_folder *folder, struct cm_error *error)
{
    const struct cm_audit_record *record;
    enum cm_status status =
        any_waits(report, source) ? cm_ledger_folder_rewind(folder, error) : CM_OK;
    while (status == CM_OK && any_waits(report, source)) {
        status = cm_ledger_folder_next(&record, folder, error);
        if (status != CM_OK || record == NULL) {
            break;
        }
        hold_reviews(report, source, record);
    }
    if (status == CM_OK && drop_unheld(report, source) != CM_OK) {
        status = cm_fail(error, CM_MEMORY, source->path, "out of memory");
    }
    return status;
}

static enum cm_status each(void *context, const struct cm_source *source,
                           const struct cm_audit_record *record)
{
    const struct gathering *gathering = context;
    hold_reviews(gathering->report, source, record);
    return cm_report_take_review(gathering->report, source, record, gathering->trusts);
}

enum cm_status cm_report_gather(struct cm_report *report, struct cm_ledger_folder *folder,
                                const struct cm_trusts *trusts, struct cm_error *error)
{
    struct gathering gathering = {report, trusts};
    const struct cm_gather gather = {
        .from_ms = report->options.from_ms,
        .to_ms = report->options.to_ms,
        .each = each,
        .other = other,
        .context = &gathering,
    };
    struct cm_source *source;
    enum cm_status status = cm_searches_source(&source, report->searches, folder, 0, error);
    if (status == CM_OK) {
        status = cm_searches_gather(report->searches, source, folder, &gather, error);
    }
    return status == CM_OK ? hold_later(report, source, folder, error) : status;
}

bool cm_report_reviewed(const struct cm_report *report, const struct cm_search *search)
{
    for (const struct cm_sighting *seen = search->sightings; seen != NULL; seen = seen->next) {
        if (!cm_review_covers(report->reviews, seen)) {
            return false;
        }
    }
    return true;
}

static enum cm_status add(struct cm_report *report, struct cm_tallies *tallies, const char *name,
                          const struct cm_search *search, uint64_t rows)
{
    struct cm_tally *tally = cm_tallies_of(tallies, cm_searches_arena(report->searches), name);
    if (tally == NULL) {
        return CM_MEMORY;
    }
    tally->searches++;
    tally->rows += rows;
    tally->last_ms = search->when_ms > tally->last_ms ? search->when_ms : tally->last_ms;
    return CM_OK;
}

static enum cm_status add_month(struct cm_report *report, const struct cm_search *search)
{
    char month[16];
    struct tm utc;
    const time_t seconds = (time_t)(search->when_ms / 1000);
    if (gmtime_r(&seconds, &utc) == NULL || strftime(month, sizeof month, "%Y-%m", &utc) == 0) {
        return CM_INTERNAL;
    }
    const char *word = cm_searches_word(report->searches, month);
    return word != NULL ? add(report, &report->months, word, search, 0) : CM_MEMORY;
}

static enum cm_status add_purpose(struct cm_report *report, const struct cm_search *search,
                                  const struct cm_search_line *line)
{
    // Of what was refused before, the word may be any: a plate, a name.
    const char *purpose = line->judged ? search->values->purpose : "(refused)";
    enum cm_status status = add(report, &report->purposes, purpose, search, line->released);
    if (status == CM_OK && line->asked > 0 && line->sides != CM_SIDE_ANSWERED) {
        struct cm_tally *tally =
            cm_tallies_of(&report->purposes, cm_searches_arena(report->searches), purpose);
        tally->asked += line->asked;
        tally->reached++;
    }
    return status;
}

static enum cm_status add_people(struct cm_report *report, const struct cm_search *search,
                                 const struct cm_search_line *line)
{
    const struct cm_search_values *values = search->values;
    enum cm_status status = add(report, &report->people, values->person, search, line->released);
    if (status == CM_OK) {
        status = add(report, &report->agencies, values->agency, search, line->released);
    }
    if (status == CM_OK) {
        status = add_purpose(report, search, line);
    }
    if (status == CM_OK && line->has_released) {
        status = add(report, &report->recipients, values->person, search, line->released);
    }
    if (status == CM_OK && line->has_released) {
        status = add(report, &report->recipient_agencies, values->agency, search, line->released);
    }
    report->counts.without_case += values->case_number[0] == '\0' && !search->reach;
    return status;
}

static enum cm_status add_search(struct cm_report *report, const struct cm_search *search)
{
    struct cm_search_line line;
    cm_search_line_of(&line, search);
    struct cm_report_counts *counts = &report->counts;
    counts->clear[search->values != NULL ? CM_CLEAR_OPEN : search->clear]++;
    counts->released += line.released;
    counts->received += line.received;
    if (cm_report_reviewed(report, search)) {
        counts->reviewed++;
    } else {
        counts->not_reviewed++;
    }
    enum cm_status status = add(report, &report->outcomes, line.outcome, search, line.released);
    if (status == CM_OK) {
        status = add_month(report, search);
    }
    if (status == CM_OK && line.refusal[0] != '\0') {
        status = add(report, &report->refusals, line.refusal, search, 0);
    }
    if (status == CM_OK && search->values != NULL) {
        status = add_people(report, search, &line);
    }
    return status;
}

static enum cm_status add_events(struct cm_report *report)
{
    for (const struct cm_event *event = report->events; event != NULL; event = event->next) {
        struct cm_tally *tally =
            cm_tallies_of(&report->events_by_kind, cm_searches_arena(report->searches),
                          cm_entry_kind_name(event->kind));
        if (tally == NULL) {
            return CM_MEMORY;
        }
        tally->searches++;
    }
    return CM_OK;
}

static enum cm_status sort(struct cm_report *report)
{
    struct cm_arena *arena = cm_searches_arena(report->searches);
    struct cm_tallies *all[TALLIES];
    tallies_of(all, report);
    enum cm_status status = CM_OK;
    for (size_t i = 0; status == CM_OK && i < TALLIES; i++) {
        status = cm_tallies_sort(all[i], arena);
    }
    return status;
}

enum cm_status cm_report_finish(struct cm_report *report, struct cm_error *error)
{
    enum cm_status status = cm_searches_list(&report->list, &report->count, report->searches);
    for (size_t i = 0; status == CM_OK && i < report->count; i++) {
        status = add_search(report, report->list[i]);
    }
    if (status == CM_OK) {
        status = add_events(report);
    }
    if (status == CM_OK) {
        status = sort(report);
    }
    if (status == CM_OK) {
        status = cm_report_find_flags(report);
    }
    return status == CM_OK ? CM_OK : cm_fail(error, status, "report", "out of memory");
}
