// A private P-256 key with its certificate chain: what signs envelopes and checkpoints.
// Immutable after loading, shared; signing is safe on any thread.
#ifndef CM_ENVELOPE_SIGNER_H
#define CM_ENVELOPE_SIGNER_H

#include "proto/codec/envelope.h"

enum { CM_AGREED_SIZE = 32 };

struct cm_signer;

// key: PEM, encrypted or not; CM_UNAUTHENTICATED when it is and passphrase is NULL or wrong. chain:
// PEM, leaf first. Any key but P-256, or one that doesn't fit the leaf, is CM_INVALID. The secret
// is wiped on free.
enum cm_status cm_signer_load(struct cm_signer **out, const char *key_path, const char *chain_path,
                              const char *passphrase, struct cm_error *error) CM_MUST_CHECK;
struct cm_signer *cm_signer_ref(struct cm_signer *signer);
void cm_signer_unref(struct cm_signer *signer);

const struct cm_digest *cm_signer_key_hash(const struct cm_signer *signer); // SHA-256(SPKI)
// URI SAN of the leaf; "" when it has none.
const char *cm_signer_spiffe(const struct cm_signer *signer);
// Leaf's SubjectPublicKeyInfo, DER. Borrowed.
struct cm_bytes cm_signer_spki(const struct cm_signer *signer);

// Its certificates, DER, leaf first. Borrowed.
const struct cm_bytes *cm_signer_chain(const struct cm_signer *signer, size_t *count);

// ECDSA P-256 with SHA-256 over data, raw r‖s.
enum cm_status cm_signer_raw(uint8_t sig[CM_SIGNATURE_SIZE], const struct cm_signer *signer,
                             struct cm_bytes data) CM_MUST_CHECK;
// The same over what has been hashed already.
enum cm_status cm_signer_digest(uint8_t sig[CM_SIGNATURE_SIZE], const struct cm_signer *signer,
                                const struct cm_digest *digest) CM_MUST_CHECK;
// The same, DER (signed notes). At most 72 bytes.
enum cm_status cm_signer_der(struct cm_buf *sig, const struct cm_signer *signer,
                             struct cm_bytes data) CM_MUST_CHECK;

// The secret that this key and the key of a SubjectPublicKeyInfo have in common (ECDH P-256, the x
// coordinate: NIST SP 800-56A 5.7.1.2). CM_INVALID unless spki is P-256. To be wiped after use.
enum cm_status cm_signer_agree(uint8_t out[CM_AGREED_SIZE], const struct cm_signer *signer,
                               struct cm_bytes spki) CM_MUST_CHECK;

#endif
