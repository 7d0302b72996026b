// A query's own state, shared by query*.c. Loop thread; while a job runs, what it works on is the
// worker's: the arena until MERGING, an asked node's message, request, header and check after.
#ifndef CM_GATEWAY_QUERY_INTERNAL_H
#define CM_GATEWAY_QUERY_INTERNAL_H

#include "gateway/decide.h"
#include "gateway/merge.h"
#include "gateway/query.h"
#include "gateway/query_state.h"
#include "proto/ledger/node_record.h"
#include "proto/trust/answer_check.h"

// One agency that permits.
struct cm_asked {
    struct cm_call call;
    struct cm_gateway_query *query;
    const struct cm_decision *decision;
    enum cm_asked_state state;
    enum cm_outcome outcome;
    bool asked;         // its Ask went out: the caller is told so, whatever comes of it
    int64_t since_ms;   // asked first, monotonic
    int64_t ended_ms;   // monotonic
    int64_t wait_until; // query time (cm_query_time)
    // Of the message being verified or held:
    struct cm_job job;
    struct cm_buf message;
    struct cm_arena *arena;
    uint64_t held; // bytes counted in gateway->admit
    struct cm_answer_request request;
    struct cm_header header;
    enum cm_status verdict;
    bool busy;
    bool lost; // while busy
    struct cm_error error;
    struct cm_answer_check check;
    // What went out and what it said:
    uint64_t rows;
    uint32_t headers;
    bool more_matched, rows_withheld;
    cm_fields fields_withheld;
    uint8_t last_key[CM_MAX_KEY];
    size_t last_key_len;
    struct cm_digest last_header;
    int64_t visible_from_ms;
    struct cm_digest rules_digest;
    // The node's own record of the ask, as packed, until the caller has it.
    struct cm_buf record;
    struct cm_digest record_digest; // of it, once it was found to hold; else zero
    // To be told to the caller:
    struct cm_asked *due_next, *record_next;
    struct cm_envelope offered; // a refusal, the worker's
    struct cm_digest offered_rules;
    struct cm_envelope refusal; // family NONE: none
};

struct cm_gateway_query {
    struct cm_gateway *gateway;
    void *caller;
    bool reach;
    bool gone;
    enum cm_query_state state;
    unsigned pending; // jobs and appends in flight
    struct cm_arena *arena;
    struct cm_trust *trust;
    struct cm_signer *signer;
    struct cm_admission admission;
    struct cm_job job;
    enum cm_status verdict;
    struct cm_error error;
    int64_t admitted_ms, close_ms, deadline_ms; // monotonic
    int64_t started_ms;                         // wall
    int64_t wake_ms;                            // monotonic; INT64_MAX: none set
    int64_t paused_since, paused_total;         // the caller took nothing; since 0: it does
    // The request:
    struct cm_bytes message;
    size_t chain_count;
    struct cm_bytes chain[CM_MAX_CHAIN];
    struct cm_lookup_request request;
    struct cm_checked_query checked; // of one that is refused, the query and its digest alone
    bool was_signed;                 // the check's: refused after the signature had held
    bool genuine;
    char log_id[9];
    // Decided and recorded:
    struct cm_decisions decisions;
    struct cm_buf entry;
    int64_t recorded_ms; // wall
    struct cm_access access;
    struct cm_buf sealed; // of access
    struct cm_append append;
    struct cm_tree_head *head;
    struct cm_inclusion inclusion;
    bool recorded;            // and proved: from now on it ends with a manifest, whoever goes away
    bool accounting, cut_off; // ends; before its caller had all
    struct cm_buf copy;       // for the requester's agency
    struct cm_query_end end;
    // Asked:
    struct cm_call_facts facts;
    size_t asked_count;
    struct cm_asked *asked;
    struct cm_merge *merge;
    bool closing;
    // Out:
    struct cm_buf out;
    struct cm_bytes bundle; // of the directory; parts still to send
    uint32_t part, parts;
    bool accepted;
    struct cm_asked *due_first, *due_last;
    struct cm_asked *record_first, *record_last;
};

static inline struct cm_gateway_ports *cm_query_ports(const struct cm_gateway_query *query)
{
    return query->gateway->ports;
}

static inline int64_t cm_query_now(const struct cm_gateway_query *query)
{
    return cm_mono_ms(cm_query_ports(query)->clock);
}

// query.c
void cm_query_refuse(struct cm_gateway_query *query, enum cm_status status,
                     const struct cm_error *error);
// To the next state; refuses the query as broken where that may not follow.
bool cm_query_go(struct cm_gateway_query *query, enum cm_query_state to);
void cm_query_submit(struct cm_gateway_query *query, void (*work)(struct cm_job *job),
                     void (*done)(struct cm_job *job));
// A job or append has come back; false: the query is closed, nothing is left to do.
bool cm_query_back(struct cm_gateway_query *query);
void cm_query_plan(struct cm_gateway_query *query, int64_t mono_ms);
void cm_query_end(struct cm_gateway_query *query);

// query_record.c
void cm_query_check_start(struct cm_gateway_query *query);

// query_account.c: the manifest and the copy, once nothing more can come; also of a closed query.
void cm_query_account(struct cm_gateway_query *query);

// query_nodes.c
// Worker: the decided agencies' calls, each with its leaf's path.
enum cm_status cm_query_nodes_make(struct cm_gateway_query *query) CM_MUST_CHECK;
void cm_query_nodes_start(struct cm_gateway_query *query);
// Milliseconds that stand still while the caller takes nothing.
int64_t cm_query_time(const struct cm_gateway_query *query);
void cm_query_nodes_wake(struct cm_gateway_query *query);
// The next batch may come.
void cm_query_node_read(struct cm_asked *asked);
// What it held was handed on, or isn't wanted.
void cm_query_node_let_go(struct cm_asked *asked);
void cm_query_node_end(struct cm_asked *asked, enum cm_outcome outcome);
// Its outcome goes to the caller next.
void cm_query_node_due(struct cm_asked *asked);
// Whoever is still waited for is late.
void cm_query_nodes_late(struct cm_gateway_query *query);
void cm_query_nodes_release(struct cm_gateway_query *query);
void cm_query_nodes_clear(struct cm_gateway_query *query);

// query_verify.c, on a worker: asked->message, which is then in asked->request and header, or in
// asked->offered.
enum cm_status cm_query_verify_batch(struct cm_asked *asked) CM_MUST_CHECK;
enum cm_status cm_query_verify_refusal(struct cm_asked *asked) CM_MUST_CHECK;

// query_reply.c
// The gateway could not make what; the query ends so.
void cm_query_broken(struct cm_gateway_query *query, enum cm_status status, const char *what);
// Sends the directory first where the caller's is older.
void cm_query_newer_directory(struct cm_gateway_query *query);
// Sends what can be sent, as far as the caller takes it.
void cm_query_pump(struct cm_gateway_query *query);
void cm_query_reach_reply(struct cm_gateway_query *query);

#endif
