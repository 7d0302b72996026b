#include "support.h"

#include <criterion/criterion.h>
#include <string.h>

static enum cm_status again(struct cm_buf *out, struct cm_arena *arena, struct cm_bytes in,
                            struct cm_error *error)
{
    struct cm_decision_leaf leaf;
    enum cm_status status = cm_decision_leaf_decode(&leaf, arena, in, error);

    return status == CM_OK ? cm_decision_leaf_encode(out, &leaf) : status;
}

Test(commitment, golden)
{
    struct cm_query query = codec_query();
    struct cm_buf golden = codec_golden("commitment");
    struct cm_digest commitment;

    cm_commitment(&commitment, query.blind, "plate", "8ABC123");
    cr_expect(cm_bytes_equal(cm_bytes_digest(&commitment), cm_buf_bytes(&golden)));
    cm_buf_clear(&golden);
}

Test(commitment, each_of_a_query_has_its_label_and_value)
{
    struct cm_query query = codec_query();
    struct cm_commitments all;
    struct cm_digest one;

    cm_commitments_of(&all, &query, "ca.northport.pd");
    cm_commitment(&one, query.blind, "requester", query.signer);
    cr_expect(cm_digest_equal(&one, &all.requester));
    cm_commitment(&one, query.blind, "agency", "ca.northport.pd");
    cr_expect(cm_digest_equal(&one, &all.agency));
    cm_commitment(&one, query.blind, "plate", query.plate.plate);
    cr_expect(cm_digest_equal(&one, &all.plate));
    cm_commitment(&one, query.blind, "purpose", query.purpose);
    cr_expect(cm_digest_equal(&one, &all.purpose));
    cm_commitment(&one, query.blind, "case", query.case_number);
    cr_expect(cm_digest_equal(&one, &all.case_number));
    cm_commitment(&one, query.blind, "reason", query.reason);
    cr_expect(cm_digest_equal(&one, &all.reason));
}

// Without the blind the same value can't be recognised.
Test(commitment, another_blind_gives_another_commitment)
{
    struct cm_query query = codec_query();
    struct cm_digest a;
    struct cm_digest b;

    cm_commitment(&a, query.blind, "plate", "8ABC123");
    query.blind[31] ^= 1;
    cm_commitment(&b, query.blind, "plate", "8ABC123");
    cr_expect_not(cm_digest_equal(&a, &b));
}

Test(commitment, decision_leaf_golden)
{
    struct cm_decision_leaf leaf = {
        .agency = "ca.milltown.pd",
        .permitted = true,
        .rules_sequence = 12,
        .rules_digest = codec_digest(5),
    };
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_decision_leaf got;
    struct cm_buf bytes = {0};

    codec_fill(leaf.salt, sizeof leaf.salt, 0xe0);
    cr_assert_eq(cm_decision_leaf_encode(&bytes, &leaf), CM_OK);
    codec_expect("decision_leaf", cm_buf_bytes(&bytes), again);
    cr_assert_eq(cm_decision_leaf_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_expect_arr_eq(got.salt, leaf.salt, sizeof leaf.salt);
    cr_expect_str_eq(got.agency, leaf.agency);
    cr_expect(got.permitted);
    cr_expect_eq(got.rules_sequence, 12);
    cr_expect(cm_digest_equal(&got.rules_digest, &leaf.rules_digest));
    leaf.agency = "";
    cr_expect_eq(cm_decision_leaf_encode(&bytes, &leaf), CM_INVALID);
    cm_buf_clear(&bytes);
    cm_arena_free(arena);
}
