#include "proto/codec/gateway_pb.h"
#include "proto/codec/proof_pb.h"

#include <string.h>

static const unsigned epochs = 1u << CM_FAMILY_EPOCH;

void cm_form_witness(struct cm_form *form, struct cm_witness_checkpoint *out,
                     const Comity__V1__WitnessCheckpoint *in)
{
    cm_form_enter(form, "checkpoint", CM_FORM_NO_INDEX);
    cm_form_span(form, "checkpoint", &out->checkpoint, &in->checkpoint, 1, CM_MAX_CHECKPOINT);
    cm_form_consistency(form, &out->consistency, in->consistency);
    cm_form_consistency_check(form, &out->consistency);
    if (in->epoch) {
        cm_form_envelope(form, "epoch", &out->epoch, in->epoch, epochs);
    }
    cm_form_leave(form);
}

Comity__V1__WitnessCheckpoint *cm_form_out_witness(struct cm_form *form,
                                                   const struct cm_witness_checkpoint *in)
{
    Comity__V1__WitnessCheckpoint *out = cm_form_array(form, 1, sizeof *out);

    if (!out) {
        return NULL;
    }
    cm_form_enter(form, "checkpoint", CM_FORM_NO_INDEX);
    cm_form_between(form, "checkpoint", in->checkpoint.len, 1, CM_MAX_CHECKPOINT);
    cm_form_consistency_check(form, &in->consistency);
    comity__v1__witness_checkpoint__init(out);
    out->checkpoint = cm_form_out_span(in->checkpoint);
    out->consistency = cm_form_out_consistency(form, &in->consistency);
    out->epoch = cm_form_new_envelope(form, "epoch", &in->epoch, epochs);
    cm_form_leave(form);
    return out;
}

// One line: more of them would be more signatures.
static bool is_line(struct cm_bytes line)
{
    return line.len >= 1 && line.len <= CM_MAX_COSIGNATURE_LINE &&
           memchr(line.data, '\n', line.len) == line.data + line.len - 1;
}

static void check_cosignature(struct cm_form *form, const struct cm_cosignature *c)
{
    bool signed_it = c->size > 0;

    cm_form_require(form, signed_it ? is_line(c->line) : c->line.len == 0, "line",
                    "must be one line of a note where size is, and only then");
    cm_form_spans_check(form, "chain", c->chain, c->chain_count, CM_MAX_CHAIN, CM_MAX_CERTIFICATE);
    cm_form_require(form, signed_it == (c->chain_count > 0), "chain",
                    "must be there when size is, and only then");
    cm_form_between(form, "seen", c->seen.len, signed_it ? 0 : 1,
                    signed_it ? 0 : CM_MAX_CHECKPOINT);
}

void cm_form_cosignature(struct cm_form *form, struct cm_cosignature *out,
                         const Comity__V1__Cosignature *in)
{
    *out = (struct cm_cosignature){
        .size = in->size,
        .line = {in->line.data, in->line.len},
        .chain_count = in->n_chain,
        .chain = cm_form_spans(form, in->chain, in->n_chain),
        .seen = {in->seen.data, in->seen.len},
    };
    cm_form_enter(form, "cosignature", CM_FORM_NO_INDEX);
    if (cm_form_ok(form)) {
        check_cosignature(form, out);
    }
    cm_form_leave(form);
}

Comity__V1__Cosignature *cm_form_out_cosignature(struct cm_form *form,
                                                 const struct cm_cosignature *in)
{
    Comity__V1__Cosignature *out = cm_form_array(form, 1, sizeof *out);

    if (!out) {
        return NULL;
    }
    cm_form_enter(form, "cosignature", CM_FORM_NO_INDEX);
    check_cosignature(form, in);
    comity__v1__cosignature__init(out);
    out->size = in->size;
    out->line = cm_form_out_span(in->line);
    out->n_chain = in->chain_count;
    out->chain = cm_form_out_spans(form, in->chain, in->chain_count);
    out->seen = cm_form_out_span(in->seen);
    cm_form_leave(form);
    return out;
}
