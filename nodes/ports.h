// What a node's queries need of the world: time, workers, the ledger; and of the gateway that
// asks. comity-noded gives the real ones, scenario tests fakes. All calls on the loop thread.
#ifndef CM_NODES_PORTS_H
#define CM_NODES_PORTS_H

#include "nodes/copies_seen.h"
#include "nodes/denials.h"
#include "nodes/head_store.h"
#include "nodes/orders.h"
#include "nodes/record_check.h"
#include "nodes/store/store.h"
#include "proto/base/clock.h"
#include "proto/base/workers.h"
#include "proto/envelope/replay.h"
#include "proto/ledger/append_queue.h"
#include "proto/ledger/rejections.h"

struct cm_node_query;
struct cm_asker;

struct cm_node_ports {
    const struct cm_clock *clock;
    enum cm_status (*submit)(struct cm_node_ports *ports, struct cm_job *job);
    enum cm_status (*append)(struct cm_node_ports *ports, struct cm_append *append);
    // That the index-th entry lies in the own ledger's tree of that size.
    enum cm_status (*prove)(struct cm_node_ports *ports, struct cm_inclusion *out,
                            struct cm_arena *arena, uint64_t index, uint64_t size);
};

struct cm_asker_ops {
    // A signed refusal, a withdrawal, up the session. record NULL: none says the same.
    void (*refuse)(struct cm_asker *asker, uint64_t ask, struct cm_bytes envelope,
                   const struct cm_record *record);
    void (*withdraw)(struct cm_asker *asker, uint64_t ask, uint64_t rules_sequence);
    // Remembers note, a checkpoint of that size that was verified, before keep->done runs; keep
    // NULL: sometime.
    void (*keep)(struct cm_asker *asker, struct cm_keep *keep, uint64_t size, struct cm_bytes note);
    // The answer's own call. After an open that succeeds, cm_node_query_closed comes once.
    enum cm_status (*open)(struct cm_asker *asker, struct cm_node_query *query);
    bool (*writable)(const struct cm_node_query *query);
    enum cm_status (*write)(struct cm_node_query *query, struct cm_bytes message);
    void (*finish)(struct cm_node_query *query);
    void (*cancel)(struct cm_node_query *query);
    // The query is gone: its credit goes back.
    void (*ended)(struct cm_asker *asker);
    // No ask's record waits to be judged any more. May be NULL.
    void (*judged)(struct cm_asker *asker);
};

// One session with a gateway, as its queries see it. Embedded in its owner; outlives its queries.
struct cm_asker {
    const struct cm_asker_ops *ops;
    char gateway[CM_MAX_ID + 1];
    char origin[CM_MAX_ORIGIN + 1];   // of its ledger, in head's epoch; changes while turn is empty
    struct cm_signatory *signatory;   // who TLS says it is
    struct cm_seen head;              // how far its ledger was verified on this session
    struct cm_node_query *turn;       // asks in arrival order, until their record was judged
    struct cm_node_query **turn_last; // &turn when there is none
    unsigned in_flight;
    struct cm_denials denials;
};

// What all of a node's queries share.
struct cm_node {
    struct cm_node_ports *ports;
    char agency[CM_MAX_ID + 1];
    struct cm_signer *signer; // current, as trust: queries hold their own references
    struct cm_trust *trust;
    struct cm_bundle *bundle;
    struct cm_orders *orders; // current, as trust; NULL: no court order counts
    struct cm_store *store;   // NULL: an agency without readers
    struct cm_replay *replay;
    struct cm_day_keys *keys;          // of the own ledger's access records
    struct cm_chain_places *chains;    // written today
    struct cm_append_queue appends;    // that wait for room in the ledger
    unsigned releases;                 // on their way into the ledger
    struct cm_copies_seen copies_seen; // of questions of our own people
    struct cm_rejections rejections;
    bool draining;
    struct cm_node_query *queries;
    struct { // since start
        uint64_t answered, refused, withdrawn, stopped;
        uint64_t copies, copies_refused;
    } counters;
};

#endif
