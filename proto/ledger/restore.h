// A ledger restored from a backup goes on as a new epoch: the restored log verified, what witnesses
// showed of what came after, the statement of who answers for it, and the change from the old log
// to the new, which a crash at any step leaves to be ended by running it again. Blocking; tools.
#ifndef CM_LEDGER_RESTORE_H
#define CM_LEDGER_RESTORE_H

#include "proto/ledger/witnessed.h"

struct cm_restore {
    struct cm_witnessed witnessed;   // with the epoch that ends and what refutes its log
    struct cm_checkpoint checkpoint; // of the restored log
    bool cut_off;                    // only the end of an earlier run is to be done
    int folder_lock, log_lock;
};

// Verifies the whole log. shown: a checkpoint that a witness has of this ledger; or none.
// CM_UNAVAILABLE: the daemon runs. CM_STALE: the log holds all that was shown, so that there is
// nothing to recover from.
enum cm_status cm_restore_open(struct cm_restore *out, const char *folder, struct cm_signer *signer,
                               struct cm_bytes shown, struct cm_error *error) CM_MUST_CHECK;
void cm_restore_clear(struct cm_restore *restore);

// Appends the signed statement. why: 1 to CM_MAX_REASON bytes.
enum cm_status cm_restore_state(struct cm_buf *envelope, const struct cm_restore *restore,
                                const char *why, const struct cm_signer *administrator,
                                int64_t now_ms, struct cm_error *error) CM_MUST_CHECK;
// Begins the new epoch: its log with the first entry, durable beside the old one; then changes
// them over.
enum cm_status cm_restore_begin(const struct cm_restore *restore, struct cm_bytes envelope,
                                struct cm_signer *signer, int64_t now_ms,
                                struct cm_error *error) CM_MUST_CHECK;
// Ends a change that was cut off.
enum cm_status cm_restore_end(const struct cm_restore *restore,
                              struct cm_error *error) CM_MUST_CHECK;

#endif
