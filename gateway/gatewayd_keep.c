// What the gateway owes its ledger beside queries: day keys made and destroyed when due, clock
// steps noticed, refusals counted; start and stop. Loop thread.
#include "gateway/gatewayd_internal.h"

#include "proto/base/daemon.h"
#include "proto/base/log.h"

#include <inttypes.h>

static int64_t wall(void)
{
    return cm_wall_ms(cm_clock_system());
}

static void note_clock(struct cm_gatewayd *d, int64_t step_ms)
{
    cm_log(CM_LOG_WARNING, "clock-set", "step_ms=%" PRId64, step_ms);
    cm_gatewayd_note(d, &(struct cm_entry){.kind = CM_ENTRY_CLOCK, .before_ms = step_ms});
}

static void look_at_clock(struct cm_gatewayd *d)
{
    const int64_t step_ms = cm_clock_watch_look(&d->clock_watch, wall(), cm_boot_ms());
    if (step_ms != 0) {
        note_clock(d, step_ms);
    }
}

static void note_counted(struct cm_gatewayd *d, int64_t now_ms)
{
    struct cm_entry entry;
    if (cm_rejections_take(&entry, &d->rejections, wall(), now_ms)) {
        cm_gatewayd_note(d, &entry);
    }
}

void cm_gatewayd_note_start(struct cm_gatewayd *d)
{
    const int64_t ahead_ms = d->newest_ms - wall();
    if (ahead_ms >= CM_CLOCK_STEP_MS) { // set back while nothing ran
        note_clock(d, -ahead_ms);
    }
    look_at_clock(d);
    cm_gatewayd_note(d, &(struct cm_entry){.kind = CM_ENTRY_START,
                                           .digest = d->config->digest,
                                           .text = cm_daemon_version()});
}

void cm_gatewayd_note_stop(struct cm_gatewayd *d)
{
    note_counted(d, INT64_MAX);
    cm_gatewayd_note(d, &(struct cm_entry){.kind = CM_ENTRY_STOP, .text = "asked to stop"});
}

void cm_gatewayd_look(struct cm_gatewayd *d)
{
    const int64_t now_ms = wall();
    cm_append_queue_retry(&d->appends);
    look_at_clock(d);
    note_counted(d, cm_mono_ms(cm_clock_system()));
    cm_copies_look(d->copies);
    // A clock that ran far ahead must not destroy everything: past the directory's end nothing is.
    cm_key_duty_look(&d->key_duty, now_ms,
                     now_ms < cm_trust_directory(d->gateway.trust)->expires_ms);
}

static void erased(void *context, uint32_t before_day, const char *what)
{
    struct cm_gatewayd *d = context;
    cm_gatewayd_note(d, &(struct cm_entry){.kind = CM_ENTRY_ADMIN, .text = what});
    cm_copies_erased(d->copies, before_day);
}

static enum cm_status submit_disk(void *context, struct cm_job *job)
{
    struct cm_gatewayd *d = context;
    return d->disk ? cm_workers_submit(d->disk, job) : CM_UNAVAILABLE;
}

static void copies_ready(void *context, const char *agency)
{
    struct cm_gatewayd *d = context;
    if (d->sessions) {
        cm_sessions_copies_ready(d->sessions, agency);
    }
}

enum cm_status cm_gatewayd_open_keys(struct cm_gatewayd *d, const char *folder,
                                     struct cm_error *error)
{
    enum { SIGNERS = 4096 };
    enum cm_status status = cm_day_keys_open(&d->keys, folder, error);
    if (!status) {
        status = cm_day_keys_prepare(d->keys, wall(), error);
    }
    d->chains = cm_chain_places_new(SIGNERS);
    d->refusals = cm_refusals_new();
    if (!status && (!d->chains || !d->refusals)) {
        status = cm_fail(error, CM_MEMORY, folder, "out of memory");
    }
    d->key_duty = (struct cm_key_duty){.keys = d->keys,
                                       .keep_days = d->config->keep_days,
                                       .submit = submit_disk,
                                       .erased = erased,
                                       .context = d};
    if (!status) {
        cm_key_duty_warn(&d->key_duty);
    }
    return status;
}

enum cm_status cm_gatewayd_open_copies(struct cm_gatewayd *d, const char *folder,
                                       struct cm_error *error)
{
    const uint64_t mb = (uint64_t)1024 * 1024;
    const struct cm_copies_options options = {
        .folder = folder,
        .keys = d->keys,
        .clock = cm_clock_system(),
        .held = d->config->copies_held_mb * mb,
        .stored = d->config->copies_mb * mb,
        .stored_agency = d->config->copies_per_agency_mb * mb,
        .submit = submit_disk,
        .ready = copies_ready,
        .safe = cm_gatewayd_safe,
        .context = d,
    };
    return cm_copies_new(&d->copies, &options, error);
}
