#include "proto/codec/gateway_pb.h"
#include "proto/codec/proof_pb.h"

static const unsigned queries = 1u << CM_FAMILY_QUERY;
static const unsigned manifests = 1u << CM_FAMILY_MANIFEST;

static void check_copy(struct cm_form *form, const struct cm_copy *c)
{
    cm_form_require(form, c->record.entry.len > 0, "record", "is missing");
    cm_form_spans_check(form, "leaves", c->leaves, c->leaf_count, CM_MAX_DIRECTORY_AGENCIES,
                        CM_MAX_LEAF);
}

void cm_form_copy(struct cm_form *form, struct cm_copy *out, const Comity__V1__Copy *in)
{
    cm_form_enter(form, "copy", CM_FORM_NO_INDEX);
    out->number = in->number;
    cm_form_envelope(form, "query", &out->query, in->query, queries);
    cm_form_record(form, "record", &out->record, in->record);
    out->leaf_count = in->n_leaves;
    out->leaves = cm_form_spans(form, in->leaves, in->n_leaves);
    cm_form_envelope(form, "manifest", &out->manifest, in->manifest, manifests);
    if (cm_form_ok(form)) {
        check_copy(form, out);
    }
    cm_form_leave(form);
}

Comity__V1__Copy *cm_form_out_copy(struct cm_form *form, const struct cm_copy *in)
{
    Comity__V1__Copy *out;

    cm_form_enter(form, "copy", CM_FORM_NO_INDEX);
    check_copy(form, in);
    cm_form_envelope_check(form, "query", &in->query, queries);
    cm_form_envelope_check(form, "manifest", &in->manifest, manifests);
    out = cm_form_array(form, 1, sizeof *out);
    if (out) {
        comity__v1__copy__init(out);
        out->number = in->number;
        out->query = cm_form_new_envelope(form, "query", &in->query, queries);
        out->record = cm_form_out_record(form, "record", &in->record);
        out->n_leaves = in->leaf_count;
        out->leaves = cm_form_out_spans(form, in->leaves, in->leaf_count);
        out->manifest = cm_form_new_envelope(form, "manifest", &in->manifest, manifests);
    }
    cm_form_leave(form);
    return out;
}
