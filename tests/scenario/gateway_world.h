// A fake world around real queries: its own clock, a queue of events, nodes that sign what a node
// signs and misbehave as told, a caller that checks everything as a client does. Seeded; one
// thread.
#ifndef CM_TESTS_SCENARIO_GATEWAY_WORLD_H
#define CM_TESTS_SCENARIO_GATEWAY_WORLD_H

#include "gateway/query.h"
#include "proto/ledger/merkle.h"
#include "proto/ledger/node_record.h"
#include "proto/trust/answer_check.h"
#include "tests/support/pki.h"

enum { WORLD_NODES = 6, WORLD_ROWS = 60, WORLD_EVENTS = 512 };

enum manner {
    HONEST = 0,
    SLOW_FIRST,   // its first batch comes after its wait
    SLOW_LATER,   // a later one
    DIES_BEFORE,  // its session is lost before it answers
    DIES_BETWEEN, // after a batch
    ALTERS_ROW,
    OTHER_QUERY, // its headers are of another query
    WITHHOLDS,   // leaves of rows in place of the rows
    GARBAGE,
    REFUSES,
    FORGES_REFUSAL, // signed by another agency's node
    WITHDRAWS,
    NOT_ATTACHED,
    SHOWS_NO_RECORD,
    SHOWS_OLD_RECORD,    // of an earlier query
    SHOWS_OTHERS_RECORD, // signed by another agency's node
    SHOWS_DENIAL,        // it recorded that it refused, and answers
    SHOWS_LONG_RECORD,
    WAITS_FOR_CREDIT, // the ask goes out after credit_ms, the first batch comes as much later
    MANNERS,
};

struct node {
    struct world *world;
    const char *agency;
    enum manner manner;
    struct cm_standing *standing;
    struct cm_signer *signer, *stranger;
    size_t row_count;
    struct cm_buf keys[WORLD_ROWS], rows[WORLD_ROWS];
    size_t batch_rows; // in each of its batches
    unsigned sessions; // that can be asked; each dies with its first call where the manner says so
    // The running call:
    struct cm_call *call;
    size_t sent;
    struct cm_digest previous;
    uint32_t asks;
    unsigned credit_ms;
    bool withdrawn;
    size_t merged_before; // the withdrawal
    // What the caller saw of it:
    struct cm_answer_check check;
    bool checking;
    size_t merged;
    bool cut;
    uint8_t first_left_out[CM_MAX_KEY];
    size_t first_left_out_len;
    bool listed; // as asked
    bool refusal_seen;
    struct cm_digest record; // that came
    bool record_seen;
    struct cm_record shown;
    enum cm_outcome progress;
};

struct event {
    int64_t at;
    uint64_t order;
    void (*run)(struct world *world, void *what, uint32_t number);
    void *what;
    uint32_t number;
};

struct world {
    struct pki *pki;
    struct cm_trust *trust;
    struct cm_gateway gateway;
    struct cm_gateway_ports ports;
    struct cm_clock clock;
    int64_t mono, wall;
    uint64_t seed;
    struct event events[WORLD_EVENTS];
    size_t event_count;
    uint64_t event_order;
    struct node nodes[WORLD_NODES];
    size_t node_count;
    struct cm_merkle *tree;
    bool append_fails;
    struct cm_arena *records;     // what follows, of the last question
    struct cm_entry entry;        // its own; kind NONE: none
    struct cm_access access;      // sealed with it
    unsigned sealed;              // access records said to be durable
    unsigned refused;             // questions
    struct cm_refused refusal;    // the last, but for what it borrows
    unsigned ended;               // copies handed over
    char copy_to[CM_MAX_ID + 1];  // whose people asked
    struct cm_attach_down copy;   // what its node gets
    struct cm_manifest copy_says; // its manifest
    struct cm_query_end end;
    uint64_t held_by_others;
    size_t appended;
    unsigned append_ms;
    bool refusing;
    unsigned report_ms; // of the jobs that refusals are: done so long after they ran
    // The query:
    struct cm_arena *arena;
    struct cm_gateway_query *query;
    struct cm_query asked;
    struct cm_digest digest;
    struct node *withdraws; // in any state, after so long
    unsigned withdraws_ms;
    int64_t wake, begun;
    const struct pki_identity *signs; // NULL: who calls
    struct cm_trust *next_trust;      // the gateway's, after so long
    unsigned next_trust_ms;
    uint64_t serial_ahead; // of the directory that the caller has
    bool writable;
    unsigned stall_ms; // a write is taken after up to this
    unsigned stall_once_ms;
    bool finished, settled, gone_early;
    enum cm_status status;
    struct cm_error error;
    int64_t manifest_at;
    bool has_manifest, accepted;
    size_t asked_before_record;
    uint64_t index; // of the gateway's entry, as accepted
    struct cm_manifest manifest;
    uint64_t merged;
    uint8_t last_key[CM_MAX_KEY];
    size_t last_key_len;
};

struct world *world_new(void);
void world_free(struct world *world);
uint32_t world_draw(struct world *world, uint32_t below);
void world_later(struct world *world, int64_t ms,
                 void (*run)(struct world *world, void *what, uint32_t number), void *what,
                 uint32_t number);
// Everything as at first, node rows drawn from seed, all honest.
void world_begin(struct world *world, uint64_t seed);
// The question that world->asked holds, signed, sent and run until the query is settled. A second
// one of the same world is another query.
void world_ask(struct world *world);
void world_ask_again(struct world *world, struct cm_bytes request);
void world_request(struct world *world, struct cm_buf *out);
void world_run(struct world *world);
const struct cm_account *world_account(const struct world *world, const char *agency);

// world_node.c
bool node_ask(struct world *world, struct cm_call *call);
void node_read(struct world *world, struct cm_call *call);
void node_release(struct world *world, struct cm_call *call, bool complete);
void node_withdraw(struct world *world, void *what, uint32_t number);
void node_rows(struct world *world, struct node *node, size_t count);
struct node *node_of(struct world *world, const char *agency);

// world_records.c: the fake ledger beside the tree.
enum cm_status records_seal(struct cm_gateway_ports *ports, struct cm_buf *out,
                            struct cm_access *access, struct cm_bytes entry, int64_t recorded_ms);
void records_append(struct world *world, const struct cm_append *append);
void records_sealed(struct cm_gateway_ports *ports, const struct cm_access *access,
                    int64_t recorded_ms, uint64_t index);
void records_refused(struct cm_gateway_ports *ports, const struct cm_refused *refused);
void records_ended(struct cm_gateway_ports *ports, const char *agency, struct cm_buf *copy,
                   const struct cm_query_end *end);
void records_begin(struct world *world);

// world_caller.c
void caller_take(struct world *world, struct cm_bytes message);

#endif
