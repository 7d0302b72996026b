// A node's real query code in a made-up world: a gateway with a true ledger that can be made to
// lie, workers, ledger, store and streams that take their time in a seeded order, a fake clock.
#ifndef CM_TESTS_SCENARIO_NODE_WORLD_H
#define CM_TESTS_SCENARIO_NODE_WORLD_H

#include "acl/bundle/bundle.h"
#include "nodes/node_query.h"
#include "proto/ledger/access.h"
#include "tests/support/pki.h"

#define WORLD_OWNER "ca.northport.pd"
#define WORLD_ASKER "ca.southgate.pd"
#define WORLD_OTHER "ca.milltown.pd"
#define WORLD_PLATE "8ABC123"

// Rules, after their first two lines.
#define WORLD_SHARES                                                                               \
    "site pier = cam-01\n"                                                                         \
    "permit " WORLD_ASKER " to lookup for homicide back 30 days see place\n"                       \
    "forbid not self at pier see place\n"
#define WORLD_SHARES_NOTHING "permit self to any for any back all see all\n"

enum { WORLD_EVENTS = 512, WORLD_ROWS = 2000, WORLD_SAID = 64, WORLD_ENTRIES = 4096 };

enum world_kind { WORLD_JOB = 1, WORLD_APPEND, WORLD_KEEP, WORLD_WRITABLE, WORLD_CLOSED };

// Something under way that will come back.
struct world_event {
    enum world_kind kind;
    void *what;
};

// One answer's call, or a refusal, as the gateway saw it.
struct world_said {
    uint64_t ask;
    bool refused, withdrawn, opened, finished, cancelled, closed;
    struct cm_refusal refusal;
    // Of the node's own ledger, with the refusal or at the answer's beginning; checked.
    bool has_record;
    struct cm_entry record;
    enum cm_status end; // of the answer's call, when the gateway ends it by itself
    size_t batch_count;
    struct cm_batch batches[128];
    struct cm_header headers[128];
    bool writable;
};

struct world {
    struct pki *pki;
    unsigned seed;
    struct cm_clock clock;
    int64_t wall_ms, mono_ms;
    struct cm_arena *arena;
    struct cm_node node;
    struct cm_node_ports ports;
    struct cm_asker asker;
    struct cm_error error;
    size_t event_count;
    struct world_event events[WORLD_EVENTS];
    bool store_held; // store, append and keep events wait
    bool calls_held; // the gateway ends no call by itself
    // what the node did
    size_t said_count;
    struct world_said said[WORLD_SAID];
    unsigned entry_count; // of node entries
    struct cm_entry entries[WORLD_ENTRIES];
    struct cm_access accesses[WORLD_ENTRIES]; // of these, opened
    unsigned release_count, releases_failed;
    struct cm_entry releases[WORLD_ENTRIES];
    unsigned copy_count;
    struct cm_entry copies[WORLD_SAID];
    struct cm_access copy_accesses[WORLD_SAID];
    unsigned chains; // access records that hold the signer's certificates
    struct cm_merkle *own;
    struct cm_signatory *self;      // as others see the node
    uint64_t places[WORLD_ENTRIES]; // of node entries in it
    uint64_t seen;                  // size of the newest checkpoint that was verified
    uint64_t kept;                  // of the newest that was made durable
    unsigned finds, nexts;
    // what goes wrong
    int release_room; // releases that the ledger's queue takes; negative: any
    enum cm_status append_status, keep_status, find_status, claim_status;
    unsigned next_fails_at; // the n-th chunk; 0: none
    bool limits_spent;
    unsigned submit_fails; // the next n
    // the store
    struct cm_store store;
    size_t row_count;
    struct cm_detection rows[WORLD_ROWS]; // newest first
    char event_ids[WORLD_ROWS][CM_MAX_EVENT_ID + 1];
    // the gateway
    struct cm_signer *gateway, *investigator;
    struct cm_merkle *tree;
    uint64_t sent_size; // of the last checkpoint sent
    uint64_t next_ask;
    struct cm_digest rules_digest;
    uint64_t sequence;
};

// rules: of WORLD_OWNER, after its first two lines.
void world_new(struct world *world, unsigned seed, const char *rules);
void world_free(struct world *world);
// Signs the next rule set and has the node's bundle accept it.
void world_rules(struct world *world, const char *rules);
// The next directory, with what pki says now: the node's from here on.
void world_retrust(struct world *world);
extern const struct cm_store_ops world_store_ops;
// n rows of WORLD_PLATE, a minute apart, the newest a minute ago.
void world_fill(struct world *world, size_t n);

// What the gateway is to send; change it before world_send.
struct world_ask {
    struct cm_arena *arena;
    struct cm_query query;
    struct cm_signer *signer;
    struct cm_entry entry;
    struct cm_decision_leaf leaf;
    struct cm_ask ask;
};
// A lookup by WORLD_ASKER, as an honest gateway would have it.
void world_question(struct world *world, struct world_ask *out);
// Signs the query, records it in the gateway's ledger, makes the proofs.
void world_record(struct world *world, struct world_ask *ask);
// The checkpoint and proofs again, as the tree now stands.
void world_prove(struct world *world, struct world_ask *ask, struct cm_merkle *tree,
                 uint64_t index);
// Hands it to the node. Returns its ask id.
uint64_t world_send(struct world *world, struct world_ask *ask);
// All of the above for an honest lookup with that limit.
uint64_t world_lookup(struct world *world, uint32_t limit);

// Lets one thing come back, in seeded order; false when nothing is under way.
bool world_step(struct world *world);
void world_run(struct world *world);
struct world_said *world_said(struct world *world, uint64_t ask);
// How the ask ended: refused with code, and nothing of it was read before it was recorded.
void world_expect_refused(struct world *world, uint64_t ask, enum cm_refusal_code code);
// The one release entry of the ask's attempt.
const struct cm_entry *world_release(struct world *world, const struct world_ask *ask);
// Answered, each header and batch verified; returns the number of rows.
size_t world_expect_answered(struct world *world, uint64_t ask);

#endif
