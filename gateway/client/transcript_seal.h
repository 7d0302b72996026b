// A file that only one person can read: written without their private key, in chunks of 64 KiB each
// sealed by AES-256-GCM under a key agreed between a fresh key of this file's and the person's own
// (ECDH P-256, HKDF-SHA256). A chunk's number and whether it is the last are in its nonce: chunks
// that are missing, moved or of another file don't open. One thread.
#ifndef CM_CLIENT_TRANSCRIPT_SEAL_H
#define CM_CLIENT_TRANSCRIPT_SEAL_H

#include "proto/base/error.h"
#include "proto/envelope/signer.h"

struct cm_seal;

// owner: SubjectPublicKeyInfo of whom the file is for. file: empty, open for writing; stays the
// caller's. Nothing that is added is on disk in the clear.
enum cm_status cm_seal_new(struct cm_seal **out, int file, struct cm_bytes owner,
                           struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_seal_add(struct cm_seal *seal, struct cm_bytes clear,
                           struct cm_error *error) CM_MUST_CHECK;
// The last chunk; after it only free. Not durable yet.
enum cm_status cm_seal_end(struct cm_seal *seal, struct cm_error *error) CM_MUST_CHECK;
// Bytes in the file, with what waits for its chunk to be full.
uint64_t cm_seal_size(const struct cm_seal *seal);
void cm_seal_free(struct cm_seal *seal);

// The whole file in the clear, at most max bytes of it; wipe it after use. CM_UNAUTHENTICATED: it
// is for another key, or not whole.
enum cm_status cm_seal_open(struct cm_buf *out, const char *path, const struct cm_signer *owner,
                            size_t max, struct cm_error *error) CM_MUST_CHECK;

#endif
