// The daemon's inside, shared by noded.c (running), noded_open.c (start and end) and
// noded_gateways.c (sessions and the directory).
#ifndef CM_NODES_NODED_INTERNAL_H
#define CM_NODES_NODED_INTERNAL_H

#include "acl/bundle/bundle.h"
#include "nodes/attach.h"
#include "nodes/node_query.h"
#include "nodes/noded.h"
#include "nodes/retention.h"
#include "nodes/rules_watch.h"

#include <signal.h>

enum { CM_MAX_GATEWAYS = 64, CM_MAX_NOTES = 64 };

// An entry of the node's own about itself, on its way into the ledger.
struct cm_noded_note {
    struct cm_noded *noded;
    struct cm_append append;
    struct cm_buf bytes;
};

struct cm_noded {
    const struct cm_noded_config *config;
    struct cm_node node;
    struct cm_node_ports ports;
    struct cm_loop *loop;
    struct cm_workers *workers;
    struct cm_ledger *ledger;
    struct cm_directory_store *directories;
    char heads[4096]; // folder
    uint8_t instance[CM_INSTANCE_SIZE];
    struct cm_attach *attaches[CM_MAX_GATEWAYS];
    size_t attach_count;
    struct cm_rules_file rules[2]; // the set, the overlay
    char rules_path[4096 + 2 * CM_MAX_ID], overlay_path[4096 + 2 * CM_MAX_ID];
    struct cm_retention retention;
    struct cm_arena *restore_arena;
    unsigned notes; // under way
    bool meet_due;  // a gateway that is wanted again is still being left
    // a directory being verified
    bool accepting, reread_due; // our own file is to be read once that is done
    struct cm_attach *sender;   // whose session waits for it; NULL: our own file
    struct cm_buf incoming;
    struct cm_job accept_job;
    enum cm_status accept_status;
    struct cm_error accept_error;
    bool accept_changed;
    // time
    struct cm_timer tick;
    int64_t judge_at_ms, sweep_at_ms, end_at_ms; // monotonic
    bool closing, finished;
    volatile sig_atomic_t hangup, terminate;
};

void cm_noded_note(struct cm_noded *noded, const struct cm_entry *entry);
enum cm_status cm_noded_submit(void *noded, struct cm_job *job) CM_MUST_CHECK;
void cm_noded_swept(void *noded, uint64_t rows, int64_t before_ms);
void cm_noded_tick(struct cm_timer *timer);
// The standing changed: recorded, sent up, and what it no longer permits is withdrawn.
void cm_noded_rules_changed(struct cm_noded *noded);

// Sessions with exactly the gateways of the directory, or of the configuration. What is wrong with
// one is logged and keeps no other from being met; the first such error is returned.
enum cm_status cm_noded_meet_gateways(struct cm_noded *noded, struct cm_error *error);
void cm_noded_read_directory(struct cm_noded *noded);
// What had to wait for another directory, or for a worker.
void cm_noded_read_what_waits(struct cm_noded *noded);
// What got no entry of its own is at least counted. now_ms: monotonic.
void cm_noded_note_left_out(struct cm_noded *noded, struct cm_attach *attach, int64_t now_ms);

#endif
