// The envelope's wire form: unpack, repack, bounds. Signing and verifying are in proto/envelope.
// Decoded messages borrow from the arena; any thread.
#ifndef CM_CODEC_ENVELOPE_H
#define CM_CODEC_ENVELOPE_H

#include "proto/base/arena.h"
#include "proto/base/error.h"
#include "proto/codec/bounds.h"
#include "proto/codec/family.h"

struct cm_signature {
    struct cm_digest keyid;
    uint8_t sig[CM_SIGNATURE_SIZE];
    size_t chain_count; // 0 to 3
    struct cm_bytes chain[CM_MAX_CHAIN];
};

struct cm_envelope {
    enum cm_family family; // CM_FAMILY_NONE: nothing here
    struct cm_bytes payload;
    size_t signature_count; // 1 or 2
    struct cm_signature signatures[2];
    struct cm_bytes raw; // the exact bytes decoded, where it was decoded
};

// Checks sizes, known type, canonical form. CM_INVALID names the field.
enum cm_status cm_envelope_decode(struct cm_envelope *out, struct cm_arena *arena,
                                  struct cm_bytes bytes, struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_envelope_encode(struct cm_buf *out,
                                  const struct cm_envelope *envelope) CM_MUST_CHECK;

#endif
