#include "proto/ledger/cli/stream_proof.h"

#include "proto/ledger/merkle.h"

#include <criterion/criterion.h>

enum { LARGEST = 67 };

static struct cm_digest leaf_of(uint64_t index)
{
    struct cm_digest leaf;
    const uint8_t byte = (uint8_t)index;
    cm_merkle_leaf(&leaf, (struct cm_bytes){&byte, 1});
    return leaf;
}

Test(stream_proof, proves_each_leaf_of_each_tree)
{
    struct cm_digest leaves[LARGEST], root;
    for (uint64_t i = 0; i < LARGEST; i++) {
        leaves[i] = leaf_of(i);
    }
    for (uint64_t size = 1; size <= LARGEST; size++) {
        cm_merkle_root_of(&root, leaves, size);
        for (uint64_t index = 0; index < size; index++) {
            struct cm_inclusion proof;
            struct cm_stream_proof *stream = cm_stream_proof_new(index, size);
            for (uint64_t i = 0; i < size; i++) {
                cm_stream_proof_add(stream, i, &leaves[i]);
            }
            cm_stream_proof_end(&proof, stream);
            cr_expect_eq(cm_merkle_check_inclusion(&proof, &leaves[index], &root), CM_OK,
                         "leaf %d of %d", (int)index, (int)size);
            cm_stream_proof_free(stream);
        }
    }
}

Test(stream_proof, another_leaf_is_not_proved)
{
    struct cm_digest leaves[5], root;
    struct cm_inclusion proof;
    struct cm_stream_proof *stream = cm_stream_proof_new(2, 5);
    for (uint64_t i = 0; i < 5; i++) {
        leaves[i] = leaf_of(i);
        cm_stream_proof_add(stream, i, &leaves[i]);
    }
    cm_merkle_root_of(&root, leaves, 5);
    cm_stream_proof_end(&proof, stream);
    cr_expect_eq(cm_merkle_check_inclusion(&proof, &leaves[3], &root), CM_INVALID);
    cm_stream_proof_free(stream);
}
