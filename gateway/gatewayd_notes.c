// What the ledger records beside queries: start, stop, the directories and rules that count. Loop
// thread.
#include "gateway/gatewayd_internal.h"

#include "proto/base/log.h"

#include <stdlib.h>

struct cm_gatewayd_note {
    struct cm_gatewayd_note *next;
    struct cm_append append;
    struct cm_gatewayd *d;
    struct cm_buf bytes;
};

// Ends of what was begun when there still was room, and what must not go unseen.
static bool is_essential(enum cm_entry_kind kind)
{
    return kind == CM_ENTRY_MANIFEST || kind == CM_ENTRY_STOP || kind == CM_ENTRY_WITNESS;
}

static void end(struct cm_gatewayd_note *note, enum cm_status status)
{
    if (status) {
        cm_log(CM_LOG_ERROR, "not-recorded", "status=%s", cm_status_name(status));
    }
    note->d->notes--;
    cm_buf_clear(&note->bytes);
    free(note);
}

static void noted(struct cm_append *append)
{
    struct cm_gatewayd_note *note = CM_CONTAINER(append, struct cm_gatewayd_note, append);
    struct cm_gatewayd *d = note->d;
    cm_tree_head_unref(append->head);
    end(note, append->status);
    cm_gatewayd_notes_retry(d);
}

// Whether it is to be tried again.
static bool try_again(struct cm_gatewayd_note *note)
{
    const enum cm_status status =
        note->d->ledger ? cm_ledger_append(note->d->ledger, &note->append) : CM_UNAVAILABLE;
    if (status && status != CM_EXHAUSTED) {
        end(note, status);
    }
    return status == CM_EXHAUSTED;
}

void cm_gatewayd_note(struct cm_gatewayd *d, const struct cm_entry *entry)
{
    struct cm_entry whole = *entry;
    struct cm_gatewayd_note **last = &d->waiting;
    // Manifests are bounded by the queries that were recorded.
    const bool room = d->notes < CM_GATEWAYD_NOTES || is_essential(entry->kind);
    struct cm_gatewayd_note *note = room ? calloc(1, sizeof *note) : NULL;
    if (!note) {
        cm_log(CM_LOG_ERROR, "not-recorded", "why=overload");
        return;
    }
    d->notes++;
    note->d = d;
    whole.recorded_ms = cm_wall_ms(cm_clock_system());
    const enum cm_status status = cm_entry_encode(&note->bytes, &whole);
    if (status) {
        end(note, status);
        return;
    }
    note->append = (struct cm_append){
        .entry = cm_buf_bytes(&note->bytes), .essential = is_essential(entry->kind), .done = noted};
    while (*last) {
        last = &(*last)->next;
    }
    if (last != &d->waiting || try_again(note)) {
        *last = note;
    }
}

void cm_gatewayd_notes_retry(struct cm_gatewayd *d)
{
    while (d->waiting) {
        struct cm_gatewayd_note *first = d->waiting;
        d->waiting = first->next;
        first->next = NULL;
        if (try_again(first)) {
            first->next = d->waiting;
            d->waiting = first;
            return;
        }
    }
}

void cm_gatewayd_notes_drop(struct cm_gatewayd *d)
{
    while (d->waiting) {
        struct cm_gatewayd_note *first = d->waiting;
        d->waiting = first->next;
        end(first, CM_EXHAUSTED);
    }
}

void cm_gatewayd_on_rules(void *context, const char *agency, const struct cm_standing *standing)
{
    struct cm_gatewayd *d = context;
    if (d->stopping) {
        return; // the ledger is closed before the last rules come back
    }
    cm_gatewayd_note(d, &(struct cm_entry){.kind = CM_ENTRY_RULES,
                                           .digest = standing->digest,
                                           .agency = agency,
                                           .sequence = standing->sequence,
                                           .overlay_revision = standing->overlay_revision});
}

void cm_gatewayd_on_finding(void *context, const struct cm_entry *entry)
{
    cm_gatewayd_note(context, entry);
}

void cm_gatewayd_on_refuted(void *context)
{
    cm_gatewayd_update_closed(context);
}
