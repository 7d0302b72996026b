// The right edge of a Merkle tree: all that is needed to add leaves and to know the root.
// A value of 2 KiB, zeroed to begin; one thread at a time.
#ifndef CM_LEDGER_FRONTIER_H
#define CM_LEDGER_FRONTIER_H

#include "proto/base/bytes.h"

struct cm_frontier {
    uint64_t size;
    struct cm_digest hashes[64]; // by height; valid where size has that bit
};

void cm_frontier_add(struct cm_frontier *frontier, const struct cm_digest *leaf);
// Of no leaves: SHA-256("").
void cm_frontier_root(struct cm_digest *out, const struct cm_frontier *frontier);

#endif
