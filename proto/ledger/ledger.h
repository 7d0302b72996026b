// The append-only record: one log file of frames (entry, access record, checkpoint), group commit
// by one writer thread, the Merkle tree in bounded memory, tiles and a checkpoint made from the log
// by a thread of their own. Calls on the loop thread; `done` runs there too.
#ifndef CM_LEDGER_LEDGER_H
#define CM_LEDGER_LEDGER_H

#include "proto/base/clock.h"
#include "proto/base/task.h"
#include "proto/ledger/log_reader.h"
#include "proto/ledger/merkle.h"

struct cm_ledger;

// A durable signed tree head. Reference-counted, on the loop thread.
struct cm_tree_head {
    struct cm_checkpoint checkpoint;
    struct cm_bytes note;
    unsigned references; // private
};
struct cm_tree_head *cm_tree_head_ref(struct cm_tree_head *head);
void cm_tree_head_unref(struct cm_tree_head *head);

struct cm_ledger_options {
    const char *folder;       // "log" in it is locked; made with mode 0700 when missing
    struct cm_signer *signer; // reffed
    struct cm_poster *poster; // brings `done` to the loop thread
    unsigned max_waiting;     // appends in flight; beyond: CM_EXHAUSTED
    uint64_t epoch;           // of cm_epoch_load; 0 or 1: the first
    // Of the log. 0: no bound. Past it appends fail with CM_UNAVAILABLE; a little is kept for what
    // is essential.
    uint64_t max_bytes;
    // At least that long between two checkpoints in the folder; 0: none. Appends never wait for it.
    unsigned publish_ms;
    // Called for each entry of the log at open, in order; whatever it isn't CM_OK for ends the
    // opening, which may still fail for damage or a signature found later. NULL: none.
    enum cm_status (*replay)(void *context, const struct cm_log_item *entry);
    void *context;
};

// Embedded in its owner; alive until done has run.
struct cm_append {
    struct cm_bytes entry;  // borrowed until done; at most CM_MAX_ENTRY
    struct cm_bytes access; // sealed access record of at most CM_MAX_ACCESS, or none
    bool essential;         // a stop, a fork: may use the room kept when log or disk are full
    void (*done)(struct cm_append *append);
    // Set when done runs:
    enum cm_status status; // CM_OK: entry and a checkpoint that covers it are on disk
    uint64_t index;
    uint64_t offset;           // where the entry's frame begins in the log
    struct cm_tree_head *head; // referenced for the caller when CM_OK
    // private
    struct cm_digest leaf;
    struct cm_append *next;
};

// Replays and verifies the log and the tiles published; a torn tail after the last checkpoint is
// cut and logged; anything else that doesn't fit is CM_INVALID and the folder is left alone.
// CM_UNAVAILABLE: another process holds the lock.
enum cm_status cm_ledger_open(struct cm_ledger **out, const struct cm_ledger_options *options,
                              struct cm_error *error) CM_MUST_CHECK;
// Waits for what is in flight, runs its `done`, publishes. `done` must not close it.
void cm_ledger_close(struct cm_ledger *ledger);

// CM_UNAVAILABLE when latched (an fsync or write failed), closing, or when far more is recorded
// than could be published; CM_EXHAUSTED, CM_INVALID; then done isn't called. A full log or disk is
// told by done, with CM_UNAVAILABLE, since room may be there again.
enum cm_status cm_ledger_append(struct cm_ledger *ledger, struct cm_append *append) CM_MUST_CHECK;
bool cm_ledger_latched(const struct cm_ledger *ledger);
// The last batch found no room: the log at its bound, or the disk full.
bool cm_ledger_full(const struct cm_ledger *ledger);
// What the checkpoint in the folder covers.
uint64_t cm_ledger_published(const struct cm_ledger *ledger);
// The newest durable head, borrowed; size 0 has one too.
struct cm_tree_head *cm_ledger_head(const struct cm_ledger *ledger);
// CM_INVALID: no such index or size. CM_IO: old hashes can't be read back from their tiles.
enum cm_status cm_ledger_prove_inclusion(struct cm_inclusion *out, struct cm_arena *arena,
                                         const struct cm_ledger *ledger, uint64_t index,
                                         uint64_t size) CM_MUST_CHECK;
enum cm_status cm_ledger_prove_consistency(struct cm_consistency *out, struct cm_arena *arena,
                                           const struct cm_ledger *ledger, uint64_t old_size,
                                           uint64_t new_size) CM_MUST_CHECK;

#endif
