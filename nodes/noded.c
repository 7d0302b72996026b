#include "nodes/noded_internal.h"

#include "proto/base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JUDGE_EVERY_MS = 30000, LAST_GRACE_MS = 2000, SET_ARENA_CAP = 16 * 1024 * 1024 };

static int64_t mono(void)
{
    return cm_mono_ms(cm_clock_system());
}

static int64_t wall(void)
{
    return cm_wall_ms(cm_clock_system());
}

enum cm_status cm_noded_submit(void *noded, struct cm_job *job)
{
    return cm_workers_submit(((struct cm_noded *)noded)->workers, job);
}

void cm_noded_swept(void *context, uint64_t rows, int64_t before_ms)
{
    const struct cm_entry entry = {
        .kind = CM_ENTRY_DELETION, .accepted = rows, .before_ms = before_ms};
    cm_log(CM_LOG_INFO, "rows-deleted", "rows=%" PRIu64, rows);
    cm_noded_note(context, &entry, NULL);
}

// Of a rule set; now where it can't be read.
static int64_t signed_ms(const struct cm_buf *bytes)
{
    struct cm_envelope envelope;
    struct cm_ruleset set = {.signed_ms = wall()};
    struct cm_arena *arena = cm_arena_new(SET_ARENA_CAP);
    if (arena && cm_envelope_decode(&envelope, arena, cm_buf_bytes(bytes), NULL) == CM_OK &&
        cm_ruleset_decode(&set, arena, envelope.payload, NULL)) {
        set.signed_ms = wall();
    }
    cm_arena_free(arena);
    return set.signed_ms;
}

void cm_noded_rules_changed(struct cm_noded *noded)
{
    const struct cm_standing *standing = cm_bundle_standing(noded->node.bundle);
    const struct cm_entry entry = {
        .kind = CM_ENTRY_RULES,
        .digest = standing->digest,
        .agency = noded->node.agency,
        .sequence = standing->sequence,
        .overlay_revision = standing->overlay_revision,
    };
    cm_log(CM_LOG_INFO, "rules-standing", "sequence=%" PRIu64 " overlay=%" PRIu64,
           standing->sequence, standing->overlay_revision);
    if (cm_digest_equal(&noded->recorded_rules, &standing->digest)) {
        cm_noded_note(noded, &entry, NULL);
    } else {
        cm_noded_note_signed(noded, &entry, cm_buf_bytes(&standing->envelope),
                             signed_ms(&standing->envelope));
    }
    noded->recorded_rules = standing->digest;
    cm_node_queries_judge_again(&noded->node);
    for (size_t i = 0; i < noded->attach_count; i++) {
        cm_attach_rules_changed(noded->attaches[i]);
    }
}

static bool all_idle(const struct cm_noded *noded)
{
    bool idle = !noded->accepting && !noded->witnessed.busy && noded->notes == 0 &&
                !noded->retention.busy && !noded->edits.busy && !noded->key_duty.busy &&
                noded->node.releases == 0;
    for (size_t i = 0; i < noded->attach_count; i++) {
        idle = idle && cm_attach_idle(noded->attaches[i]);
    }
    return idle;
}

static void close_all(struct cm_noded *noded)
{
    for (size_t i = 0; i < noded->attach_count; i++) {
        cm_attach_close(noded->attaches[i]);
    }
}

// What was recorded last is shown to the gateways before they are left; true once they answered.
static bool shown_last(struct cm_noded *noded)
{
    const bool settled = noded->notes == 0 && noded->node.releases == 0;
    bool waits = !settled;
    for (size_t i = 0; i < noded->attach_count && settled; i++) {
        if (!noded->shown) {
            cm_attach_show(noded->attaches[i], true);
        }
        waits = waits || cm_attach_showing(noded->attaches[i]);
    }
    noded->shown = settled;
    return !waits;
}

// Draining: queries end, then the sessions, then the ledger, then the loop; each has its time.
static void wind_down(struct cm_noded *noded)
{
    const bool late = mono() >= noded->end_at_ms;
    cm_append_queue_retry(&noded->node.appends);
    if (!noded->closing && (!noded->node.queries || late)) {
        noded->closing = true;
        cm_noded_note_rejected(noded, INT64_MAX);
        for (size_t i = 0; i < noded->attach_count; i++) {
            cm_noded_log_left_out(noded->attaches[i], INT64_MAX);
        }
        noded->end_at_ms = mono() + LAST_GRACE_MS;
        noded->retention.stopping = true;
    } else if (noded->closing && !noded->left && (shown_last(noded) || late)) {
        noded->left = true;
        noded->end_at_ms = mono() + LAST_GRACE_MS;
        close_all(noded);
    } else if (noded->left && all_idle(noded) && !noded->stop_noted) {
        noded->stop_noted = true;
        cm_noded_note_stop(noded);
    } else if (noded->left && all_idle(noded)) {
        noded->finished = true;
        cm_loop_stop(noded->loop);
    } else if (noded->left && late) {
        cm_append_queue_drop(&noded->node.appends);
        close_all(noded); // a gateway that doesn't answer
    }
}

// Its own line when it began may be long gone from the log.
static void warn_when_latched(const struct cm_noded *noded)
{
    if (cm_ledger_latched(noded->ledger)) {
        cm_log(CM_LOG_ERROR, "nothing-is-answered",
               "why=\"the ledger can't be written\" folder=%s/ledger "
               "action=\"make room or mend the disk, then restart the node\"",
               noded->config->data);
    }
    if (cm_witnessed_refuted(&noded->witnessed)) {
        cm_log(CM_LOG_ERROR, "nothing-is-answered",
               "why=\"the ledger lacks what this node's key once signed\" folder=%s/ledger "
               "action=\"put the right folder back, or comity node recover\"",
               noded->config->data);
    }
}

static void look_at_orders(struct cm_noded *noded)
{
    struct cm_orders_change change;
    char text[CM_MAX_REASON];
    if (!cm_orders_look(&noded->orders, &change, noded->node.agency, noded->node.trust, wall())) {
        return;
    }
    noded->node.orders = noded->orders.orders;
    const struct cm_orders *orders = noded->node.orders;
    snprintf(text, sizeof text,
             "court orders, register %" PRIu64 ": %u added, %u ended, %u altered, %u dropped",
             cm_orders_register(orders)->sequence, change.added, change.ended, change.altered,
             change.dropped);
    const struct cm_entry entry = {
        .kind = CM_ENTRY_EVIDENCE, .digest = *cm_orders_digest(orders), .text = text};
    cm_log(CM_LOG_INFO, "orders-standing", "sequence=%" PRIu64 " added=%u ended=%u altered=%u",
           cm_orders_register(orders)->sequence, change.added, change.ended, change.altered);
    cm_noded_note_signed(noded, &entry, cm_orders_envelope(orders),
                         cm_orders_register(orders)->signed_ms);
    cm_node_queries_judge_again(&noded->node);
}

static void look_around(struct cm_noded *noded)
{
    struct cm_node *node = &noded->node;
    // What could not be had, such as room on the disk, may be there now.
    if (cm_rules_watch(&noded->rules, node->bundle, node->trust, wall())) {
        cm_noded_rules_changed(noded);
        noded->edits.due = true;
    }
    if (noded->edits.due) {
        cm_noded_judge_edits(noded, mono());
    }
    look_at_orders(noded);
    cm_noded_look_at_clock(noded);
    cm_noded_look_at_keys(noded);
    cm_control_look(noded->control, mono());
    cm_append_queue_retry(&node->appends);
    cm_noded_note_rejected(noded, mono());
    for (size_t i = 0; i < noded->attach_count; i++) {
        cm_attach_show(noded->attaches[i], false);
        cm_noded_log_left_out(noded->attaches[i], mono());
    }
    const struct cm_standing *standing = cm_bundle_standing(node->bundle);
    // A clock that ran far ahead must not delete everything: past the directory's end nothing is.
    const bool believed = wall() < cm_trust_directory(node->trust)->expires_ms;
    if (mono() >= noded->sweep_at_ms && believed) {
        noded->sweep_at_ms = mono() + noded->config->retain_every_ms;
        cm_retention_sweep(&noded->retention,
                           standing ? cm_rules_retain_s(standing->rules) : INT64_MAX, wall());
    }
    cm_noded_read_what_waits(noded);
    if (mono() >= noded->judge_at_ms) {
        noded->judge_at_ms = mono() + JUDGE_EVERY_MS;
        for (size_t i = 0; i < noded->attach_count; i++) {
            cm_attach_judge_again(noded->attaches[i]);
        }
        noded->meet_due = true;
        warn_when_latched(noded);
        cm_folders_renew(noded->folders);
        cm_noded_look(noded, mono());
    }
    if (noded->meet_due) {
        cm_noded_meet_gateways(noded, NULL);
    }
}

void cm_noded_tick(struct cm_timer *timer)
{
    struct cm_noded *noded = CM_CONTAINER(timer, struct cm_noded, tick);
    if (noded->node.draining) {
        wind_down(noded);
    } else {
        look_around(noded);
    }
    if (!noded->finished && cm_timer_set(noded->loop, &noded->tick,
                                         noded->node.draining ? CM_TICK_MS / 10 : CM_TICK_MS)) {
        cm_log(CM_LOG_ERROR, "timer-not-set", NULL);
    }
}

// Renewed certificates keep their key: another key is another ledger.
static void reload(struct cm_noded *noded)
{
    struct cm_error error = {.text = ""};
    struct cm_signer *signer = NULL;
    cm_log(CM_LOG_INFO, "reload", NULL);
    if (cm_signer_load(&signer, noded->config->key, noded->config->chain, NULL, &error)) {
        cm_log(CM_LOG_ERROR, "key-not-loaded", "where=%s error=\"%s\"", error.where, error.text);
    } else if (!cm_digest_equal(cm_signer_key_hash(signer),
                                cm_signer_key_hash(noded->node.signer)) ||
               strcmp(cm_signer_spiffe(signer), cm_signer_spiffe(noded->node.signer)) != 0) {
        cm_log(CM_LOG_ERROR, "key-differs", "action=\"restart with another data folder\"");
    } else {
        struct cm_signer *old = noded->node.signer;
        noded->node.signer = signer;
        signer = old;
    }
    cm_signer_unref(signer);
    for (size_t i = 0; i < noded->attach_count; i++) {
        cm_attach_reload(noded->attaches[i]);
    }
    cm_noded_read_directory(noded);
}

static void drain(struct cm_noded *noded)
{
    if (noded->node.draining) {
        return;
    }
    cm_log(CM_LOG_INFO, "draining", NULL);
    noded->node.draining = true;
    noded->end_at_ms = mono() + noded->config->drain_ms;
    cm_timer_cancel(noded->loop, &noded->tick);
    cm_noded_tick(&noded->tick);
}

void cm_noded_signal(struct cm_noded *noded, int number)
{
    if (number == SIGHUP) {
        noded->hangup = 1;
    } else {
        noded->terminate = number;
    }
    cm_loop_stop(noded->loop);
}

void cm_noded_run(struct cm_noded *noded)
{
    while (!noded->finished) {
        cm_loop_run(noded->loop);
        if (noded->hangup) {
            noded->hangup = 0;
            reload(noded);
        }
        if (noded->terminate) {
            drain(noded);
        }
    }
    cm_log(CM_LOG_INFO, "stopped",
           "answered=%" PRIu64 " refused=%" PRIu64 " withdrawn=%" PRIu64 " stopped=%" PRIu64
           " copies=%" PRIu64,
           noded->node.counters.answered, noded->node.counters.refused,
           noded->node.counters.withdrawn, noded->node.counters.stopped,
           noded->node.counters.copies);
}
