// DSSE v1 over P-256: the pre-authentication encoding, signing, verifying with a given key.
// Who may sign what, and whose key it is: proto/trust/trust.h. Pure; any thread.
#ifndef CM_ENVELOPE_DSSE_H
#define CM_ENVELOPE_DSSE_H

#include "proto/envelope/key.h"
#include "proto/envelope/signer.h"

// "DSSEv1" SP len(type) SP type SP len(body) SP body.
enum cm_status cm_dsse_pae(struct cm_buf *out, struct cm_bytes payload_type,
                           struct cm_bytes payload) CM_MUST_CHECK;
// Appends an encoded Envelope with one signature. with_chain false leaves the certificates out.
enum cm_status cm_dsse_sign(struct cm_buf *out, enum cm_family family, struct cm_bytes payload,
                            const struct cm_signer *signer, bool with_chain) CM_MUST_CHECK;
// Adds a second signature, by another key, to a decoded envelope whose family takes two (rule
// sets).
enum cm_status cm_dsse_cosign(struct cm_buf *out, const struct cm_envelope *envelope,
                              const struct cm_signer *signer) CM_MUST_CHECK;

// Signature index of envelope against key (keyid compared too).
enum cm_status cm_dsse_verify(const struct cm_envelope *envelope, size_t index,
                              const struct cm_key *key) CM_MUST_CHECK;

#endif
