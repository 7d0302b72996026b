#include "proto/ledger/merkle.h"

#include "proto/ledger/frontier.h"

#include <stdlib.h>
#include <string.h>

enum { LEVELS = 64, MAX_PROOF = 64 };

// All complete subtrees of one height: hashes[i] covers leaves [i << height, (i + 1) << height).
struct level {
    struct cm_digest *hashes;
    size_t cap;
};

struct cm_merkle {
    uint64_t size;
    struct level levels[LEVELS];
};

void cm_merkle_leaf(struct cm_digest *out, struct cm_bytes entry)
{
    const uint8_t prefix = 0x00;
    const struct cm_bytes parts[] = {{&prefix, 1}, entry};
    cm_sha256(out, parts, 2);
}

void cm_merkle_node(struct cm_digest *out, const struct cm_digest *left,
                    const struct cm_digest *right)
{
    uint8_t block[1 + 2 * CM_DIGEST_SIZE];
    block[0] = 0x01;
    memcpy(block + 1, left->b, CM_DIGEST_SIZE);
    memcpy(block + 1 + CM_DIGEST_SIZE, right->b, CM_DIGEST_SIZE);
    cm_sha256_of(out, (struct cm_bytes){block, sizeof block});
}

void cm_merkle_root_of(struct cm_digest *out, const struct cm_digest *leaves, size_t count)
{
    struct cm_frontier frontier = {.size = 0};
    for (size_t i = 0; i < count; i++) {
        cm_frontier_add(&frontier, &leaves[i]);
    }
    cm_frontier_root(out, &frontier);
}

enum cm_status cm_merkle_new(struct cm_merkle **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? CM_OK : CM_MEMORY;
}

void cm_merkle_free(struct cm_merkle *tree)
{
    if (!tree) {
        return;
    }
    for (unsigned height = 0; height < LEVELS; height++) {
        free(tree->levels[height].hashes);
    }
    free(tree);
}

static enum cm_status level_reserve(struct level *level, uint64_t count)
{
    if (count <= level->cap) {
        return CM_OK;
    }
    size_t cap = level->cap ? level->cap + level->cap / 2 : 4;
    if (count > cap || cap > SIZE_MAX / sizeof *level->hashes) {
        return CM_MEMORY;
    }
    struct cm_digest *hashes = realloc(level->hashes, cap * sizeof *hashes);
    if (!hashes) {
        return CM_MEMORY;
    }
    level->hashes = hashes;
    level->cap = cap;
    return CM_OK;
}

enum cm_status cm_merkle_add(struct cm_merkle *tree, const struct cm_digest *leaf)
{
    const uint64_t size = tree->size + 1;
    unsigned top = 0;
    // Room at every height that this leaf completes, before anything changes.
    for (;; top++) {
        enum cm_status status = level_reserve(&tree->levels[top], size >> top);
        if (status) {
            return status;
        }
        if (size >> top & 1) {
            break;
        }
    }
    struct cm_digest hash = *leaf;
    for (unsigned height = 0;; height++) {
        struct cm_digest *hashes = tree->levels[height].hashes;
        const uint64_t place = (size >> height) - 1;
        hashes[place] = hash;
        if (height == top) {
            break;
        }
        cm_merkle_node(&hash, &hashes[place - 1], &hash);
    }
    tree->size = size;
    return CM_OK;
}

uint64_t cm_merkle_size(const struct cm_merkle *tree)
{
    return tree->size;
}

// MTH of leaves [begin, end), where begin is a multiple of a power of two >= end - begin.
static enum cm_status range_hash(struct cm_digest *out, const struct cm_hash_source *source,
                                 uint64_t begin, uint64_t end)
{
    const uint64_t count = end - begin;
    bool started = false;
    for (unsigned height = 0; height < LEVELS && count >> height; height++) {
        if (!(count >> height & 1)) {
            continue;
        }
        // In units of this height, the lower bits of count lie to the right.
        const uint64_t place = (begin >> height) + (count >> height) - 1;
        struct cm_digest whole;
        const enum cm_status status = source->hash(&whole, source->context, height, place);
        if (status) {
            return status;
        }
        if (started) {
            cm_merkle_node(out, &whole, out);
        } else {
            *out = whole;
        }
        started = true;
    }
    return CM_OK;
}

enum cm_status cm_merkle_root_from(struct cm_digest *out, const struct cm_hash_source *source,
                                   uint64_t size)
{
    if (size > source->size) {
        return CM_INVALID;
    }
    if (size == 0) {
        cm_sha256_of(out, CM_BYTES_NONE);
        return CM_OK;
    }
    return range_hash(out, source, 0, size);
}

// The largest power of two below count, count >= 2.
static uint64_t split_of(uint64_t count)
{
    uint64_t split = 1;
    while (split < count - split) {
        split <<= 1;
    }
    return split;
}

// Narrows [begin, end) to the half with that leaf, and gives the other half's hash.
static enum cm_status step_down(struct cm_digest *other, const struct cm_hash_source *source,
                                uint64_t *begin, uint64_t *end, uint64_t leaf)
{
    const uint64_t middle = *begin + split_of(*end - *begin);
    enum cm_status status;
    if (leaf < middle) {
        status = range_hash(other, source, middle, *end);
        *end = middle;
    } else {
        status = range_hash(other, source, *begin, middle);
        *begin = middle;
    }
    return status;
}

// A proof in arena from hashes gathered top down.
static enum cm_status turn(const struct cm_digest **out, struct cm_arena *arena,
                           const struct cm_digest *gathered, size_t count)
{
    struct cm_digest *hashes = cm_arena_array(arena, count, sizeof *hashes);
    if (!hashes) {
        return CM_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        hashes[i] = gathered[count - 1 - i];
    }
    *out = hashes;
    return CM_OK;
}

enum cm_status cm_merkle_inclusion_from(struct cm_inclusion *out, struct cm_arena *arena,
                                        const struct cm_hash_source *source, uint64_t index,
                                        uint64_t size)
{
    if (size > source->size || index >= size) {
        return CM_INVALID;
    }
    struct cm_digest gathered[MAX_PROOF];
    size_t count = 0;
    uint64_t begin = 0;
    uint64_t end = size;
    while (end - begin > 1) {
        const enum cm_status status = step_down(&gathered[count++], source, &begin, &end, index);
        if (status) {
            return status;
        }
    }
    *out = (struct cm_inclusion){.index = index, .size = size, .count = count};
    return turn(&out->hashes, arena, gathered, count);
}

enum cm_status cm_merkle_consistency_from(struct cm_consistency *out, struct cm_arena *arena,
                                          const struct cm_hash_source *source, uint64_t old_size,
                                          uint64_t new_size)
{
    if (new_size > source->size || old_size > new_size) {
        return CM_INVALID;
    }
    struct cm_digest gathered[MAX_PROOF + 1];
    size_t count = 0;
    uint64_t begin = 0;
    uint64_t end = new_size;
    // SUBPROOF of RFC 6962 section 2.1.2: down to the subtree that ends where the old tree did.
    while (old_size != 0 && old_size != end) {
        const enum cm_status status =
            step_down(&gathered[count++], source, &begin, &end, old_size - 1);
        if (status) {
            return status;
        }
    }
    if (begin != 0) {
        const enum cm_status status = range_hash(&gathered[count++], source, begin, end);
        if (status) {
            return status;
        }
    }
    *out = (struct cm_consistency){.old_size = old_size, .new_size = new_size, .count = count};
    return turn(&out->hashes, arena, gathered, count);
}

static enum cm_status give(struct cm_digest *out, void *context, unsigned height, uint64_t index)
{
    const struct cm_merkle *tree = context;
    *out = tree->levels[height].hashes[index];
    return CM_OK;
}

static struct cm_hash_source source_of(const struct cm_merkle *tree)
{
    return (struct cm_hash_source){.hash = give, .context = (void *)tree, .size = tree->size};
}

enum cm_status cm_merkle_root(struct cm_digest *out, const struct cm_merkle *tree, uint64_t size)
{
    const struct cm_hash_source source = source_of(tree);
    return cm_merkle_root_from(out, &source, size);
}

enum cm_status cm_merkle_inclusion(struct cm_inclusion *out, struct cm_arena *arena,
                                   const struct cm_merkle *tree, uint64_t index, uint64_t size)
{
    const struct cm_hash_source source = source_of(tree);
    return cm_merkle_inclusion_from(out, arena, &source, index, size);
}

enum cm_status cm_merkle_consistency(struct cm_consistency *out, struct cm_arena *arena,
                                     const struct cm_merkle *tree, uint64_t old_size,
                                     uint64_t new_size)
{
    const struct cm_hash_source source = source_of(tree);
    return cm_merkle_consistency_from(out, arena, &source, old_size, new_size);
}

// One step up a path: first and second are a node's place and the last node's at this height.
static void ascend(uint64_t *first, uint64_t *second)
{
    *first >>= 1;
    *second >>= 1;
}

enum cm_status cm_merkle_check_inclusion(const struct cm_inclusion *proof,
                                         const struct cm_digest *leaf, const struct cm_digest *root)
{
    if (proof->index >= proof->size) {
        return CM_INVALID;
    }
    // RFC 9162 section 2.1.3.2.
    uint64_t first = proof->index;
    uint64_t second = proof->size - 1;
    struct cm_digest hash = *leaf;
    for (size_t i = 0; i < proof->count; i++) {
        if (second == 0) {
            return CM_INVALID;
        }
        if (first & 1 || first == second) {
            cm_merkle_node(&hash, &proof->hashes[i], &hash);
            while (first != 0 && !(first & 1)) {
                ascend(&first, &second);
            }
        } else {
            cm_merkle_node(&hash, &hash, &proof->hashes[i]);
        }
        ascend(&first, &second);
    }
    return second == 0 && cm_digest_equal(&hash, root) ? CM_OK : CM_INVALID;
}

static enum cm_status check_grown(const struct cm_consistency *proof,
                                  const struct cm_digest *old_root,
                                  const struct cm_digest *new_root)
{
    // RFC 9162 section 2.1.4.2; an old size that is a power of two is its own first node.
    const bool whole = (proof->old_size & (proof->old_size - 1)) == 0;
    if (proof->count == 0) {
        return CM_INVALID;
    }
    uint64_t first = proof->old_size - 1;
    uint64_t second = proof->new_size - 1;
    while (first & 1) {
        ascend(&first, &second);
    }
    struct cm_digest old_hash = whole ? *old_root : proof->hashes[0];
    struct cm_digest new_hash = old_hash;
    for (size_t i = whole ? 0 : 1; i < proof->count; i++) {
        const struct cm_digest *next = &proof->hashes[i];
        if (second == 0) {
            return CM_INVALID;
        }
        if (first & 1 || first == second) {
            cm_merkle_node(&old_hash, next, &old_hash);
            cm_merkle_node(&new_hash, next, &new_hash);
            while (first != 0 && !(first & 1)) {
                ascend(&first, &second);
            }
        } else {
            cm_merkle_node(&new_hash, &new_hash, next);
        }
        ascend(&first, &second);
    }
    return second == 0 && cm_digest_equal(&old_hash, old_root) &&
                   cm_digest_equal(&new_hash, new_root)
               ? CM_OK
               : CM_INVALID;
}

enum cm_status cm_merkle_check_consistency(const struct cm_consistency *proof,
                                           const struct cm_digest *old_root,
                                           const struct cm_digest *new_root)
{
    if (proof->old_size > proof->new_size) {
        return CM_INVALID;
    }
    struct cm_digest empty;
    cm_sha256_of(&empty, CM_BYTES_NONE);
    if (proof->old_size == 0 && !cm_digest_equal(old_root, &empty)) {
        return CM_INVALID;
    }
    if (proof->old_size == proof->new_size) {
        return proof->count == 0 && cm_digest_equal(old_root, new_root) ? CM_OK : CM_INVALID;
    }
    if (proof->old_size == 0) {
        return proof->count == 0 ? CM_OK : CM_INVALID;
    }
    return check_grown(proof, old_root, new_root);
}
