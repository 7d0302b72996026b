// The gateway daemon: configuration, the real ports, reload, drain. Main thread, which is the loop
// thread while it runs.
#ifndef CM_GATEWAY_GATEWAYD_H
#define CM_GATEWAY_GATEWAYD_H

#include "proto/base/bytes.h"
#include "proto/base/config.h"

#include <stdint.h>

struct cm_gatewayd;

struct cm_gatewayd_config {
    struct cm_config *file; // owned; the strings below are borrowed from it
    const char *listen;     // host:port
    const char *data;       // folder: ledger, rules, directory
    const char *key, *chain, *root;
    const char *directory; // a signed bundle, read at start and on SIGHUP
    unsigned workers;
    uint16_t metrics_port; // on 127.0.0.1; 0: no metrics
    unsigned connections, sessions;
    unsigned queries, per_investigator, per_agency; // in flight
    unsigned held_mb;                               // of batches that wait in merges
    unsigned ledger_max_mb;                         // of its log; 0: no bound
    unsigned copies_held_mb, copies_mb, copies_per_agency_mb;
    uint32_t keep_days;                                                      // access records
    struct cm_digest digest;                                                 // of the file
    unsigned waiting;                                                        // appends
    unsigned remembered, remembered_per_investigator, remembered_per_agency; // for replay
    int64_t drain_ms;
    int64_t witness_every_ms; // how often nodes are shown the ledger, when it has grown
};

enum cm_status cm_gatewayd_config_load(struct cm_gatewayd_config *out, const char *path,
                                       struct cm_error *error) CM_MUST_CHECK;
void cm_gatewayd_config_clear(struct cm_gatewayd_config *config);

// Opens everything and listens. config is borrowed.
enum cm_status cm_gatewayd_new(struct cm_gatewayd **out, const struct cm_gatewayd_config *config,
                               struct cm_error *error) CM_MUST_CHECK;
int cm_gatewayd_port(const struct cm_gatewayd *gatewayd);
// Until SIGTERM or SIGINT; drains. Signals must be handled by cm_gatewayd_signal.
void cm_gatewayd_run(struct cm_gatewayd *gatewayd);
// Async-signal-safe: SIGTERM and SIGINT drain, SIGHUP reloads.
void cm_gatewayd_signal(struct cm_gatewayd *gatewayd, int signal);
void cm_gatewayd_free(struct cm_gatewayd *gatewayd);

#endif
