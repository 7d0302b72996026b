// An inclusion proof (RFC 6962, section 2.1.1) from leaves that stream by: memory of a path, not of
// the tree. One thread.
#ifndef CM_LEDGER_CLI_STREAM_PROOF_H
#define CM_LEDGER_CLI_STREAM_PROOF_H

#include "proto/base/arena.h"
#include "proto/codec/entry.h"

struct cm_stream_proof;

// Of the leaf at index in the tree of size leaves; index < size. NULL when out of memory.
struct cm_stream_proof *cm_stream_proof_new(uint64_t index, uint64_t size);
void cm_stream_proof_free(struct cm_stream_proof *proof);
// Each leaf below size, in order.
void cm_stream_proof_add(struct cm_stream_proof *proof, uint64_t index,
                         const struct cm_digest *leaf);
// After the last. Borrows from proof.
void cm_stream_proof_end(struct cm_inclusion *out, struct cm_stream_proof *proof);

#endif
