// The nodes: every agency's signed rules, and the sessions (Attach calls) of its node processes,
// their asks, credits, cancels and directories. Loop thread.
#ifndef CM_GATEWAY_SESSION_H
#define CM_GATEWAY_SESSION_H

#include "gateway/ports.h"
#include "proto/ledger/witnessed.h"
#include "proto/rpc/loop.h"

struct cm_sessions;
struct cm_party; // an agency with nodes; lives as long as the sessions

enum { CM_MAX_AGENCY_SESSIONS = 16 };

// Whose directory it is, and what it says of it. The session may be closed meanwhile: its number is
// no other's.
struct cm_push {
    struct cm_party *from; // NULL: from the gateway's own file
    uint64_t session;
    uint64_t serial;
};

struct cm_sessions_options {
    struct cm_gateway *gateway;
    struct cm_loop *loop;
    struct cm_ledger *ledger;
    struct cm_workers *slow; // for rules and what is written of directories; not the queries'
    struct cm_copies *copies;
    const char *folder;             // agencies' rules persist there; exists
    const char *witnessed_folder;   // what was seen of nodes' ledgers; exists
    struct cm_witnessed *witnessed; // what nodes say of ours
    int64_t witness_every_ms;       // how often it is shown to them, when it has grown
    // A node says that it has a newer directory: its encoded bundle, not yet verified. False: it
    // can't be looked at now; cm_sessions_push_again asks anew.
    bool (*on_directory)(void *context, const struct cm_push *push, struct cm_bytes bundle);
    // Other rules of an agency count now; may be NULL.
    void (*on_rules)(void *context, const char *agency, const struct cm_standing *standing);
    // Something was found in a node's ledger: the entry, without its time.
    void (*on_finding)(void *context, const struct cm_entry *entry);
    // A node has shown that our ledger lacks what our key signed.
    void (*on_refuted)(void *context);
    void *context;
};

enum cm_status cm_sessions_new(struct cm_sessions **out, const struct cm_sessions_options *options,
                               struct cm_error *error) CM_MUST_CHECK;
// All streams must be closed.
void cm_sessions_free(struct cm_sessions *sessions);
// cm_method.on_open of Attach and Answer; context is the struct cm_sessions.
void cm_sessions_on_attach(void *context, struct cm_stream *stream);
void cm_sessions_on_answer(void *context, struct cm_stream *stream);

// The gateway's trust is newer: rules are compiled again, whoever it doesn't know is cut off, all
// others get the directory.
void cm_sessions_retrust(struct cm_sessions *sessions);
// Cuts off whose certificate has expired or was revoked since.
void cm_sessions_recheck(struct cm_sessions *sessions);
// What was pushed isn't what was said: the session that pushed it ends, and for a while no
// directory of its agency's nodes is looked at.
void cm_sessions_push_refused(struct cm_sessions *sessions, const struct cm_push *push,
                              const struct cm_error *error);
// What was pushed was looked at; another session of the agency may push.
void cm_sessions_push_taken(const struct cm_push *push);
// A directory that waits may be handed on now.
void cm_sessions_push_again(struct cm_sessions *sessions);
// Shows our newest checkpoint to the nodes whose turn it is; at once: to all that haven't signed
// it.
void cm_sessions_show(struct cm_sessions *sessions, bool at_once);
// A node's signature of what was shown is still to come.
bool cm_sessions_showing(const struct cm_sessions *sessions);
// Ends all sessions in order (drain).
void cm_sessions_close(struct cm_sessions *sessions);
// There may be a copy for the nodes of that agency.
void cm_sessions_copies_ready(struct cm_sessions *sessions, const char *agency);
size_t cm_sessions_count(const struct cm_sessions *sessions);

// What ports.h asks of the nodes.
struct cm_standing *cm_sessions_standing(const struct cm_sessions *sessions, const char *agency);
bool cm_sessions_decide(const struct cm_sessions *sessions, const struct cm_directory *directory,
                        const struct cm_request *request, uint8_t *verdicts);
enum cm_outcome cm_sessions_presence(const struct cm_sessions *sessions, const char *agency);
bool cm_sessions_ask(struct cm_sessions *sessions, struct cm_call *call);
void cm_sessions_read(struct cm_call *call);
void cm_sessions_release(struct cm_call *call, bool complete);

#endif
