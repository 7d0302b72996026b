// RFC 6962 hashing, a small tree whole in memory, inclusion and consistency proofs
// (sections 2.1.1, 2.1.2). Pure; one thread at a time per tree. Large trees are in pages.h.
#ifndef CM_LEDGER_MERKLE_H
#define CM_LEDGER_MERKLE_H

#include "proto/base/arena.h"
#include "proto/codec/entry.h"

struct cm_merkle;

void cm_merkle_leaf(struct cm_digest *out, struct cm_bytes entry);       // SHA-256(0x00 ‖ entry)
void cm_merkle_node(struct cm_digest *out, const struct cm_digest *left, // SHA-256(0x01 ‖ L ‖ R)
                    const struct cm_digest *right);
// Root over leaf hashes; count 0 gives SHA-256("").
void cm_merkle_root_of(struct cm_digest *out, const struct cm_digest *leaves, size_t count);

// Whatever keeps a tree's hashes: gives that of the leaves [index << height, (index + 1) <<
// height). Asked only of leaves that are all below size.
struct cm_hash_source {
    enum cm_status (*hash)(struct cm_digest *out, void *context, unsigned height, uint64_t index);
    void *context;
    uint64_t size;
};
// As the functions of a tree below, and what the source answers when it can't.
enum cm_status cm_merkle_root_from(struct cm_digest *out, const struct cm_hash_source *source,
                                   uint64_t size) CM_MUST_CHECK;
enum cm_status cm_merkle_inclusion_from(struct cm_inclusion *out, struct cm_arena *arena,
                                        const struct cm_hash_source *source, uint64_t index,
                                        uint64_t size) CM_MUST_CHECK;
enum cm_status cm_merkle_consistency_from(struct cm_consistency *out, struct cm_arena *arena,
                                          const struct cm_hash_source *source, uint64_t old_size,
                                          uint64_t new_size) CM_MUST_CHECK;

enum cm_status cm_merkle_new(struct cm_merkle **out) CM_MUST_CHECK;
void cm_merkle_free(struct cm_merkle *tree);
enum cm_status cm_merkle_add(struct cm_merkle *tree, const struct cm_digest *leaf) CM_MUST_CHECK;
uint64_t cm_merkle_size(const struct cm_merkle *tree);
// Root of the first size leaves, size <= cm_merkle_size.
enum cm_status cm_merkle_root(struct cm_digest *out, const struct cm_merkle *tree,
                              uint64_t size) CM_MUST_CHECK;
// Proofs' hashes come from arena. CM_INVALID when index or sizes are out of range.
enum cm_status cm_merkle_inclusion(struct cm_inclusion *out, struct cm_arena *arena,
                                   const struct cm_merkle *tree, uint64_t index,
                                   uint64_t size) CM_MUST_CHECK;
enum cm_status cm_merkle_consistency(struct cm_consistency *out, struct cm_arena *arena,
                                     const struct cm_merkle *tree, uint64_t old_size,
                                     uint64_t new_size) CM_MUST_CHECK;

// CM_INVALID unless the proof shows leaf in the tree of proof->size with that root.
enum cm_status cm_merkle_check_inclusion(const struct cm_inclusion *proof,
                                         const struct cm_digest *leaf,
                                         const struct cm_digest *root) CM_MUST_CHECK;
// CM_INVALID unless the tree of old_size with old_root is a prefix. From size 0 only an empty proof
// holds.
enum cm_status cm_merkle_check_consistency(const struct cm_consistency *proof,
                                           const struct cm_digest *old_root,
                                           const struct cm_digest *new_root) CM_MUST_CHECK;

#endif
