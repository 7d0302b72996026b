#include "proto/ledger/frontier.h"

#include "proto/ledger/merkle.h"

void cm_frontier_add(struct cm_frontier *frontier, const struct cm_digest *leaf)
{
    struct cm_digest hash = *leaf;
    unsigned height = 0;
    for (uint64_t rest = frontier->size; rest & 1; rest >>= 1, height++) {
        cm_merkle_node(&hash, &frontier->hashes[height], &hash);
    }
    frontier->hashes[height] = hash;
    frontier->size++;
}

void cm_frontier_root(struct cm_digest *out, const struct cm_frontier *frontier)
{
    if (frontier->size == 0) {
        cm_sha256_of(out, CM_BYTES_NONE);
        return;
    }
    bool started = false;
    for (unsigned height = 0; height < 64; height++) {
        if (!(frontier->size >> height & 1)) {
            continue;
        }
        if (started) {
            cm_merkle_node(out, &frontier->hashes[height], out);
        } else {
            *out = frontier->hashes[height];
        }
        started = true;
    }
}
