#include "gateway/gatewayd_internal.h"

#include "proto/base/folder.h"
#include "proto/base/log.h"
#include "proto/rpc/accept_guard.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_ROOT = 64 * 1024,
    WORK_QUEUE = 1 << 20, // jobs are embedded in their owners: queries and asked nodes bound them
    TICK_MS = 500,
    RECHECK_TICKS = 60,
    HANDSHAKES_PER_SECOND = 500,
    LAST_GRACE_MS = 1000,
    FLUSH_MS = 5000,
};

static const char ledger_text[] = "this gateway's ledger takes no new entries";
static const char refuted_text[] = "this gateway's ledger lacks what it once signed";
static const char expired_text[] = "this gateway's directory has expired";
static const char unlisted_text[] = "the directory doesn't list this gateway's key";
static const char draining_text[] = "this gateway is shutting down";

static int64_t wall(void)
{
    return cm_wall_ms(cm_clock_system());
}

static bool listed(const struct cm_gatewayd *d)
{
    const struct cm_gateway_entry *entry =
        cm_directory_gateway(cm_trust_directory(d->gateway.trust), d->identity.name);
    for (size_t i = 0; entry && i < entry->pin_count; i++) {
        if (cm_digest_equal(&entry->pins[i], cm_signer_key_hash(d->gateway.signer))) {
            return true;
        }
    }
    return false;
}

void cm_gatewayd_update_closed(struct cm_gatewayd *d)
{
    const char *why = NULL;
    if (d->draining) {
        why = draining_text;
    } else if (cm_ledger_latched(d->ledger)) {
        why = ledger_text;
    } else if (cm_witnessed_refuted(&d->witnessed)) {
        why = refuted_text;
    } else if (cm_trust_directory(d->gateway.trust)->expires_ms <= wall()) {
        why = expired_text;
    } else if (!listed(d)) {
        why = unlisted_text;
    }
    if (why != d->gateway.closed && why) {
        cm_log(d->draining ? CM_LOG_INFO : CM_LOG_ERROR, "admits-nothing", "why=\"%s\"", why);
    } else if (why != d->gateway.closed) {
        cm_log(CM_LOG_INFO, "admits-again", NULL);
    }
    d->gateway.closed = why;
    cm_server_set_healthy(d->server, !why);
}

static void stopped(void *context)
{
    struct cm_gatewayd *d = context;
    d->finished = true;
    cm_loop_stop(d->loop);
}

static void stop(struct cm_gatewayd *d)
{
    d->stopping = true;
    cm_sessions_close(d->sessions);
    cm_server_shutdown(d->server, LAST_GRACE_MS, stopped, d);
}

// What was recorded last is shown to the nodes before they are left; true once that is done.
static bool show_last(struct cm_gatewayd *d)
{
    const int64_t now_ms = cm_mono_ms(cm_clock_system());
    if (!d->showing) {
        d->showing = true;
        d->drain_until_ms = now_ms + LAST_GRACE_MS;
        cm_gatewayd_note_stop(d);
    }
    if (!d->shown && d->notes == 0) {
        d->shown = true;
        cm_sessions_show(d->sessions, true);
    }
    return now_ms >= d->drain_until_ms || (d->shown && !cm_sessions_showing(d->sessions));
}

static void measure(struct cm_gatewayd *d)
{
    struct cm_accept_guard_counts guard;
    if (!d->metrics) {
        return;
    }
    cm_accept_guard_counts(&guard);
    struct cm_copies_counts copies = cm_copies_count(d->copies);
    struct cm_metrics_values values = {
        .queries = d->gateway.counters.queries,
        .reaches = d->gateway.counters.reaches,
        .refused = d->gateway.counters.refused,
        .rows = d->gateway.counters.rows,
        .batches = d->gateway.counters.batches,
        .late = d->gateway.counters.late,
        .failed = d->gateway.counters.failed,
        .running = cm_admit_inside(d->gateway.admit),
        .nodes = cm_sessions_count(d->sessions),
        .entries = cm_ledger_head(d->ledger)->checkpoint.size,
        .published = cm_ledger_published(d->ledger),
        .directory_serial = cm_trust_directory(d->gateway.trust)->serial,
        .admits = !d->gateway.closed,
        .held = cm_admit_bytes(d->gateway.admit),
        .findings = d->gateway.counters.findings,
        .refuted = cm_witnessed_refuted(&d->witnessed),
        .connections_accepted = guard.accepted,
        .copies_acknowledged = copies.acknowledged,
        .copies_stored = copies.stored,
        .copies_lost = copies.lost,
        .copies_put_off = copies.put_off,
        .copies_waiting = copies.waiting,
        .copies_files = copies.files,
        .connections_shed = guard.no_descriptor + guard.too_many + guard.too_fast,
    };
    cm_metrics_set(d->metrics, &values);
}

// Queries first, then their copies, which wait for nobody any more, then what all that recorded.
static bool drained(struct cm_gatewayd *d)
{
    const int64_t now_ms = cm_mono_ms(cm_clock_system());
    if (d->showing) {
        return show_last(d);
    }
    if (!d->flushing && (cm_admit_inside(d->gateway.admit) == 0 || now_ms >= d->drain_until_ms)) {
        d->flushing = true;
        d->drain_until_ms = now_ms + FLUSH_MS;
        cm_copies_flush(d->copies);
    }
    return d->flushing && (cm_copies_idle(d->copies) || now_ms >= d->drain_until_ms) &&
           show_last(d);
}

static void tick(struct cm_timer *timer)
{
    struct cm_gatewayd *d = CM_CONTAINER(timer, struct cm_gatewayd, tick);
    cm_gatewayd_update_closed(d);
    cm_gatewayd_look(d);
    measure(d);
    cm_gatewayd_accept_next(d); // what could not be looked at before
    if (++d->ticks % RECHECK_TICKS == 0) {
        cm_sessions_recheck(d->sessions);
    }
    if (!d->draining) {
        cm_sessions_show(d->sessions, false);
    }
    if (d->draining && !d->stopping && drained(d)) {
        stop(d);
    }
    if (!d->stopping && cm_timer_set(d->loop, &d->tick, d->draining ? TICK_MS / 10 : TICK_MS)) {
        cm_log(CM_LOG_ERROR, "timer-not-set", NULL);
    }
}

static void drain(struct cm_gatewayd *d)
{
    if (d->draining) {
        return;
    }
    d->draining = true;
    d->drain_until_ms = cm_mono_ms(cm_clock_system()) + d->config->drain_ms;
    cm_log(CM_LOG_INFO, "draining", "queries=%u", cm_admit_inside(d->gateway.admit));
    cm_timer_cancel(d->loop, &d->tick);
    tick(&d->tick);
}

void cm_gatewayd_signal(struct cm_gatewayd *d, int number)
{
    if (number == SIGHUP) {
        d->hangup = 1;
    } else {
        d->terminate = 1;
    }
    cm_loop_stop(d->loop);
}

void cm_gatewayd_run(struct cm_gatewayd *d)
{
    while (!d->finished) {
        cm_loop_run(d->loop);
        if (d->hangup) {
            d->hangup = 0;
            cm_gatewayd_reload(d);
        }
        if (d->terminate) {
            drain(d);
        }
    }
    cm_log(CM_LOG_INFO, "stopped", "queries=%llu rows=%llu",
           (unsigned long long)d->gateway.counters.queries,
           (unsigned long long)d->gateway.counters.rows);
}

int cm_gatewayd_port(const struct cm_gatewayd *d)
{
    return cm_server_port(d->server);
}

static enum cm_status open_directory(struct cm_gatewayd *d, struct cm_error *error)
{
    struct cm_buf root = {0};
    enum cm_status status = cm_folder_make_in(d->path, d->config->data, "directory", error);
    if (!status) {
        status = cm_file_read(&root, d->config->root, MAX_ROOT, error);
    }
    if (!status) {
        status = cm_directory_store_open(&d->store, d->path, cm_buf_bytes(&root), wall(), error);
    }
    if (!status) {
        status = cm_file_read(&d->incoming, d->config->directory, CM_MAX_BUNDLE, error);
    }
    if (!status) {
        bool changed;
        struct cm_error refused = {0};
        status = cm_directory_store_accept(d->store, &changed, cm_buf_bytes(&d->incoming), wall(),
                                           &refused);
        // The one held already may be the newer: nodes may have brought it.
        if (status == CM_STALE && cm_directory_store_serial(d->store) > 0) {
            cm_log(CM_LOG_WARNING, "directory-refused", "field=%s error=\"%s\"", refused.where,
                   refused.text);
            status = CM_OK;
        } else if (status && error) {
            *error = refused;
        }
    }
    if (!status && !(d->gateway.trust = cm_directory_store_snapshot(d->store, wall()))) {
        status = cm_fail(error, CM_STALE, d->config->directory, "the directory has expired");
        cm_error_hint(error, "get the newest one from the federation's operator");
    }
    cm_buf_clear(&d->incoming);
    cm_buf_clear(&root);
    return status;
}

// The gateway's name is its certificate's; the directory must list it with this key.
static enum cm_status open_identity(struct cm_gatewayd *d, struct cm_error *error)
{
    struct cm_signer *signer = d->gateway.signer;
    enum cm_status status =
        cm_identity_parse(&d->identity, cm_bytes_of(cm_signer_spiffe(signer)), error);
    if (status) {
        return status;
    }
    if (d->identity.role != CM_ROLE_GATEWAY) {
        return cm_fail(error, CM_INVALID, d->config->chain, "not the certificate of a gateway");
    }
    d->gateway.name = d->identity.name;
    if (listed(d)) {
        return CM_OK;
    }
    cm_fail(error, CM_INVALID, d->config->chain, "%s", unlisted_text);
    cm_error_hint(error, "comity directory gateway, with what comity keys pin prints");
    return CM_INVALID;
}

// What the ledger holds of queries that could still be replayed.
static enum cm_status restore(void *context, const struct cm_log_item *item)
{
    struct cm_gatewayd *d = context;
    cm_arena_reset(d->restore_arena);
    struct cm_entry entry;
    enum cm_status status = cm_entry_decode(&entry, d->restore_arena, item->entry, NULL);
    if (!status) {
        status = cm_gatewayd_recall(d, item->index, &entry);
    }
    if (status) {
        return status;
    }
    d->newest_ms = entry.recorded_ms; // a clock set back before has its entry
    bool replayable = entry.kind == CM_ENTRY_QUERY || entry.kind == CM_ENTRY_REACH;
    if (!replayable || entry.expires_ms + 2 * CM_SKEW_MS <= wall()) {
        return CM_OK; // as long as the cache itself would have held it
    }
    return cm_replay_restore(d->gateway.replay, &entry.replay_key, entry.expires_ms,
                             entry.recorded_ms);
}

static enum cm_status submit_slow(void *context, struct cm_job *job)
{
    struct cm_gatewayd *d = context;
    return d->slow ? cm_workers_submit(d->slow, job) : CM_UNAVAILABLE;
}

static enum cm_status open_ledger(struct cm_gatewayd *d, struct cm_error *error)
{
    const struct cm_gatewayd_config *config = d->config;
    struct cm_replay_limits limits = {config->remembered, config->remembered_per_investigator,
                                      config->remembered_per_agency};
    struct cm_admit_limits admit = {"queries running", config->queries, config->per_investigator,
                                    config->per_agency, (uint64_t)config->held_mb * 1024 * 1024};
    struct cm_admit_limits silent = {"calls open that have sent nothing", CM_DOOR_TOTAL,
                                     CM_DOOR_PER_KEY, CM_DOOR_PER_AGENCY, 0};
    if (cm_replay_new(&d->gateway.replay, &limits) || cm_admit_new(&d->gateway.admit, &admit) ||
        cm_admit_new(&d->gateway.silent, &silent) ||
        !(d->restore_arena = cm_arena_new((size_t)1024 * 1024))) {
        return cm_fail(error, CM_MEMORY, "gateway", "out of memory");
    }
    enum cm_status status = cm_folder_make_in(d->path, config->data, "ledger", error);
    if (status) {
        return status;
    }
    status = cm_witnessed_open(&d->witnessed, d->path, d->gateway.signer, submit_slow, d, error);
    if (status) {
        return status;
    }
    d->gateway.epoch = d->witnessed.epoch;
    struct cm_ledger_options options = {
        .folder = d->path,
        .epoch = d->witnessed.epoch,
        .signer = d->gateway.signer,
        .poster = cm_loop_poster(d->loop),
        .max_waiting = config->waiting,
        .max_bytes = (uint64_t)config->ledger_max_mb * 1024 * 1024,
        .publish_ms = 1000,
        .replay = restore,
        .context = d,
    };
    status = cm_ledger_open(&d->ledger, &options, error);
    if (!status) {
        status = cm_witnessed_check(&d->witnessed, d->ledger, error);
    }
    cm_arena_free(d->restore_arena);
    d->restore_arena = NULL;
    return status ? status : cm_gatewayd_open_keys(d, d->path, error);
}

static enum cm_status open_copies(struct cm_gatewayd *d, struct cm_error *error)
{
    enum cm_status status = cm_folder_make_in(d->path, d->config->data, "copies", error);
    if (!status) {
        status = cm_gatewayd_open_copies(d, d->path, error);
    }
    if (!status) {
        status = cm_folder_make_in(d->path, d->config->data, "ledger", error);
    }
    return status ? status : cm_gatewayd_recover(d, d->path, error);
}

static enum cm_status open_sessions(struct cm_gatewayd *d, struct cm_error *error)
{
    enum cm_status status =
        cm_folder_make_in(d->witnessed_path, d->config->data, "witnessed", error);
    if (!status) {
        status = cm_folder_make_in(d->path, d->config->data, "rules", error);
    }
    struct cm_sessions_options options = {
        .gateway = &d->gateway,
        .loop = d->loop,
        .ledger = d->ledger,
        .slow = d->slow,
        .copies = d->copies,
        .folder = d->path,
        .on_directory = cm_gatewayd_on_directory,
        .on_rules = cm_gatewayd_on_rules,
        .witnessed_folder = d->witnessed_path,
        .witnessed = &d->witnessed,
        .witness_every_ms = d->config->witness_every_ms,
        .on_finding = cm_gatewayd_on_finding,
        .on_refuted = cm_gatewayd_on_refuted,
        .context = d,
    };
    return status ? status : cm_sessions_new(&d->sessions, &options, error);
}

static enum cm_status open_server(struct cm_gatewayd *d, struct cm_error *error)
{
    const struct cm_gatewayd_config *config = d->config;
    const struct cm_method methods[] = {
        {CM_METHOD_LOOKUP, cm_callers_on_lookup, &d->callers, CM_MAX_LOOKUP_REQUEST,
         2 * config->queries + CM_DOOR_TOTAL},
        {CM_METHOD_REACH, cm_callers_on_reach, &d->callers, CM_MAX_LOOKUP_REQUEST,
         2 * config->queries + CM_DOOR_TOTAL},
        {CM_METHOD_ATTACH, cm_sessions_on_attach, d->sessions, CM_MAX_ATTACH_UP,
         config->sessions + CM_DOOR_TOTAL},
        {CM_METHOD_ANSWER, cm_sessions_on_answer, d->sessions, CM_MAX_BATCH_MESSAGE,
         config->sessions * CM_CREDITS},
    };
    const struct cm_server_options options = {
        .address = config->listen,
        .tls = {config->key, config->chain, config->root},
        .methods = methods,
        .method_count = sizeof methods / sizeof methods[0],
        .max_connections = config->connections,
    };
    enum cm_status status = cm_accept_guard_set(config->connections, HANDSHAKES_PER_SECOND, error);
    return status ? status : cm_server_new(&d->server, d->loop, &options, error);
}

static enum cm_status open_all(struct cm_gatewayd *d, struct cm_error *error)
{
    const struct cm_gatewayd_config *config = d->config;
    enum cm_status status = cm_folder_make(config->data, error);
    if (!status) {
        status = cm_signer_load(&d->gateway.signer, config->key, config->chain, NULL, error);
    }
    if (!status) {
        status = open_directory(d, error);
    }
    if (!status) {
        status = open_identity(d, error);
    }
    if (!status) {
        status = cm_loop_new(&d->loop, error);
    }
    if (!status &&
        (cm_workers_new(&d->workers, config->workers, WORK_QUEUE, cm_loop_poster(d->loop)) ||
         cm_workers_new(&d->slow, 1, WORK_QUEUE, cm_loop_poster(d->loop)) ||
         cm_workers_new(&d->disk, 1, WORK_QUEUE, cm_loop_poster(d->loop)))) {
        status = cm_fail(error, CM_MEMORY, "gateway.workers", "the threads could not be started");
    }
    if (!status) {
        status = open_ledger(d, error);
    }
    if (!status) {
        status = open_copies(d, error);
    }
    if (!status) {
        status = open_sessions(d, error);
    }
    if (!status) {
        d->callers.gateway = &d->gateway;
        d->callers.loop = d->loop;
        status = open_server(d, error);
    }
    if (!status && config->metrics_port) {
        status = cm_metrics_new(&d->metrics, config->metrics_port, error);
    }
    return status;
}

enum cm_status cm_gatewayd_new(struct cm_gatewayd **out, const struct cm_gatewayd_config *config,
                               struct cm_error *error)
{
    struct cm_gatewayd *d = calloc(1, sizeof *d);
    if (!d) {
        return cm_fail(error, CM_MEMORY, "gateway", "out of memory");
    }
    d->config = config;
    cm_gatewayd_ports(d);
    d->gateway.ports = &d->ports;
    d->gateway.actions = 1u << CM_ACTION_LOOKUP;
    enum cm_status status = open_all(d, error);
    if (status) {
        cm_gatewayd_free(d);
        return status;
    }
    cm_gatewayd_note_start(d);
    cm_gatewayd_update_closed(d);
    d->tick.fire = tick;
    tick(&d->tick);
    cm_log(CM_LOG_INFO, "started", "gateway=%s port=%d directory=%llu entries=%llu",
           d->gateway.name, cm_server_port(d->server),
           (unsigned long long)cm_trust_directory(d->gateway.trust)->serial,
           (unsigned long long)cm_ledger_head(d->ledger)->checkpoint.size);
    *out = d;
    return CM_OK;
}

static void run_rest(struct cm_gatewayd *d)
{
    bool ran = d->loop != NULL;
    while (ran) {
        ran = cm_loop_step(d->loop, 0);
    }
}

static void free_workers(struct cm_gatewayd *d, struct cm_workers **workers)
{
    struct cm_workers *ending = *workers;
    *workers = NULL; // what comes back submits nothing more
    if (ending) {
        cm_workers_free(ending);
        run_rest(d);
    }
}

void cm_gatewayd_free(struct cm_gatewayd *d)
{
    if (!d) {
        return;
    }
    cm_metrics_free(d->metrics);
    if (d->server) {
        cm_server_free(d->server);
    }
    // Jobs and appends post their last tasks: queries' first, which may leave copies behind.
    free_workers(d, &d->workers);
    free_workers(d, &d->slow);
    free_workers(d, &d->disk);
    if (d->ledger) {
        struct cm_ledger *ledger = d->ledger;
        d->ledger = NULL;
        cm_ledger_close(ledger);
    }
    run_rest(d);
    cm_append_queue_drop(&d->appends);
    cm_sessions_free(d->sessions);
    cm_witnessed_clear(&d->witnessed);
    cm_copies_free(d->copies);
    cm_refusals_free(d->refusals);
    cm_chain_places_free(d->chains);
    cm_day_keys_free(d->keys);
    free(d->open);
    cm_admit_free(d->gateway.admit);
    cm_admit_free(d->gateway.silent);
    cm_replay_free(d->gateway.replay);
    if (d->gateway.trust) {
        cm_trust_unref(d->gateway.trust);
    }
    cm_directory_store_free(d->store);
    if (d->gateway.signer) {
        cm_signer_unref(d->gateway.signer);
    }
    cm_loop_free(d->loop);
    cm_arena_free(d->restore_arena);
    cm_buf_clear(&d->incoming);
    free(d);
}
