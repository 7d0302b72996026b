// Witnesses, a session's side: the node's checkpoints are judged against what this gateway saw of
// its ledger, remembered and signed; the gateway's own are shown to the node, whose signatures are
// kept. Loop thread; judging and remembering run on workers.
#ifndef CM_GATEWAY_SESSION_WITNESS_H
#define CM_GATEWAY_SESSION_WITNESS_H

#include "proto/ledger/witnessed.h"

struct cm_session;

struct cm_session_witness {
    // The node's ledger:
    bool due;          // more was seen of it once: asks wait until it shows that it still has that
    bool busy;         // the rest is a worker's
    bool answer_due;   // verdict, line and seen_note are to be sent
    int64_t begun_ms;  // monotonic: when it attached
    unsigned answered; // of its checkpoints, against floods
    int64_t since_ms;  // monotonic
    struct cm_job job;
    struct cm_arena *arena;
    struct cm_witness_checkpoint offered;
    struct cm_trust *trust;
    struct cm_signer *signer;
    struct cm_witness_verdict verdict;
    struct cm_seen seen; // what was before
    struct cm_buf seen_note, line;
    enum cm_status status;
    struct cm_error error;
    // Ours:
    bool offer_due;
    struct cm_tree_head *shown; // the node's answer to it is to come
    uint64_t cosigned;          // the size that it signed last
    int64_t offer_at_ms;        // monotonic
};

// Worker, with the Hello: what was seen of this node's ledger. CM_INVALID: it can't be known.
enum cm_status cm_session_witness_hello(struct cm_session *session,
                                        struct cm_error *error) CM_MUST_CHECK;
// Attached; differs: the node saw more or something else of our ledger than there is.
void cm_session_witness_begin(struct cm_session *session, bool differs);
void cm_session_witness_clear(struct cm_session *session);

// From the node.
enum cm_status cm_session_checkpoint(struct cm_session *session,
                                     const struct cm_witness_checkpoint *offered,
                                     struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_session_cosignature(struct cm_session *session,
                                      const struct cm_cosignature *answer,
                                      struct cm_error *error) CM_MUST_CHECK;

// Whether something is to be sent, before any ask. send: false ends the pump.
bool cm_session_witness_waits(const struct cm_session *session);
bool cm_session_witness_send(struct cm_session *session);

#endif
