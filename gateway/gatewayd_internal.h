// The daemon's parts, shared by gatewayd*.c. Loop thread; accept_* are the worker's while
// accepting.
#ifndef CM_GATEWAY_GATEWAYD_INTERNAL_H
#define CM_GATEWAY_GATEWAYD_INTERNAL_H

#include "gateway/gatewayd.h"
#include "gateway/lookup.h"
#include "gateway/metrics.h"
#include "gateway/session.h"
#include "proto/base/file.h"
#include "proto/ledger/witnessed.h"
#include "proto/rpc/server.h"
#include "proto/trust/directory_store.h"

#include <limits.h>
#include <signal.h>

struct cm_gatewayd {
    const struct cm_gatewayd_config *config;
    struct cm_gateway gateway;
    struct cm_gateway_ports ports;
    struct cm_identity identity;
    struct cm_loop *loop;
    struct cm_workers *workers;
    struct cm_workers *slow;       // one thread: rules and directories, compiled and written
    struct cm_witnessed witnessed; // what nodes say of the ledger
    struct cm_ledger *ledger;
    struct cm_directory_store *store;
    struct cm_sessions *sessions;
    struct cm_callers callers;
    struct cm_server *server;
    struct cm_metrics *metrics; // NULL: none
    struct cm_timer tick;
    unsigned ticks;
    char path[PATH_MAX], witnessed_path[PATH_MAX];
    struct cm_arena *restore_arena;
    // A directory on its way in:
    struct cm_job accept_job;
    struct cm_buf incoming;
    bool accepting, accept_changed;
    bool reload_due;            // the file is read once what is looked at is done
    struct cm_push accept_push; // whose it is
    enum cm_status accept_status;
    struct cm_error accept_error;
    unsigned notes; // entries on their way that no query waits for
                    // The end:
    volatile sig_atomic_t hangup, terminate;
    bool draining, showing, shown, stopping, finished;
    int64_t drain_until_ms;
};

// gatewayd.c: whether queries are taken.
void cm_gatewayd_update_closed(struct cm_gatewayd *d);

// gatewayd_notes.c: recorded without anybody waiting for it; recorded_ms is set here.
void cm_gatewayd_note(struct cm_gatewayd *d, const struct cm_entry *entry);
// cm_sessions_options.on_rules.
void cm_gatewayd_on_rules(void *context, const char *agency, const struct cm_standing *standing);

// cm_sessions_options.on_finding and on_refuted.
void cm_gatewayd_on_finding(void *context, const struct cm_entry *entry);
void cm_gatewayd_on_refuted(void *context);

// gatewayd_directory.c
void cm_gatewayd_reload(struct cm_gatewayd *d);
// The file where it is due, else what a node pushed and waits; nothing while one is looked at.
void cm_gatewayd_accept_next(struct cm_gatewayd *d);
// cm_sessions_options.on_directory.
bool cm_gatewayd_on_directory(void *context, const struct cm_push *push, struct cm_bytes bundle);

// gatewayd_ports.c: fills d->ports.
void cm_gatewayd_ports(struct cm_gatewayd *d);

#endif
