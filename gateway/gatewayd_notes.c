// What the ledger records beside queries: start, stop, the directories and rules that count. Loop
// thread.
#include "gateway/gatewayd_internal.h"

#include "proto/base/log.h"

#include <stdlib.h>

struct note {
    struct cm_append append;
    struct cm_gatewayd *d;
    struct cm_buf bytes;
};

// Ends of what was begun when there still was room, and what must not go unseen.
static bool is_essential(enum cm_entry_kind kind)
{
    return kind == CM_ENTRY_MANIFEST || kind == CM_ENTRY_STOP || kind == CM_ENTRY_WITNESS;
}

static void end(struct note *note, enum cm_status status)
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
    struct note *note = CM_CONTAINER(append, struct note, append);
    struct cm_gatewayd *d = note->d;
    cm_tree_head_unref(append->head);
    end(note, append->status);
    cm_append_queue_retry(&d->appends);
}

static enum cm_status append(void *context, struct cm_append *append)
{
    struct cm_gatewayd *d = context;
    return d->ledger ? cm_ledger_append(d->ledger, append) : CM_UNAVAILABLE;
}

void cm_gatewayd_note(struct cm_gatewayd *d, const struct cm_entry *entry)
{
    struct cm_entry whole = *entry;
    // Manifests are bounded by the queries that were recorded.
    const bool room = d->notes < CM_GATEWAYD_NOTES || is_essential(entry->kind);
    struct note *note = room ? calloc(1, sizeof *note) : NULL;
    if (!note) {
        cm_log(CM_LOG_ERROR, "not-recorded", "why=overload");
        return;
    }
    d->notes++;
    note->d = d;
    whole.recorded_ms = cm_wall_ms(cm_clock_system());
    enum cm_status status = cm_entry_encode(&note->bytes, &whole);
    note->append = (struct cm_append){
        .entry = cm_buf_bytes(&note->bytes), .essential = is_essential(entry->kind), .done = noted};
    d->appends.append = append;
    d->appends.context = d;
    if (!status) {
        status = cm_append_queue_add(&d->appends, &note->append);
    }
    if (status) {
        end(note, status);
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
