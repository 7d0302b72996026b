// Newer directories and certificates while the daemon runs: from the file and the key's folder on
// SIGHUP, or pushed by a node. One is looked at at a time. Loop thread but where it says worker.
#include "gateway/gatewayd_internal.h"

#include "proto/base/log.h"

#include <string.h>

static int64_t wall(void)
{
    return cm_wall_ms(cm_clock_system());
}

// A newer snapshot counts from now on, for nodes and running queries too.
static void retrust(struct cm_gatewayd *d)
{
    struct cm_trust *trust = cm_directory_store_snapshot(d->store, wall());
    if (!trust) {
        return;
    }
    struct cm_trust *old = d->gateway.trust;
    d->gateway.trust = trust;
    cm_log(CM_LOG_INFO, "directory-counts", "serial=%llu",
           (unsigned long long)cm_trust_directory(trust)->serial);
    cm_gatewayd_note(d, &(struct cm_entry){.kind = CM_ENTRY_DIRECTORY,
                                           .digest = cm_trust_directory(trust)->digest,
                                           .directory_serial = cm_trust_directory(trust)->serial});
    cm_sessions_retrust(d->sessions);
    cm_callers_retrust(&d->callers, trust);
    cm_trust_unref(old);
    cm_gatewayd_update_closed(d);
}

static struct cm_gatewayd *of_job(struct cm_job *job)
{
    return CM_CONTAINER(job, struct cm_gatewayd, accept_job);
}

// Worker.
static void accept_work(struct cm_job *job)
{
    struct cm_gatewayd *d = of_job(job);
    d->accept_status = CM_OK;
    if (!d->accept_push.from) {
        d->incoming.len = 0;
        d->accept_status =
            cm_file_read(&d->incoming, d->config->directory, CM_MAX_BUNDLE, &d->accept_error);
    }
    if (!d->accept_status) {
        d->accept_status = cm_directory_store_accept(
            d->store, &d->accept_changed, cm_buf_bytes(&d->incoming), wall(), &d->accept_error);
    }
}

// What was claimed of a directory that a node pushed, and whether it is so; faults of our own are
// not the node's.
static bool push_forged(struct cm_gatewayd *d, struct cm_error *error)
{
    enum cm_status status = d->accept_status;
    uint64_t serial = cm_directory_store_serial(d->store);
    if (!d->accept_push.from || d->accept_push.serial <= serial) {
        return false; // a newer one may have come another way meanwhile
    }
    if (!status) {
        cm_fail(error, CM_INVALID, "attach.directory", "it isn't of the serial that was said");
        return true;
    }
    return status == CM_INVALID || status == CM_UNAUTHENTICATED || status == CM_FORBIDDEN ||
           status == CM_STALE;
}

static void accept_done(struct cm_job *job)
{
    struct cm_gatewayd *d = of_job(job);
    struct cm_error *error = &d->accept_error;
    d->accepting = false;
    cm_buf_clear(&d->incoming);
    if (d->stopping) {
        return;
    }
    if (d->accept_status) {
        cm_log(CM_LOG_WARNING, "directory-refused", "status=%s field=%s error=\"%s\"",
               cm_status_name(d->accept_status), error->where, error->text);
    } else if (d->accept_changed) {
        retrust(d);
    }
    if (push_forged(d, error)) {
        cm_sessions_push_refused(d->sessions, &d->accept_push, error);
    } else if (d->accept_push.from) {
        cm_sessions_push_taken(&d->accept_push);
    }
    cm_gatewayd_accept_next(d);
}

// False: not now, it is to be tried again.
static bool accept_directory(struct cm_gatewayd *d, const struct cm_push *push)
{
    d->accept_push = *push;
    d->accept_error = (struct cm_error){0};
    d->accept_job = (struct cm_job){.work = accept_work, .done = accept_done};
    d->accepting = cm_workers_submit(d->slow, &d->accept_job) == CM_OK;
    if (!d->accepting) {
        cm_buf_clear(&d->incoming);
        cm_log(CM_LOG_WARNING, "directory-not-read", "why=overload");
    }
    return d->accepting;
}

bool cm_gatewayd_on_directory(void *context, const struct cm_push *push, struct cm_bytes bundle)
{
    struct cm_gatewayd *d = context;
    if (d->accepting) {
        return false;
    }
    d->incoming.len = 0;
    if (cm_buf_add(&d->incoming, bundle.data, bundle.len)) {
        cm_log(CM_LOG_WARNING, "directory-not-read", "why=memory");
        return false;
    }
    return accept_directory(d, push);
}

void cm_gatewayd_accept_next(struct cm_gatewayd *d)
{
    if (d->accepting || d->stopping) {
        return;
    }
    if (d->reload_due) {
        d->reload_due = !accept_directory(d, &(struct cm_push){0});
    } else {
        cm_sessions_push_again(d->sessions);
    }
}

void cm_gatewayd_reload(struct cm_gatewayd *d)
{
    struct cm_signer *signer;
    struct cm_error error = {0};
    cm_log(CM_LOG_INFO, "reload", NULL);
    if (cm_signer_load(&signer, d->config->key, d->config->chain, NULL, &error)) {
        cm_log(CM_LOG_ERROR, "key-not-loaded", "field=%s error=\"%s\"", error.where, error.text);
    } else if (strcmp(cm_signer_spiffe(signer), cm_signer_spiffe(d->gateway.signer)) != 0 ||
               !cm_digest_equal(cm_signer_key_hash(signer),
                                cm_signer_key_hash(d->gateway.signer))) {
        // Checkpoints are signed with it: another key is another ledger.
        cm_log(CM_LOG_ERROR, "key-differs", "action=\"restart with another data folder\"");
        cm_signer_unref(signer);
    } else {
        cm_signer_unref(d->gateway.signer);
        d->gateway.signer = signer;
    }
    d->reload_due = true; // a node's directory may be in the way
    cm_gatewayd_accept_next(d);
}
