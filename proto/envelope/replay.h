// Remembers replay keys until they expire, with a share per signer and per agency: full refuses,
// never evicts. Loop thread.
#ifndef CM_ENVELOPE_REPLAY_H
#define CM_ENVELOPE_REPLAY_H

#include "proto/base/bytes.h"
#include "proto/base/error.h"

struct cm_replay;

struct cm_replay_limits {
    size_t total;
    size_t per_signer;
    size_t per_agency;
};

enum cm_status cm_replay_new(struct cm_replay **out,
                             const struct cm_replay_limits *limits) CM_MUST_CHECK;
void cm_replay_free(struct cm_replay *replay);

// Claims key until expires_ms. CM_REPLAYED when held, CM_EXHAUSTED (with retry_after_ms) when a
// share is full, CM_STALE when now_ms lies before the latest one seen by more than the skew (a
// clock step back).
enum cm_status cm_replay_claim(struct cm_replay *replay, const struct cm_digest *key,
                               const struct cm_digest *signer, const char *agency,
                               int64_t expires_ms, int64_t now_ms,
                               struct cm_error *error) CM_MUST_CHECK;
// From the ledger at start: no share is charged, seen_ms is when it was recorded. What was over by
// then is not kept. CM_EXHAUSTED past the total.
enum cm_status cm_replay_restore(struct cm_replay *replay, const struct cm_digest *key,
                                 int64_t expires_ms, int64_t seen_ms) CM_MUST_CHECK;
size_t cm_replay_held(const struct cm_replay *replay);

#endif
