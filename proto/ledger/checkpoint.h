// C2SP tlog-checkpoint as a signed note, ECDSA P-256 (type 0x02): "origin\nsize\nbase64(root)\n\n—
// name sig\n". Pure; any thread.
#ifndef CM_LEDGER_CHECKPOINT_H
#define CM_LEDGER_CHECKPOINT_H

#include "proto/envelope/dsse.h"

struct cm_checkpoint {
    char origin[CM_MAX_ORIGIN + 1];
    uint64_t size;
    struct cm_digest root;
};

enum cm_status cm_checkpoint_sign(struct cm_buf *note, const struct cm_checkpoint *checkpoint,
                                  const struct cm_signer *signer) CM_MUST_CHECK;
// Form alone: nobody's signature is looked at.
enum cm_status cm_checkpoint_parse(struct cm_checkpoint *out, struct cm_bytes note,
                                   struct cm_error *error) CM_MUST_CHECK;
// Parses note and verifies the signature named like its origin by key. CM_INVALID for form,
// CM_UNAUTHENTICATED else.
enum cm_status cm_checkpoint_open(struct cm_checkpoint *out, struct cm_bytes note,
                                  const struct cm_key *key, struct cm_error *error) CM_MUST_CHECK;
// "<federation>/gateway/<name>" or "<federation>/<agency>/node/<name>": the origin of a SPIFFE
// name's ledger.
enum cm_status cm_checkpoint_origin(char out[CM_MAX_ORIGIN + 1], const char *spiffe) CM_MUST_CHECK;
// The origin of a later epoch of the ledger that began as base: "<base>/epoch/<n>", n >= 2; base
// itself for the first (0 or 1).
enum cm_status cm_checkpoint_epoch_origin(char out[CM_MAX_ORIGIN + 1], const char *base,
                                          uint64_t epoch) CM_MUST_CHECK;

#endif
