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

static void free_note(struct note *note)
{
    note->d->notes--;
    cm_buf_clear(&note->bytes);
    free(note);
}

static void noted(struct cm_append *append)
{
    struct note *note = CM_CONTAINER(append, struct note, append);
    if (append->status) {
        cm_log(CM_LOG_ERROR, "not-recorded", "status=%s", cm_status_name(append->status));
    } else {
        cm_tree_head_unref(append->head);
    }
    free_note(note);
}

void cm_gatewayd_note(struct cm_gatewayd *d, const struct cm_entry *entry)
{
    struct note *note = d->ledger && d->notes < CM_GATEWAYD_NOTES ? calloc(1, sizeof *note) : NULL;
    if (!note) {
        cm_log(CM_LOG_ERROR, "not-recorded", "why=overload");
        return;
    }
    note->d = d;
    d->notes++;
    struct cm_entry whole = *entry;
    whole.recorded_ms = cm_wall_ms(cm_clock_system());
    enum cm_status status = cm_entry_encode(&note->bytes, &whole);
    if (!status) {
        note->append = (struct cm_append){.entry = cm_buf_bytes(&note->bytes),
                                          .essential = entry->kind == CM_ENTRY_STOP ||
                                                       entry->kind == CM_ENTRY_WITNESS,
                                          .done = noted};
        status = cm_ledger_append(d->ledger, &note->append);
    }
    if (status) {
        cm_log(CM_LOG_ERROR, "not-recorded", "status=%s", cm_status_name(status));
        free_note(note);
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
