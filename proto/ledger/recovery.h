// Reads a log from its beginning: what is durable and fits, what was torn off by a crash, what is
// damage. Changes nothing. Blocking; start-up alone.
#ifndef CM_LEDGER_RECOVERY_H
#define CM_LEDGER_RECOVERY_H

#include "proto/ledger/frame.h"
#include "proto/ledger/frontier.h"

struct cm_recovery {
    uint64_t end;                // offset after the last checkpoint that holds
    uint64_t torn;               // bytes after it, of a write that was never acknowledged
    struct cm_frontier frontier; // of the entries up to end
    struct cm_checkpoint checkpoint;
    struct cm_buf note; // the last checkpoint's; empty when there is none
};

// CM_INVALID: a frame before the last checkpoint is damaged, a checkpoint doesn't fit the entries,
// or the last one isn't signed by key as origin.
enum cm_status cm_recovery_scan(struct cm_recovery *out, struct cm_frame_reader *reader,
                                const char *origin, const struct cm_key *key,
                                struct cm_error *error) CM_MUST_CHECK;
void cm_recovery_clear(struct cm_recovery *recovery);

#endif
