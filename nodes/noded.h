// The node daemon: configuration, the real ports, sessions with the gateways, rules, directory,
// retention, drain. Main thread, which is the loop thread while it runs.
#ifndef CM_NODES_NODED_H
#define CM_NODES_NODED_H

#include "proto/base/bytes.h"
#include "proto/base/config.h"

#include <stdint.h>

struct cm_noded;

enum { CM_MAX_OVERRIDES = 16 };

#define CM_NO_STORE      "none"     // a node that keeps copies alone
#define CM_DETACHED_FILE "detached" // in the folder of rules: no gateway is dialled

struct cm_noded_config {
    struct cm_config *file;  // owned; the strings below are borrowed from it
    struct cm_digest digest; // of the file's bytes
    uint32_t keep_days;      // access records
    const char *agency;      // the directory's id
    const char *data;        // folder: ledger, rules, directory, gateways
    const char *key, *chain, *root;
    const char *directory;         // a signed bundle, read at start and on SIGHUP
    const char *store;             // "sqlite:…", "postgres:…", or "none"
    const char *rules;             // a signed rule set; NULL: where `comity acl apply` puts it
    const char *rule_file;         // that administrators edit; NULL: none is watched
    const char *packs;             // folder of statute packs
    unsigned workers, connections; // threads; of the store
    unsigned waiting;              // appends
    unsigned ledger_max_mb;        // of its log; 0: no bound
    unsigned remembered, remembered_per_investigator, remembered_per_agency; // for replay
    int64_t retain_every_ms;
    int64_t drain_ms;
    int64_t witness_every_ms;                // how often gateways are shown the ledger
    size_t gateway_count;                    // 0: those of the directory
    char *gateways[CM_MAX_OVERRIDES];        // names, owned
    const char *addresses[CM_MAX_OVERRIDES]; // inside the same strings
};

enum cm_status cm_noded_config_load(struct cm_noded_config *out, const char *path,
                                    struct cm_error *error) CM_MUST_CHECK;
void cm_noded_config_clear(struct cm_noded_config *config);

// Opens everything and begins to dial. config is borrowed.
enum cm_status cm_noded_new(struct cm_noded **out, const struct cm_noded_config *config,
                            struct cm_error *error) CM_MUST_CHECK;
// Until SIGTERM or SIGINT; drains. Signals must be handled by cm_noded_signal.
void cm_noded_run(struct cm_noded *noded);
// Async-signal-safe: SIGTERM and SIGINT drain, SIGHUP reloads.
void cm_noded_signal(struct cm_noded *noded, int signal);
void cm_noded_free(struct cm_noded *noded);

#endif
