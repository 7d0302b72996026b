#include "proto/codec/proof_pb.h"

void cm_form_inclusion_check(struct cm_form *form, const struct cm_inclusion *in)
{
    cm_form_enter(form, "inclusion", CM_FORM_NO_INDEX);
    cm_form_require(form, in->index < in->size, "index", "is not inside the tree");
    cm_form_between(form, "hashes", in->count, 0, CM_MAX_PROOF);
    cm_form_leave(form);
}

void cm_form_inclusion(struct cm_form *form, struct cm_inclusion *out,
                       const Comity__V1__InclusionProof *in)
{
    if (!in) {
        cm_form_fail(form, CM_INVALID, "inclusion", "is missing");
        return;
    }
    cm_form_enter(form, "inclusion", CM_FORM_NO_INDEX);
    *out = (struct cm_inclusion){
        .index = in->index,
        .size = in->size,
        .count = in->n_hashes,
        .hashes = cm_form_digests(form, "hashes", in->hashes, in->n_hashes, CM_MAX_PROOF),
    };
    cm_form_leave(form);
}

Comity__V1__InclusionProof *cm_form_out_inclusion(struct cm_form *form,
                                                  const struct cm_inclusion *in)
{
    Comity__V1__InclusionProof *out = cm_form_array(form, 1, sizeof *out);

    if (!out) {
        return NULL;
    }
    comity__v1__inclusion_proof__init(out);
    out->index = in->index;
    out->size = in->size;
    out->n_hashes = in->count;
    out->hashes = cm_form_out_digests(form, in->hashes, in->count);
    return out;
}

void cm_form_consistency_check(struct cm_form *form, const struct cm_consistency *in)
{
    cm_form_enter(form, "consistency", CM_FORM_NO_INDEX);
    cm_form_require(form, in->old_size <= in->new_size, "old_size", "is more than new_size");
    cm_form_require(form, in->new_size > 0 || in->count == 0, "new_size", "is missing");
    cm_form_between(form, "hashes", in->count, 0, CM_MAX_PROOF);
    cm_form_leave(form);
}

void cm_form_consistency(struct cm_form *form, struct cm_consistency *out,
                         const Comity__V1__ConsistencyProof *in)
{
    *out = (struct cm_consistency){0};
    if (!in) {
        return;
    }
    cm_form_enter(form, "consistency", CM_FORM_NO_INDEX);
    cm_form_require(form, in->new_size > 0, "new_size", "is zero, leave the proof out");
    *out = (struct cm_consistency){
        .old_size = in->old_size,
        .new_size = in->new_size,
        .count = in->n_hashes,
        .hashes = cm_form_digests(form, "hashes", in->hashes, in->n_hashes, CM_MAX_PROOF),
    };
    cm_form_leave(form);
}

Comity__V1__ConsistencyProof *cm_form_out_consistency(struct cm_form *form,
                                                      const struct cm_consistency *in)
{
    Comity__V1__ConsistencyProof *out;

    if (in->new_size == 0) {
        return NULL;
    }
    out = cm_form_array(form, 1, sizeof *out);
    if (!out) {
        return NULL;
    }
    comity__v1__consistency_proof__init(out);
    out->old_size = in->old_size;
    out->new_size = in->new_size;
    out->n_hashes = in->count;
    out->hashes = cm_form_out_digests(form, in->hashes, in->count);
    return out;
}
