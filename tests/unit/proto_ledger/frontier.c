#include "proto/ledger/frontier.h"
#include "proto/ledger/merkle.h"

#include <criterion/criterion.h>

Test(frontier, follows_the_whole_tree)
{
    struct cm_frontier frontier = {.size = 0};
    struct cm_merkle *tree;
    cr_assert_eq(cm_merkle_new(&tree), CM_OK);
    for (uint32_t i = 0; i < 600; i++) {
        struct cm_digest leaf, edge, whole;
        cm_frontier_root(&edge, &frontier);
        cr_assert_eq(cm_merkle_root(&whole, tree, i), CM_OK);
        cr_assert(cm_digest_equal(&edge, &whole), "size %u", i);
        cm_merkle_leaf(&leaf, (struct cm_bytes){(const uint8_t *)&i, sizeof i});
        cm_frontier_add(&frontier, &leaf);
        cr_assert_eq(cm_merkle_add(tree, &leaf), CM_OK);
    }
    cm_merkle_free(tree);
}
