// Agreeing on a secret with the holder of a P-256 key who is not there: ECDH with a fresh key (NIST
// SP 800-56A 6.2.2, C(1e,1s)). The holder's side: signer.h. Pure; any thread.
#ifndef CM_ENVELOPE_AGREE_H
#define CM_ENVELOPE_AGREE_H

#include "proto/envelope/key.h"
#include "proto/envelope/signer.h"

#include <openssl/evp.h>

// The x coordinate that own (P-256, private) and theirs, a SubjectPublicKeyInfo, come to.
// CM_INVALID unless theirs is P-256. out is to be wiped after use.
enum cm_status cm_agree(uint8_t out[CM_AGREED_SIZE], EVP_PKEY *own,
                        struct cm_bytes theirs) CM_MUST_CHECK;
// The same with a key made for this alone; fresh: the SubjectPublicKeyInfo of the key that was
// made; its private half is gone.
enum cm_status cm_agree_fresh(uint8_t out[CM_AGREED_SIZE], uint8_t fresh[CM_SPKI_SIZE],
                              struct cm_bytes theirs) CM_MUST_CHECK;

#endif
