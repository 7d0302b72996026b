// What a ledger records beside searches: rules, sharing, administrators, auditors, the clock.
#include "proto/ledger/cli/report.h"

#include <inttypes.h>
#include <stdio.h>

static const char *said(const char *text)
{
    return text != NULL ? text : "";
}

static void describe(char *out, size_t size, const struct cm_entry *entry)
{
    const char *text = said(entry->text);
    if (entry->kind == CM_ENTRY_RULES) {
        snprintf(out, size, "rule set %" PRIu64 " of %s counts%s", entry->sequence,
                 said(entry->agency), entry->overlay_revision > 0 ? ", with an overlay" : "");
    } else if (entry->kind == CM_ENTRY_SHARING) {
        snprintf(out, size, "sharing with %s switched %s", said(entry->agency),
                 entry->permitted ? "on" : "off");
    } else if (entry->kind == CM_ENTRY_DIRECTORY) {
        snprintf(out, size, "directory %" PRIu64 " counts", entry->directory_serial);
    } else if (entry->kind == CM_ENTRY_CLOCK) {
        snprintf(out, size, "the clock stepped by %+.2f s", (double)entry->before_ms / 1000.0);
    } else if (entry->kind == CM_ENTRY_START) {
        char digest[2 * CM_DIGEST_SIZE + 1];
        cm_hex(digest, cm_bytes_digest(&entry->digest));
        snprintf(out, size, "started, version %s, configuration %.16s", text, digest);
    } else if (entry->kind == CM_ENTRY_WITNESS) {
        snprintf(out, size, "%s of %s: %" PRIu64 " entries seen, %" PRIu64 " shown",
                 cm_witness_finding_name(entry->finding), text, entry->old_size, entry->new_size);
    } else if (entry->kind == CM_ENTRY_EPOCH) {
        snprintf(out, size, "epoch %" PRIu64 ", restored at %" PRIu64 " entries, cosigned %" PRIu64,
                 entry->sequence, entry->old_size, entry->new_size);
    } else {
        snprintf(out, size, "%s", text);
    }
}

static void add_sums(struct cm_report_counts *counts, const struct cm_entry *entry)
{
    if (entry->kind == CM_ENTRY_INGEST) {
        counts->ingested += entry->accepted;
        counts->duplicates += entry->duplicates;
        counts->ingest_rejected += entry->rejected;
    } else if (entry->kind == CM_ENTRY_DELETION) {
        counts->deleted += entry->accepted;
    } else if (entry->kind == CM_ENTRY_REJECTED) {
        for (size_t i = 0; i < entry->count_count; i++) {
            counts->rejected += entry->counts[i].count;
        }
    }
}

static bool only_summed(enum cm_entry_kind kind)
{
    return kind == CM_ENTRY_INGEST || kind == CM_ENTRY_DELETION || kind == CM_ENTRY_REJECTED;
}

enum cm_status cm_report_take_event(struct cm_report *report, const struct cm_source *source,
                                    const struct cm_audit_record *record)
{
    char what[512];
    const struct cm_entry *entry = &record->entry;
    struct cm_arena *arena = cm_searches_arena(report->searches);
    add_sums(&report->counts, entry);
    if (only_summed(entry->kind)) {
        return CM_OK;
    }
    struct cm_event *event = cm_arena_alloc(arena, sizeof *event);
    if (event == NULL) {
        return CM_MEMORY;
    }
    describe(what, sizeof what, entry);
    const bool open = record->clear == CM_CLEAR_OPEN;
    *event = (struct cm_event){
        .source = source,
        .kind = entry->kind,
        .epoch = record->epoch,
        .index = record->index,
        .when_ms = entry->recorded_ms,
        .what = cm_searches_word(report->searches, what),
        .person = cm_searches_word(report->searches, open ? said(record->access.person) : ""),
        .text = cm_searches_word(report->searches, open ? said(record->access.text) : ""),
        .clear = record->clear,
    };
    if (event->what == NULL || event->person == NULL || event->text == NULL) {
        return CM_MEMORY;
    }
    *report->events_end = event;
    report->events_end = &event->next;
    return CM_OK;
}

enum cm_status cm_report_take_review(struct cm_report *report, const struct cm_source *source,
                                     const struct cm_audit_record *record,
                                     const struct cm_trusts *trusts)
{
    struct cm_review found;
    struct cm_error error = {0};
    if (record->entry.kind != CM_ENTRY_AUDIT || record->clear != CM_CLEAR_OPEN ||
        record->access.request.family != CM_FAMILY_AUDIT) {
        return CM_OK;
    }
    struct cm_arena *arena = cm_searches_arena(report->searches);
    enum cm_status status = cm_review_open(&found, arena, &record->access.request, trusts, &error);
    if (status == CM_NOT_FOUND || status == CM_MEMORY) {
        return status == CM_NOT_FOUND ? CM_OK : status;
    }
    if (status != CM_OK) {
        const struct cm_flag flag = {.kind = CM_FLAG_REVIEW,
                                     .who = source->origin,
                                     .detail = "a review in it can't be believed",
                                     .first_ms = record->entry.recorded_ms,
                                     .last_ms = record->entry.recorded_ms};
        return cm_report_flag(report, &flag);
    }
    struct cm_review *kept = cm_arena_alloc(arena, sizeof *kept);
    if (kept == NULL) {
        return CM_MEMORY;
    }
    *kept = found;
    cm_report_add_review(report, kept);
    return CM_OK;
}
