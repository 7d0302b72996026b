// A session's inside, shared by attach.c (dialling, what comes down), attach_up.c (what goes up),
// attach_answer.c (what its queries ask of it) and attach_copy.c (copies for our own agency).
#ifndef CM_NODES_ATTACH_INTERNAL_H
#define CM_NODES_ATTACH_INTERNAL_H

#include "nodes/attach.h"
#include "nodes/copies.h"
#include "nodes/node_query.h"

#include <pthread.h>

enum {
    MESSAGE_ARENA_CAP = 4 * CM_MAX_ATTACH_DOWN,
    RULES_ARENA_CAP = 16 * 1024 * 1024,
    MAX_ADDRESSES = 16,
    MAX_DOWN = CM_MAX_ATTACH_DOWN,
    MAX_COPIES_HELD = 16 * 1024 * 1024, // bytes; past them the session is not read
    MAX_QUEUED = 4096,                  // messages for a gateway that doesn't read
};

// The gateway's certificate as the last handshake judged it. Under the lock.
struct cm_attach_eye {
    pthread_mutex_t lock;
    uint8_t leaf[CM_MAX_CERTIFICATE];
    size_t len;
};

// An encoded message that waits for the stream.
struct cm_attach_message {
    struct cm_attach_message *next;
    struct cm_buf bytes;
};

// Witnesses (attach_witness.c).
struct cm_attach_witness {
    struct cm_tree_head *shown; // of our ledger: the gateway's answer is to come
    uint64_t cosigned;          // the size that it signed last
    int64_t show_at_ms;         // monotonic
    // Of the gateway's ledger, once no ask waits to be judged:
    struct cm_arena *arena; // offered's; NULL: nothing is being judged
    struct cm_witness_checkpoint offered;
    uint64_t size;    // offered's
    unsigned taken;   // of its checkpoints, against floods
    int64_t since_ms; // monotonic
    struct cm_keep keep;
    bool keeping; // until it is durable
    struct cm_seen found;
    enum cm_witness_finding finding;
};

enum cm_attach_phase {
    CM_ATTACH_WAITING = 1, // for the next attempt
    CM_ATTACH_GREETING,    // Hello sent, Welcome not yet there
    CM_ATTACH_ATTACHED,
    CM_ATTACH_ENDING, // the stream closes
    CM_ATTACH_CLOSED,
};

struct cm_attach {
    struct cm_asker asker;
    struct cm_attach_options options;
    char *addresses[MAX_ADDRESSES];
    size_t address_count, address_next;
    char server_name[CM_MAX_ID + 16];
    enum cm_attach_phase phase;
    bool closing;
    bool leaving; // once all that is queued was sent
    struct cm_channel *channel;
    struct cm_stream *stream;
    struct cm_attach_eye eye;
    char base[CM_MAX_ORIGIN + 1]; // of the gateway's first epoch
    struct cm_head_store heads;
    struct cm_attach_witness witness;
    struct cm_timer timer; // redial, or Welcome's deadline
    unsigned failures;
    uint8_t session[CM_INSTANCE_SIZE];
    bool reading_held; // a directory is being verified
    bool copies_held;  // too many copies are being recorded
    bool offer_waits;  // incoming is whole, and is to be verified after another
    struct cm_directory_parts incoming;
    struct cm_copies copies;
    // up
    struct cm_attach_message *first, **last;
    unsigned queued;
    unsigned credits; // to give back
    bool rules_due;
    struct cm_trust *pushed; // its directory goes up; NULL: none does
    uint32_t part, parts;
    struct cm_buf out;
};

enum cm_status cm_attach_hello(struct cm_attach *attach) CM_MUST_CHECK;
// Writes what waits, in order of urgency, while the stream takes it.
void cm_attach_pump(struct cm_attach *attach);
void cm_attach_push_directory(struct cm_attach *attach, uint64_t have);
void cm_attach_clear_up(struct cm_attach *attach);
enum cm_status cm_attach_queue(struct cm_attach *attach,
                               const struct cm_attach_up *up) CM_MUST_CHECK;
// Something of the gateway's can't be: the session ends and is dialled again.
void cm_attach_break(struct cm_attach *attach, const char *why);
// What it signed does not hold: it is left, and not dialled soon.
void cm_attach_back_off(struct cm_attach *attach, const char *why);

// attach_witness.c
// Attached; seen: how much the gateway saw of our ledger, in its epoch.
void cm_attach_witness_begin(struct cm_attach *attach, uint64_t seen);
// Takes arena, and offered in it. False: the session ends, or nothing is read until it is judged.
bool cm_attach_take_checkpoint(struct cm_attach *attach, struct cm_arena *arena,
                               const struct cm_witness_checkpoint *offered);
// False: the session ends.
bool cm_attach_take_cosignature(struct cm_attach *attach, const struct cm_cosignature *answer);
// No ask waits to be judged.
void cm_attach_judge_checkpoint(struct cm_attach *attach);
void cm_attach_witness_end(struct cm_attach *attach);
// attach_copy.c: a copy of what one of our people asked. Takes arena. Whether the session goes on.
bool cm_attach_take_copy(struct cm_attach *attach, struct cm_arena *arena,
                         const struct cm_copy *copy, size_t bytes);
extern const struct cm_copies_ops cm_attach_copies_ops;

extern const struct cm_asker_ops cm_attach_asker_ops;

#endif
