// What witnesses say of this process's own ledger: the newest of its checkpoints that they signed,
// kept in its folder with their certificates; and a checkpoint that they show and its log doesn't
// hold, after which it must not serve. Loop thread; files are written on a worker.
#ifndef CM_LEDGER_WITNESSED_H
#define CM_LEDGER_WITNESSED_H

#include "proto/base/workers.h"
#include "proto/ledger/ledger.h"
#include "proto/ledger/witness.h"

#include <limits.h>

// In the ledger's folder:
#define CM_COSIGNED_FILE  "cosigned"      // a note: this ledger's signature, then the witnesses'
#define CM_COSIGNERS_FILE "cosigners.pem" // their certificates, a line "# name" before each chain
#define CM_BEHIND_FILE    "behind"        // a note that this ledger's key signed and its log lacks

struct cm_witnessed {
    char folder[PATH_MAX];
    struct cm_identity identity;
    struct cm_key *key;
    char base[CM_MAX_ORIGIN + 1];
    uint64_t epoch;
    struct cm_arena *arena;
    struct cm_envelope statement; // of the epoch; family NONE in the first
    struct cm_seen admitted;      // what it names as cosigned
    struct cm_buf note, chains;   // the newest that was cosigned
    struct cm_buf chains_before;  // of the note on disk, while another is written
    struct cm_seen cosigned;      // note's
    struct cm_buf behind;         // the note that refutes; empty: none
    struct cm_seen refuted;       // behind's; epoch 0: none
    // writing, the worker's while busy:
    struct cm_job job;
    bool busy, again;
    struct cm_buf notes_out, chains_out, behind_out;
    struct cm_error error;
    enum cm_status (*submit)(void *context, struct cm_job *job);
    void *context;
};

// Before the ledger is opened: the epoch to open it with. CM_UNAVAILABLE: a recovery was cut off.
// Blocking. submit is used by take and shown alone.
enum cm_status cm_witnessed_open(struct cm_witnessed *witnessed, const char *folder,
                                 const struct cm_signer *signer,
                                 enum cm_status (*submit)(void *context, struct cm_job *job),
                                 void *context, struct cm_error *error) CM_MUST_CHECK;
// Once the ledger is open: whether its log holds what witnesses were seen to have. Blocking.
// CM_INVALID: a later epoch whose log is empty.
enum cm_status cm_witnessed_check(struct cm_witnessed *witnessed, const struct cm_ledger *ledger,
                                  struct cm_error *error) CM_MUST_CHECK;
// Not while busy.
void cm_witnessed_clear(struct cm_witnessed *witnessed);

// The answer about head of a witness that TLS has shown: kept, where it and its certificates hold
// now.
// CM_UNAUTHENTICATED and CM_INVALID: it doesn't.
enum cm_status cm_witnessed_take(struct cm_witnessed *witnessed, const struct cm_tree_head *head,
                                 const struct cm_cosignature *answer,
                                 const struct cm_signatory *witness, struct cm_trust *trust,
                                 int64_t now_ms, struct cm_error *error) CM_MUST_CHECK;
// A witness refused, and showed what it saw. CM_STALE: our own key signed that, and our log doesn't
// hold it: from now on refuted. CM_OK: it proves nothing against this log.
// CM_UNAUTHENTICATED, CM_INVALID: it isn't even ours.
enum cm_status cm_witnessed_shown(struct cm_witnessed *witnessed, const struct cm_ledger *ledger,
                                  struct cm_bytes note, struct cm_error *error) CM_MUST_CHECK;
static inline bool cm_witnessed_refuted(const struct cm_witnessed *witnessed)
{
    return witnessed->refuted.epoch != 0;
}

#endif
