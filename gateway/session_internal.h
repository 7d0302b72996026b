// What session*.c and answer.c share. Loop thread; a session's message, arena, up and verdict are
// the worker's while it is busy.
#ifndef CM_GATEWAY_SESSION_INTERNAL_H
#define CM_GATEWAY_SESSION_INTERNAL_H

#include "gateway/door.h"
#include "gateway/rules_desk.h"
#include "gateway/rules_index.h"
#include "gateway/session.h"
#include "gateway/session_witness.h"
#include "proto/trust/directory_store.h"

struct cm_party {
    struct cm_map_node by_id;
    char id[CM_MAX_ID + 1];
    struct cm_desk desk;      // its rules
    struct cm_session *first; // attached
    unsigned count;
    unsigned unstarted;        // Answer calls that haven't named their ask yet
    struct cm_session *pushes; // the one of them whose directory is taken
    int64_t pushes_after_ms;   // monotonic; none is looked at before
    bool detached;             // the last one left in order
    bool incompatible;         // the last Hello was of a version we don't speak
    // What was last found wrong or new in a ledger of its nodes:
    enum cm_witness_finding found;
    uint64_t found_size;
    struct cm_digest found_root;
    struct cm_pace findings; // of what is recorded of them
};

struct cm_sessions {
    struct cm_sessions_options options;
    struct cm_map parties; // by agency id
    struct cm_rules_index rules;
    struct cm_map calls;       // by ask id
    struct cm_session *opened; // all sessions, attached or not
    uint64_t next_call;
    uint64_t next_serial;
    size_t count;           // attached
    struct cm_call *asking; // inside cm_sessions_ask: told by what that returns, not by `lost`
    struct cm_buf out;
    bool closing;
    // The directory that is written to the archive:
    struct cm_job keep_job;
    struct cm_trust *keeping;
    bool keep_again;
};

struct cm_call_list {
    struct cm_call *first, *last;
};

enum { CM_SESSION_CANCELS = 2 * CM_CREDITS };

struct cm_session {
    struct cm_sessions *sessions;
    struct cm_session *opened_next;
    struct cm_party *party;   // while attached
    struct cm_party *joins;   // while its Hello's rules are taken in
    struct cm_session *next;  // of the party
    struct cm_stream *stream; // NULL once closed
    bool closed, busy, attached;
    uint64_t serial;
    uint8_t id[CM_INSTANCE_SIZE];
    uint8_t instance[CM_INSTANCE_SIZE];
    size_t chain_count;
    struct cm_bytes chain[CM_MAX_CHAIN]; // into chain_bytes
    struct cm_buf chain_bytes;
    struct cm_digest key_hash;
    struct cm_admission place; // until its first message
    struct cm_timer hello_timer;
    // The Hello on a worker:
    struct cm_job job;
    struct cm_buf message;
    struct cm_arena *arena;
    struct cm_trust *trust;
    struct cm_attach_up up;
    struct cm_signatory *node;
    enum cm_status verdict;
    struct cm_error error;
    // Attached:
    uint32_t credits;
    bool keeps_only; // it came without credits: it takes copies and answers nothing
    unsigned load;   // calls, queued or sent
    struct cm_call_list queued, sent;
    uint64_t tree_size;      // the newest checkpoint that the node has of us
    uint64_t witnessed_size; // of its ledger, for Welcome: in the epoch of its Hello
    struct cm_session_witness witness;
    bool welcome_due;
    uint64_t cancels[CM_SESSION_CANCELS]; // a ring
    unsigned cancel_first, cancel_count;
    struct cm_trust *pushed; // whose bundle is being sent
    uint32_t part, parts;
    struct cm_directory_parts incoming;
    bool push_waits; // incoming is whole
};

// session.c
void cm_session_close(struct cm_session *session, enum cm_status status,
                      const struct cm_error *error);
void cm_session_pump(struct cm_session *session);
bool cm_session_write(struct cm_session *session, const struct cm_attach_down *down);
// session_directory.c
// have: the serial that the node holds; a higher one than ours asks for its directory.
void cm_session_push_directory(struct cm_session *session, uint64_t have);
// A part of the node's own.
enum cm_status cm_session_push(struct cm_session *session, const struct cm_directory_part *part,
                               struct cm_error *error) CM_MUST_CHECK;
void cm_session_push_end(struct cm_session *session);

// session.c again
// The call is nobody's any more; handlers aren't called.
void cm_session_detach(struct cm_call *call);
void cm_session_cancel(struct cm_session *session, uint64_t call);
// One decoded message of an attached session, then the next is read.
void cm_session_up(struct cm_session *session, const struct cm_attach_up *up, enum cm_status status,
                   struct cm_error *error);
void cm_session_enqueue(struct cm_session *session, struct cm_call *call);

// session_hello.c
void cm_session_hello(struct cm_session *session, struct cm_bytes message);
// From the desk: what its Hello presented counts, or was logged and left.
void cm_session_rules_taken(struct cm_session *session, enum cm_status status);
// A message too large to be decoded on the loop; cm_session_up follows.
void cm_session_decode(struct cm_session *session, struct cm_bytes message);
void cm_session_free(struct cm_session *session);

// sessions.c
struct cm_party *cm_sessions_party(const struct cm_sessions *sessions, const char *agency);
struct cm_call *cm_sessions_call(const struct cm_sessions *sessions, uint64_t id);

// answer.c
// The call doesn't want its answer any more (complete: it has it whole).
void cm_answer_unbind(struct cm_answer *answer, bool complete);
void cm_answer_read(struct cm_answer *answer);

#endif
