#include "proto/codec/proof_pb.h"

#include <criterion/criterion.h>

Test(proof, a_missing_inclusion_is_refused_a_missing_consistency_is_zero)
{
    struct cm_error error = {0};
    struct cm_form form = {.error = &error};
    struct cm_inclusion inclusion;
    struct cm_consistency consistency = {1, 2, 0, NULL};

    cm_form_consistency(&form, &consistency, NULL);
    cr_expect(cm_form_ok(&form) && consistency.new_size == 0);
    cm_form_inclusion(&form, &inclusion, NULL);
    cr_expect_eq(form.status, CM_INVALID);
    cr_expect_str_eq(error.where, "inclusion");
}

Test(proof, more_hashes_than_a_tree_has_levels_are_refused)
{
    struct cm_form form = {0};
    struct cm_inclusion inclusion = {0, 1, CM_MAX_PROOF + 1, NULL};
    struct cm_consistency consistency = {0, 1, CM_MAX_PROOF + 1, NULL};

    cm_form_inclusion_check(&form, &inclusion);
    cr_expect_eq(form.status, CM_INVALID);
    form.status = CM_OK;
    cm_form_consistency_check(&form, &consistency);
    cr_expect_eq(form.status, CM_INVALID);
    form.status = CM_OK;
    inclusion = (struct cm_inclusion){1, 1, 0, NULL};
    cm_form_inclusion_check(&form, &inclusion);
    cr_expect_eq(form.status, CM_INVALID, "an index outside the tree");
}
