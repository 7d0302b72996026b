// What nodes present of their agency's rules: taken in on a worker of their own, one offer at a
// time for an agency and in the order in which they came; of what a session says changed only the
// newest waits. An agency's desk then rests in proportion, so that none keeps the worker from the
// others; changes that come so often that they would fill the ledger count at once, but only the
// newest is recorded. Loop thread but where it says worker.
#ifndef CM_GATEWAY_RULES_DESK_H
#define CM_GATEWAY_RULES_DESK_H

#include "gateway/pace.h"
#include "gateway/ports.h"
#include "proto/rpc/loop.h"

struct cm_party;
struct cm_session;
struct cm_sessions;

struct cm_offer {
    struct cm_offer *next;
    struct cm_session *session; // NULL: nobody waits for what comes of it
    bool hello;                 // the session's Hello, which then stays as it is
    struct cm_buf set, overlay; // else: copies of the newest, or empty
};

struct cm_desk { // an agency's
    struct cm_sessions *sessions;
    struct cm_bundle *bundle;     // the worker's while running; NULL: not opened yet, or damaged
    struct cm_standing *standing; // a reference to what counts
    struct cm_offer *first, *last;
    struct cm_offer *running;
    struct cm_trust *trust; // of the running offer
    struct cm_job job;
    struct cm_timer rest;
    int64_t took_ms;
    struct cm_pace pace;   // of what is recorded
    struct cm_timer later; // until what counts may be recorded
    bool unrecorded;       // later is set
    bool resting;
    bool damaged; // what lies on disk was altered: nothing is taken, nobody asked
};

// Opens what was accepted before, at once (at start).
void cm_desk_open(struct cm_party *party, struct cm_sessions *sessions);
// The same on the worker.
void cm_desk_open_later(struct cm_party *party, struct cm_sessions *sessions);
void cm_desk_clear(struct cm_party *party);
// cm_session_rules_taken follows, perhaps at once; the session is busy until then.
void cm_desk_hello(struct cm_party *party, struct cm_session *session);
// family NONE: that one is as it was.
void cm_desk_changed(struct cm_party *party, struct cm_session *session,
                     const struct cm_envelope *set, const struct cm_envelope *overlay);
// The session is closed: what of it waits isn't taken in.
void cm_desk_forget(struct cm_session *session);

#endif
