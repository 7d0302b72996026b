// A query's inside, shared by the files that drive it: node_query.c (arrival, judging, deciding),
// node_again.c (when rules or directory change), node_answer.c (recording, reading, sending),
// node_deny.c (refusals).
#ifndef CM_NODES_NODE_QUERY_INTERNAL_H
#define CM_NODES_NODE_QUERY_INTERNAL_H

#include "nodes/decide.h"
#include "nodes/node_query.h"
#include "nodes/own_entry.h"
#include "nodes/query_state.h"
#include "nodes/reader.h"

enum { LOG_ID_BYTES = 4 };

struct cm_node_query {
    struct cm_node *node;
    struct cm_asker *asker;
    struct cm_node_query *prev, *next;
    struct cm_node_query *turn_next;
    struct cm_arena *arena;
    enum cm_node_state state;
    bool stopping;
    bool withdrawn; // the gateway was told so, and is to end the answer's call
    bool genuine;   // its signature holds: whatever becomes of it is somebody's question
    bool claimed;   // its replay key is ours: shares bound how many of these there are
    bool final;     // message is the answer's last batch
    bool failed;    // the store, a worker or the ledger did
    bool finished;  // the last batch was handed to the connection
    bool complete;  // and the gateway took it
    bool answering; // the answer's call is open
    struct cm_ask ask;
    struct cm_digest digest; // of the query as it came
    int64_t now_ms;          // one clock reading for all that is judged
    int64_t started_ms;      // monotonic, as is deadline_ms
    int64_t deadline_ms;
    struct cm_job job;
    // what each step came to
    enum cm_status query_status, head_status, entry_status;
    enum cm_status decide_status, read_status, sign_status;
    enum cm_refusal_code refusal;
    unsigned pending; // of recording
    struct cm_error query_error, record_error;
    // checking
    struct cm_trust *trust;
    struct cm_signer *signer;
    struct cm_checked_query checked;
    struct cm_checkpoint checkpoint;
    struct cm_decision_leaf leaf;
    // deciding and recording
    struct cm_standing *standing;
    struct cm_orders *orders;
    struct cm_node_decision decision;
    struct { // the newest that it was held against since; none: those above still count
        struct cm_trust *trust;
        struct cm_standing *standing;
        struct cm_orders *orders;
        struct cm_arena *arena; // view's
        struct cm_view *view;
    } again;
    struct cm_own_entry own;
    bool recorded; // own is durable
    enum cm_refusal_code recorded_as;
    struct cm_commitments commitments;
    struct cm_record record; // of own, for others
    struct cm_keep keep;
    // answering
    struct cm_reader *reader;
    uint64_t rows_sent;
    struct cm_digest last_header; // sent; zero for none
    struct cm_buf message;
    struct cm_buf envelope; // of a refusal
    void *answer;           // the asker's
};

static inline void cm_node_query_move(struct cm_node_query *query, enum cm_node_state to)
{
    cm_node_state_set(&query->state, to);
}

// Leaves the node; query is gone.
void cm_node_query_end(struct cm_node_query *query, const char *outcome);
// What was under way has come back: whether to go on. Ends the query when not.
bool cm_node_query_goes_on(struct cm_node_query *query) CM_MUST_CHECK;
enum cm_status cm_node_query_submit(struct cm_node_query *query, void (*work)(struct cm_job *job),
                                    void (*done)(struct cm_job *job)) CM_MUST_CHECK;
void cm_node_query_log_id(char out[2 * LOG_ID_BYTES + 1], const struct cm_node_query *query);

// Records a refusal where the question was truly somebody's, signs and sends it.
void cm_node_query_refuse(struct cm_node_query *query, enum cm_refusal_code code);
// The same for what is recorded already.
void cm_node_query_sign_refusal(struct cm_node_query *query, enum cm_refusal_code code);
// The node's own entry about the query, as decided or refused.
enum cm_status cm_node_query_append(struct cm_node_query *query,
                                    void (*done)(struct cm_append *append)) CM_MUST_CHECK;
// In done, first of all: what it came to, with the proof.
enum cm_status cm_node_query_appended(struct cm_node_query *query) CM_MUST_CHECK;

// Whether what counts now still permits what was decided. Not while a worker has the decision.
bool cm_node_query_holds(struct cm_node_query *query) CM_MUST_CHECK;
// Whether what counts now shows each row of the batch that waits.
bool cm_node_query_may_send(const struct cm_node_query *query) CM_MUST_CHECK;
// Tells the gateway that the permission ended; nothing more is written.
void cm_node_query_withdraw(struct cm_node_query *query);
void cm_node_query_forget_again(struct cm_node_query *query);

// Permitted: from here on, record, read, send.
void cm_node_query_record(struct cm_node_query *query);
void cm_node_query_send(struct cm_node_query *query);
void cm_node_query_stop_answer(struct cm_node_query *query);

#endif
