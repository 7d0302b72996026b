#include "proto/ledger/cli/report_print.h"

#include "proto/base/when.h"
#include "proto/codec/bounds.h"
#include "proto/ledger/cli/search_print.h"

#include <jansson.h>

static void set(json_t *object, const char *key, const char *text)
{
    json_object_set_new(object, key, json_string(text));
}

static void set_number(json_t *object, const char *key, uint64_t value)
{
    json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void set_when(json_t *object, const char *key, int64_t ms)
{
    char text[CM_WHEN_SIZE];
    if (ms != 0) {
        set(object, key, cm_when_utc(text, ms));
    }
}

static void set_hex(json_t *object, const char *key, const struct cm_digest *digest)
{
    char text[2 * CM_DIGEST_SIZE + 1];
    cm_hex(text, cm_bytes_digest(digest));
    set(object, key, text);
}

static json_t *tables(const struct cm_report *report, const struct cm_report_view *view)
{
    struct cm_report_table all[CM_REPORT_TABLES];
    json_t *object = json_object();
    cm_report_tables(all, report);
    for (size_t t = 0; t < CM_REPORT_TABLES; t++) {
        if (view->public_only && all[t].personal) {
            continue;
        }
        json_t *list = json_array();
        for (size_t i = 0; i < all[t].tallies->count; i++) {
            const struct cm_tally *tally = all[t].tallies->sorted[i];
            json_t *one = json_object();
            set(one, "name", tally->name);
            if (cm_report_withheld(&all[t], view, i)) {
                json_object_set_new(one, "count", json_null());
            } else {
                set_number(one, "count", tally->searches);
                if (all[t].rows) {
                    set_number(one, "rows_released", tally->rows);
                }
            }
            json_array_append_new(list, one);
        }
        json_object_set_new(object, all[t].name, list);
    }
    return object;
}

// null where it is too small for the public.
static void set_count(json_t *object, const struct cm_report_view *view, const char *key,
                      uint64_t value)
{
    if (view->public_only && value > 0 && value < view->small) {
        json_object_set_new(object, key, json_null());
    } else {
        set_number(object, key, value);
    }
}

static void set_part(json_t *object, bool hidden, const char *key, uint64_t value)
{
    json_object_set_new(object, key, hidden ? json_null() : json_integer((json_int_t)value));
}

static json_t *flags(const struct cm_report *report, const struct cm_report_view *view)
{
    const bool public_only = view->public_only;
    json_t *list = json_array();
    uint64_t counts[CM_FLAG_COUNT] = {0};
    for (const struct cm_flag *flag = report->flags; flag != NULL; flag = flag->next) {
        counts[flag->kind]++;
        if (public_only) {
            continue;
        }
        json_t *one = json_object();
        set(one, "flag", cm_flag_name(flag->kind));
        set(one, "who", flag->who);
        set(one, "what", flag->what);
        set(one, "detail", flag->detail);
        set_number(one, "count", flag->count);
        set_number(one, "other", flag->other);
        set_when(one, "first", flag->first_ms);
        set_when(one, "last", flag->last_ms);
        json_array_append_new(list, one);
    }
    for (unsigned kind = 1; public_only && kind < CM_FLAG_COUNT; kind++) {
        json_t *one = json_object();
        set(one, "flag", cm_flag_name((enum cm_flag_kind)kind));
        set_count(one, view, "count", counts[kind]);
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *events(const struct cm_report *report)
{
    json_t *list = json_array();
    for (const struct cm_event *event = report->events; event != NULL; event = event->next) {
        json_t *one = json_object();
        set_when(one, "time", event->when_ms);
        set(one, "ledger", event->source->origin);
        set_number(one, "epoch", event->epoch);
        set_number(one, "index", event->index);
        set(one, "kind", cm_entry_kind_name(event->kind));
        set(one, "what", event->what);
        set(one, "person", event->person);
        set(one, "text", event->text);
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *sources(const struct cm_report *report)
{
    json_t *list = json_array();
    for (const struct cm_source *source = cm_searches_sources(report->searches); source != NULL;
         source = source->next) {
        json_t *one = json_object();
        set_number(one, "number", source->number);
        set(one, "origin", source->origin);
        set_number(one, "entries", source->entries);
        set_number(one, "epochs", source->epochs);
        set_number(one, "size", source->checkpoint.size);
        set_hex(one, "root", &source->checkpoint.root);
        set_when(one, "first_entry", source->first_ms);
        set_when(one, "last_entry", source->last_ms);
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *counts(const struct cm_report *report, const struct cm_report_view *view)
{
    const struct cm_report_counts *c = &report->counts;
    const uint64_t reviewed[] = {c->reviewed, c->not_reviewed};
    const bool no_clear = cm_report_hides(view, c->clear, CM_CLEAR_COUNT);
    const bool no_reviewed = cm_report_hides(view, reviewed, 2);
    json_t *object = json_object();
    set_count(object, view, "searches", report->count);
    for (unsigned clear = CM_CLEAR_OPEN; clear < CM_CLEAR_COUNT; clear++) {
        set_part(object, no_clear, cm_audit_clear_name((enum cm_audit_clear)clear),
                 c->clear[clear]);
    }
    set_count(object, view, "without_case", c->without_case);
    set_part(object, no_reviewed, "reviewed", c->reviewed);
    set_part(object, no_reviewed, "not_reviewed", c->not_reviewed);
    set_count(object, view, "rows_released", c->released);
    set_count(object, view, "rows_received", c->received);
    set_count(object, view, "rejected_before_signature", c->rejected);
    set_count(object, view, "detections_taken_in", c->ingested);
    set_count(object, view, "detections_duplicate", c->duplicates);
    set_count(object, view, "detections_rejected", c->ingest_rejected);
    set_count(object, view, "detections_deleted", c->deleted);
    return object;
}

static json_t *reviews(const struct cm_report *report)
{
    json_t *list = json_array();
    for (const struct cm_review *review = report->reviews; review != NULL; review = review->next) {
        json_t *one = json_object();
        set(one, "ledger", review->origin);
        set_number(one, "epoch", review->epoch);
        set_number(one, "from", review->from);
        set_number(one, "to", review->to);
        set(one, "by", review->person);
        set_when(one, "signed", review->signed_ms);
        set(one, "note", review->note);
        json_object_set_new(one, "certificate_checked", json_boolean(review->checked));
        json_object_set_new(one, "ledger_at_hand", json_boolean(review->held));
        json_array_append_new(list, one);
    }
    return list;
}

// One search after the other: all of them as objects would need several times the report's memory.
static bool print_searches(FILE *out, const struct cm_report *report)
{
    bool well = true;
    fputs(",\"searches\": [", out);
    for (size_t i = 0; well && i < report->count; i++) {
        json_t *one = cm_search_json(report->list[i], false);
        json_object_set_new(one, "reviewed",
                            json_boolean(cm_report_reviewed(report, report->list[i])));
        fputs(i > 0 ? ",\n" : "\n", out);
        well = one != NULL && json_dumpf(one, out, JSON_COMPACT) == 0;
        json_decref(one);
    }
    fputs("]", out);
    return well;
}

enum cm_status cm_report_json(FILE *out, const struct cm_report *report,
                              const struct cm_report_view *view)
{
    json_t *object = json_object();
    set_when(object, "from", report->options.from_ms);
    set_when(object, "to", report->options.to_ms <= CM_MAX_TIME_MS ? report->options.to_ms : 0);
    json_object_set_new(object, "public", json_boolean(view->public_only));
    set_number(object, "small_counts_withheld_below", view->public_only ? view->small : 0);
    json_object_set_new(object, "ledgers", sources(report));
    json_object_set_new(object, "counts", counts(report, view));
    json_object_set_new(object, "tables", tables(report, view));
    json_object_set_new(object, "flags", flags(report, view));
    if (!view->public_only) {
        json_object_set_new(object, "events", events(report));
        json_object_set_new(object, "reviews", reviews(report));
    }
    fputs("{", out);
    bool well = object != NULL && json_dumpf(object, out, JSON_EMBED) == 0;
    well = well && (view->public_only || print_searches(out, report));
    fputs("}\n", out);
    json_decref(object);
    return well ? CM_OK : CM_MEMORY;
}
