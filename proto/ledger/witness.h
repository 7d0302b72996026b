// What one party saw of another's ledger, and whether what it is shown now grows out of that.
// Judging is pure; read and keep block. Any thread, one at a time per ledger.
#ifndef CM_LEDGER_WITNESS_H
#define CM_LEDGER_WITNESS_H

#include "proto/codec/gateway.h"
#include "proto/ledger/epoch.h"

struct cm_witness_verdict {
    struct cm_checkpoint checkpoint;   // as offered
    struct cm_seen shown;              // the same
    enum cm_witness_finding finding;   // NONE where it grows as it should
    struct cm_digest statement_digest; // with EPOCH
};

// CM_OK: to be remembered, then signed; finding EPOCH where another epoch begins, else NONE.
// CM_STALE: finding FORK or ROLLBACK, to be refused with what was seen. Else malformed or not the
// owner's: no finding.
enum cm_status cm_witness_judge(struct cm_witness_verdict *out, const struct cm_seen *seen,
                                const struct cm_witness_checkpoint *offered,
                                const struct cm_epoch_owner *owner, struct cm_trust *trust,
                                int64_t now_ms, struct cm_error *error) CM_MUST_CHECK;

// What a note says of the owner's ledger; CM_INVALID when it is another's.
enum cm_status cm_seen_of(struct cm_seen *out, struct cm_bytes note, const char *base,
                          struct cm_error *error) CM_MUST_CHECK;

// One small file in folder for each key that signs a ledger: the newest note seen. Nothing there is
// the beginning. CM_INVALID: it can't be read, or that key had a ledger of another name.
enum cm_status cm_witness_read(struct cm_seen *out, struct cm_buf *note, const char *folder,
                               const struct cm_epoch_owner *owner,
                               struct cm_error *error) CM_MUST_CHECK;
// Durable when it returns CM_OK.
enum cm_status cm_witness_keep(const char *folder, const struct cm_key *key, struct cm_bytes note,
                               struct cm_error *error) CM_MUST_CHECK;

#endif
