// A public P-256 key: parsed from its one accepted form, hashed, and verified against.
// Immutable; any thread.
#ifndef CM_ENVELOPE_KEY_H
#define CM_ENVELOPE_KEY_H

#include "proto/base/bytes.h"

enum {
    CM_SPKI_SIZE = 91,  // DER SubjectPublicKeyInfo of an uncompressed P-256 point
    CM_MAX_SIG_DER = 72 // of an ECDSA P-256 signature
};

struct cm_key;

// spki: DER. Anything but a named-curve P-256 key is CM_INVALID.
enum cm_status cm_key_new(struct cm_key **out, struct cm_bytes spki) CM_MUST_CHECK;
void cm_key_free(struct cm_key *key);
const struct cm_digest *cm_key_hash(const struct cm_key *key);
// The DER it was made from. Borrowed.
struct cm_bytes cm_key_spki(const struct cm_key *key);
// CM_UNAUTHENTICATED unless sig is exactly 64 bytes of a valid r‖s with 0 < r, s < n.
enum cm_status cm_key_verify(const struct cm_key *key, struct cm_bytes data,
                             struct cm_bytes sig) CM_MUST_CHECK;
enum cm_status cm_key_verify_der(const struct cm_key *key, struct cm_bytes data,
                                 struct cm_bytes sig) CM_MUST_CHECK;
// r‖s over what has been hashed already.
enum cm_status cm_key_verify_digest(const struct cm_key *key, const struct cm_digest *digest,
                                    struct cm_bytes sig) CM_MUST_CHECK;

#endif
