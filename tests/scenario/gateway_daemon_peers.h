// A real comity-gatewayd over mutual TLS on the loopback, and peers that speak its protocol: nodes
// that attach and answer, an investigator that asks. One loop, one thread.
#ifndef CM_TESTS_SCENARIO_GATEWAY_DAEMON_PEERS_H
#define CM_TESTS_SCENARIO_GATEWAY_DAEMON_PEERS_H

#include "proto/codec/gateway.h"
#include "proto/codec/ruleset.h"
#include "proto/rpc/channel.h"
#include "tests/support/pki.h"

#include <sys/types.h>

#define OPEN_RULES "permit anyone to any for any back all see all until 2099-01-01"

enum { PEER_MESSAGES = 64, DAEMON_WAIT_MS = 60000 };

struct daemon {
    struct pki *pki;
    char data[PKI_PATH];
    char ini[PKI_PATH];
    pid_t pid;
    int port;
    int out; // its standard error
    struct cm_loop *loop;
};

void daemon_new(struct daemon *daemon);
void daemon_start(struct daemon *daemon);
// SIGTERM; it must end with 0 (sanitizers end it otherwise).
void daemon_stop(struct daemon *daemon);
void daemon_signal(struct daemon *daemon, int number);
void daemon_free(struct daemon *daemon);
// Steps the loop until what holds; fails the test after a minute.
#define DAEMON_UNTIL(daemon, what)                                                                 \
    do {                                                                                           \
        int64_t until = cm_mono_ms(cm_clock_system()) + DAEMON_WAIT_MS;                            \
        while (!(what) && cm_mono_ms(cm_clock_system()) < until)                                   \
            cm_loop_step((daemon)->loop, 10);                                                      \
        cr_assert(what);                                                                           \
    } while (0)

// Entries of a kind in the ledger of a daemon's data folder by now; *last is the newest of them,
// in arena.
unsigned ledger_recorded(const char *data, enum cm_entry_kind kind, struct cm_entry *last,
                         struct cm_arena *arena);
unsigned ledger_count(const char *data, enum cm_entry_kind kind);
// While nothing writes it: one entry more, a stop, recorded so much later than now.
void ledger_add_stop(const struct daemon *daemon, const char *data, struct cm_signer *signer,
                     int64_t ahead_ms);

// One call: what came, how it ended.
struct call {
    struct cm_stream *stream;
    struct cm_arena *arena;
    bool attach; // checkpoints shown by the gateway are passed over
    size_t count;
    struct cm_bytes messages[PEER_MESSAGES];
    bool closed;
    enum cm_status status;
    struct cm_error error;
};

struct peer {
    struct daemon *daemon;
    const struct pki_identity *identity;
    struct cm_channel *channel;
};

void peer_open(struct peer *peer, struct daemon *daemon, const char *agency, enum cm_role role,
               const char *name);
void peer_close(struct peer *peer);
void call_open(struct call *call, struct peer *peer, const char *method);
void call_write(struct call *call, struct daemon *daemon, struct cm_bytes message);
void call_clear(struct call *call);

// A signed query for every agency that permits.
struct question {
    struct cm_digest digest, key_hash;
    struct cm_buf request;
};

// A Hello of the agency with one rule set (text), instance's bytes all `instance`.
void hello_send(struct call *attach, struct peer *peer, const char *agency, uint8_t instance,
                const char *rules, uint32_t credits);
void up_send(struct call *attach, struct daemon *daemon, const struct cm_attach_up *up);
// A refusal of the ask, signed by the peer.
void refuse_send(struct call *attach, struct peer *peer, const struct question *question,
                 const struct cm_attach_down *ask, const char *agency);
// The index-th message that came down, decoded.
void down_of(struct cm_attach_down *out, const struct call *attach, size_t index);
void question_make(struct question *question, struct peer *peer);
void reach_make(struct question *question, struct peer *peer);
void question_send(struct call *lookup, struct peer *peer, const struct question *question);
// The answer of no rows to an ask: start and one final header.
void answer_start(struct call *answer, struct peer *peer, const struct cm_attach_down *welcome,
                  const struct cm_attach_down *ask);
void answer_nothing(struct call *answer, struct peer *peer, const struct question *question,
                    const struct cm_attach_down *ask, const char *agency,
                    const struct cm_digest *rules);
void rules_digest(struct cm_digest *out, struct peer *peer, const char *agency, const char *rules);

#endif
