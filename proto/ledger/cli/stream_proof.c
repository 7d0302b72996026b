#include "proto/ledger/cli/stream_proof.h"

#include "proto/ledger/frontier.h"

#include <stdlib.h>

// A subtree beside the path: leaves [from, to).
struct beside {
    uint64_t from, to;
    struct cm_frontier frontier;
};

struct cm_stream_proof {
    uint64_t index, size;
    size_t count;
    struct beside list[CM_MAX_PROOF]; // from the root down
    struct cm_digest hashes[CM_MAX_PROOF];
};

// The largest power of two below n, n > 1.
static uint64_t split_of(uint64_t n)
{
    uint64_t k = 1;
    while (k < n - k) {
        k *= 2;
    }
    return k;
}

struct cm_stream_proof *cm_stream_proof_new(uint64_t index, uint64_t size)
{
    struct cm_stream_proof *proof = calloc(1, sizeof *proof);
    uint64_t from = 0;
    uint64_t to = size;
    if (!proof) {
        return NULL;
    }
    proof->index = index;
    proof->size = size;
    while (to - from > 1 && proof->count < CM_MAX_PROOF) {
        const uint64_t middle = from + split_of(to - from);
        struct beside *beside = &proof->list[proof->count++];
        if (index < middle) {
            beside->from = middle;
            beside->to = to;
            to = middle;
        } else {
            beside->from = from;
            beside->to = middle;
            from = middle;
        }
    }
    return proof;
}

void cm_stream_proof_free(struct cm_stream_proof *proof)
{
    free(proof);
}

void cm_stream_proof_add(struct cm_stream_proof *proof, uint64_t index,
                         const struct cm_digest *leaf)
{
    for (size_t i = 0; i < proof->count; i++) {
        struct beside *beside = &proof->list[i];
        if (index >= beside->from && index < beside->to) {
            cm_frontier_add(&beside->frontier, leaf);
            return;
        }
    }
}

void cm_stream_proof_end(struct cm_inclusion *out, struct cm_stream_proof *proof)
{
    for (size_t i = 0; i < proof->count; i++) {
        cm_frontier_root(&proof->hashes[proof->count - 1 - i], &proof->list[i].frontier);
    }
    *out = (struct cm_inclusion){
        .index = proof->index, .size = proof->size, .count = proof->count, .hashes = proof->hashes};
}
