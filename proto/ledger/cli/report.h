// The report of Civ. Code 1798.90.52 and 28 CFR 23.20: who searched what and why, what was given to
// whom, what stands out, what nobody has looked at. Pure but for the folders read; main thread.
#ifndef CM_LEDGER_CLI_REPORT_H
#define CM_LEDGER_CLI_REPORT_H

#include "proto/ledger/cli/review.h"
#include "proto/ledger/cli/search_line.h"
#include "proto/ledger/cli/tally.h"

struct cm_report_options {
    int64_t from_ms, to_ms;
    uint64_t repeat;         // the same plate by one person, from so many searches on
    uint64_t repeat_no_case; // the same without a case number
    uint64_t same_reason;    // the same words in one agency
    int64_t together_ms;     // two places at once
    const char *serious;     // purposes, with commas between
};

enum cm_flag_kind {
    CM_FLAG_NONE = 0,
    CM_FLAG_REPEATED_PLATE,
    CM_FLAG_TWO_CERTIFICATES,
    CM_FLAG_TWO_GATEWAYS,
    CM_FLAG_SAME_REASON,
    CM_FLAG_REACH,
    CM_FLAG_NO_END,
    CM_FLAG_DAMAGED,
    CM_FLAG_REVIEW,
    CM_FLAG_COUNT,
};

// Something to look at. What each member holds depends on kind; what is not there is "" or 0.
struct cm_flag {
    struct cm_flag *next;
    enum cm_flag_kind kind;
    const char *who;    // a person, an agency, a purpose, a ledger
    const char *what;   // a plate, a reason
    const char *detail; // a sentence's end
    uint64_t count;     // searches
    uint64_t other;     // without a case; people
    int64_t first_ms, last_ms;
};

const char *cm_flag_name(enum cm_flag_kind kind);    // "repeated-plate"
const char *cm_flag_heading(enum cm_flag_kind kind); // "The same plate again and again"

// An entry that is about no search.
struct cm_event {
    struct cm_event *next;
    const struct cm_source *source;
    enum cm_entry_kind kind;
    uint64_t epoch, index;
    int64_t when_ms;
    const char *what;
    const char *person; // "" unknown or none
    const char *text;   // what they said why, ""
    enum cm_audit_clear clear;
};

// What became of an agency's own detections, and what was refused unread.
struct cm_report_counts {
    uint64_t ingested, duplicates, ingest_rejected, deleted, rejected;
    uint64_t clear[CM_CLEAR_COUNT]; // searches by what can be read of them
    uint64_t reviewed, not_reviewed;
    uint64_t without_case;
    uint64_t released, received; // rows
};

struct cm_report {
    struct cm_report_options options;
    struct cm_searches *searches;
    struct cm_search *const *list;
    size_t count;
    struct cm_review *reviews;
    struct cm_tallies people, agencies, purposes, outcomes, refusals, recipients,
        recipient_agencies, months, events_by_kind;
    struct cm_report_counts counts;
    struct cm_flag *flags;
    struct cm_flag **flags_end;
    struct cm_event *events;
    struct cm_event **events_end;
};

// Zero report first. What people set in options is checked here.
enum cm_status cm_report_init(struct cm_report *report, const struct cm_report_options *options,
                              struct cm_error *error) CM_MUST_CHECK;
void cm_report_clear(struct cm_report *report);
// A review that came in a file, from cm_searches_arena.
void cm_report_add_review(struct cm_report *report, struct cm_review *review);
enum cm_status cm_report_gather(struct cm_report *report, struct cm_ledger_folder *folder,
                                const struct cm_trusts *trusts,
                                struct cm_error *error) CM_MUST_CHECK;
// After the last folder: sums and flags.
enum cm_status cm_report_finish(struct cm_report *report, struct cm_error *error) CM_MUST_CHECK;
// What searches an auditor signs for when the report is reviewed: all sightings covered.
bool cm_report_reviewed(const struct cm_report *report, const struct cm_search *search);

// Of report_flags.c: sums must be there.
enum cm_status cm_report_find_flags(struct cm_report *report) CM_MUST_CHECK;
enum cm_status cm_report_flag(struct cm_report *report, const struct cm_flag *flag) CM_MUST_CHECK;
// Of report_events.c: what is about no search; a review, from any time.
enum cm_status cm_report_take_event(struct cm_report *report, const struct cm_source *source,
                                    const struct cm_audit_record *record) CM_MUST_CHECK;
enum cm_status cm_report_take_review(struct cm_report *report, const struct cm_source *source,
                                     const struct cm_audit_record *record,
                                     const struct cm_trusts *trusts) CM_MUST_CHECK;

#endif
