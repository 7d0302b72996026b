// Witnesses' cosignatures of a checkpoint: the text and layout of C2SP tlog-cosignature/v1, with
// ECDSA P-256 under signature type 0xff "comity.v1/ecdsa-p256", which C2SP leaves to us.
// Pure; any thread.
#ifndef CM_LEDGER_COSIGN_H
#define CM_LEDGER_COSIGN_H

#include "proto/ledger/note.h"

// A witness signs as the origin of its own ledger (cm_checkpoint_origin of its SPIFFE name).
// Appends its line for note, a checkpoint that it verified and found consistent. time_s: POSIX.
enum cm_status cm_cosign(struct cm_buf *line, struct cm_bytes note, int64_t time_s,
                         const struct cm_signer *signer) CM_MUST_CHECK;
// line: one line, with its end. *time_s (may be NULL): when. CM_UNAUTHENTICATED unless name signed
// that very checkpoint with key.
enum cm_status cm_cosign_check(int64_t *time_s, struct cm_bytes line, struct cm_bytes note,
                               const char *name, const struct cm_key *key,
                               struct cm_error *error) CM_MUST_CHECK;
// The same of the line in note that names name and key; CM_NOT_FOUND: there is none.
enum cm_status cm_cosign_find(int64_t *time_s, struct cm_bytes note, const char *name,
                              const struct cm_key *key, struct cm_error *error) CM_MUST_CHECK;
// Adds a line that was checked to note; one by the same name and key stays. CM_EXHAUSTED: there is
// no room (CM_MAX_NOTE_SIGNATURES, CM_MAX_CHECKPOINT).
enum cm_status cm_cosign_add(struct cm_buf *note, struct cm_bytes line) CM_MUST_CHECK;

#endif
