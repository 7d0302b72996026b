// DSSE v1 over P-256: the pre-authentication encoding, signing, verifying with a given key.
// Who may sign what, and whose key it is: proto/trust/trust.h. Pure; any thread.
#ifndef CM_ENVELOPE_DSSE_H
#define CM_ENVELOPE_DSSE_H

#include "proto/envelope/signer.h"

// "DSSEv1" SP len(type) SP type SP len(body) SP body.
enum cm_status cm_dsse_pae(struct cm_buf *out, struct cm_bytes payload_type,
                           struct cm_bytes payload) CM_MUST_CHECK;
// An encoded Envelope with one signature. with_chain false leaves the certificates out.
enum cm_status cm_dsse_sign(struct cm_buf *out, enum cm_family family, struct cm_bytes payload,
                            const struct cm_signer *signer, bool with_chain) CM_MUST_CHECK;
// Adds a second signature to an encoded rule set.
enum cm_status cm_dsse_cosign(struct cm_buf *out, const struct cm_envelope *envelope,
                              const struct cm_signer *signer) CM_MUST_CHECK;

// A public P-256 key, owned.
struct cm_key;
// spki: DER. Anything but a named-curve P-256 key is CM_INVALID.
enum cm_status cm_key_new(struct cm_key **out, struct cm_bytes spki) CM_MUST_CHECK;
void cm_key_free(struct cm_key *key);
const struct cm_digest *cm_key_hash(const struct cm_key *key);
// CM_UNAUTHENTICATED unless sig is exactly 64 bytes of a valid r‖s with 0 < r, s < n.
enum cm_status cm_key_verify(const struct cm_key *key, struct cm_bytes data,
                             struct cm_bytes sig) CM_MUST_CHECK;
enum cm_status cm_key_verify_der(const struct cm_key *key, struct cm_bytes data,
                                 struct cm_bytes sig) CM_MUST_CHECK;
// Signature index of envelope against key (keyid compared too).
enum cm_status cm_dsse_verify(const struct cm_envelope *envelope, size_t index,
                              const struct cm_key *key) CM_MUST_CHECK;

#endif
