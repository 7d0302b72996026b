// Epochs of a ledger: a log that was restored from a backup goes on as a new log under a statement
// of who answers for it: the agency's administrator for a node, the directory's signer for a
// gateway. Pure but for cm_epoch_load; any thread.
#ifndef CM_LEDGER_EPOCH_H
#define CM_LEDGER_EPOCH_H

#include "proto/codec/access.h"
#include "proto/ledger/checkpoint.h"
#include "proto/trust/trust.h"

#define CM_EPOCH_FILE   "epoch"       // in the ledger's folder: the statement's envelope
#define CM_EPOCH_FOLDER "epochs"      // there: the folders of earlier epochs, by number
#define CM_EPOCH_NEXT   "next"        // there: a recovery that is not done
enum { CM_EPOCH_ARENA = 256 * 1024 }; // takes any statement and its envelope

// How far a ledger was seen to reach. Zero: not at all.
struct cm_seen {
    uint64_t epoch; // from 1; 0: nothing was seen
    uint64_t size;
    struct cm_digest root;
};

// Later epochs are after all of earlier ones.
bool cm_seen_before(const struct cm_seen *a, const struct cm_seen *b);

// What a statement is of, when it is true: owner's ledger.
struct cm_epoch_owner {
    const struct cm_identity *identity; // a node or a gateway
    const struct cm_key *key;           // that signs its checkpoints
};

// Form, and that it is of this ledger: origin, and what `cosigned` holds (*cosigned, zero for
// nothing) signed by the owner's key and of an earlier epoch. Nobody's signature of the statement
// itself is looked at.
enum cm_status cm_epoch_read(struct cm_epoch_statement *out, struct cm_seen *cosigned,
                             struct cm_arena *arena, const struct cm_envelope *envelope,
                             const struct cm_epoch_owner *owner,
                             struct cm_error *error) CM_MUST_CHECK;
// The same, and signed as of its own time by an administrator of the owner's agency, for a gateway
// by the directory's signer. *signer (may be NULL) is the caller's when CM_OK.
enum cm_status cm_epoch_verify(struct cm_epoch_statement *out, struct cm_seen *cosigned,
                               struct cm_signatory **signer, struct cm_arena *arena,
                               const struct cm_envelope *envelope,
                               const struct cm_epoch_owner *owner, struct cm_trust *trust,
                               int64_t now_ms, struct cm_error *error) CM_MUST_CHECK;
// Whether a statement that names cosigned admits that seen was there.
bool cm_epoch_admits(const struct cm_seen *cosigned, const struct cm_seen *seen);

// The statement in folder: *envelope (owned by the caller), family NONE inside arena's *out when
// there is none, and its epoch (1 then). CM_UNAVAILABLE: a recovery was cut off in the middle.
// Blocking.
enum cm_status cm_epoch_load(struct cm_envelope *out, uint64_t *epoch, struct cm_arena *arena,
                             const char *folder, struct cm_error *error) CM_MUST_CHECK;

#endif
