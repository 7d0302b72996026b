// Which P-256 key made a signature (SEC 1 section 4.1.6). A directory pins CAs by key hash alone,
// so a CRL's signer is found this way, and then verified as usual. Pure; any thread.
#ifndef CM_TRUST_RECOVER_H
#define CM_TRUST_RECOVER_H

#include "proto/envelope/key.h"

enum { CM_RECOVER_MAX = 2 };

// Returns how many candidates were written, each a SubjectPublicKeyInfo; 0 when sig is none.
size_t cm_recover(uint8_t out[CM_RECOVER_MAX][CM_SPKI_SIZE], const struct cm_digest *digest,
                  struct cm_bytes sig_der);

#endif
