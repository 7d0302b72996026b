#include "proto/codec/receipt.h"

#include "proto/codec/form.h"

#include "comity/v1/receipt.pb-c.h"

static void check(struct cm_form *form, int64_t saved_ms)
{
    cm_form_time(form, "saved_ms", saved_ms);
    cm_form_require(form, saved_ms > 0, "saved_ms", "is missing");
}

enum cm_status cm_receipt_seal_decode(struct cm_receipt_seal *out, struct cm_arena *arena,
                                      struct cm_bytes payload, struct cm_error *error)
{
    struct cm_form form = {.arena = arena, .error = error};
    const Comity__V1__ReceiptSeal *in = cm_form_unpack(&form, &comity__v1__receipt_seal__descriptor,
                                                       "receipt", payload, CM_MAX_RECEIPT_SEAL);

    *out = (struct cm_receipt_seal){0};
    if (!in) {
        return form.status;
    }
    cm_form_digest(&form, "content", &out->content, &in->content);
    out->saved_ms = in->saved_ms;
    check(&form, out->saved_ms);
    return form.status;
}

enum cm_status cm_receipt_seal_encode(struct cm_buf *out, const struct cm_receipt_seal *seal)
{
    struct cm_form form = {0};
    Comity__V1__ReceiptSeal message = COMITY__V1__RECEIPT_SEAL__INIT;

    check(&form, seal->saved_ms);
    message.content = cm_form_out_digest(&seal->content);
    message.saved_ms = seal->saved_ms;
    return cm_form_finish(&form, out, &message.base, CM_MAX_RECEIPT_SEAL);
}
