#include "proto/codec/proof_pb.h"

enum { SCRATCH = 16 * 1024 };

void cm_form_record_check(struct cm_form *form, const char *field, const struct cm_record *in)
{
    cm_form_enter(form, field, CM_FORM_NO_INDEX);
    cm_form_between(form, "entry", in->entry.len, 1, CM_MAX_ENTRY);
    cm_form_between(form, "checkpoint", in->checkpoint.len, 1, CM_MAX_CHECKPOINT);
    cm_form_inclusion_check(form, &in->inclusion);
    cm_form_leave(form);
}

void cm_form_record(struct cm_form *form, const char *field, struct cm_record *out,
                    const Comity__V1__Record *in)
{
    *out = (struct cm_record){0};
    if (!in) {
        return;
    }
    out->entry = (struct cm_bytes){in->entry.data, in->entry.len};
    out->checkpoint = (struct cm_bytes){in->checkpoint.data, in->checkpoint.len};
    cm_form_enter(form, field, CM_FORM_NO_INDEX);
    cm_form_inclusion(form, &out->inclusion, in->inclusion);
    cm_form_leave(form);
    cm_form_record_check(form, field, out);
}

Comity__V1__Record *cm_form_out_record(struct cm_form *form, const char *field,
                                       const struct cm_record *in)
{
    Comity__V1__Record *out;

    if (in->entry.len == 0) {
        return NULL;
    }
    cm_form_record_check(form, field, in);
    out = cm_form_array(form, 1, sizeof *out);
    if (!out) {
        return NULL;
    }
    comity__v1__record__init(out);
    out->entry = cm_form_out_span(in->entry);
    out->checkpoint = cm_form_out_span(in->checkpoint);
    out->inclusion = cm_form_out_inclusion(form, &in->inclusion);
    return out;
}

enum cm_status cm_record_decode(struct cm_record *out, struct cm_arena *arena,
                                struct cm_bytes bytes, struct cm_error *error)
{
    struct cm_form form = {.arena = arena, .error = error};
    const Comity__V1__Record *in =
        cm_form_unpack(&form, &comity__v1__record__descriptor, "record", bytes, CM_MAX_RECORD);

    cm_form_record(&form, "record", out, in);
    return form.status;
}

enum cm_status cm_record_encode(struct cm_buf *out, const struct cm_record *record)
{
    struct cm_form form = {.arena = cm_arena_new(SCRATCH)};
    const Comity__V1__Record *message;

    if (!form.arena) {
        return CM_MEMORY;
    }
    cm_form_require(&form, record->entry.len > 0, "entry", "is missing");
    message = cm_form_out_record(&form, "record", record);
    return cm_form_finish(&form, out, message ? &message->base : NULL, CM_MAX_RECORD);
}

enum cm_status cm_record_digest(struct cm_digest *out, const struct cm_record *record)
{
    struct cm_buf bytes = {0};
    struct cm_bytes whole;
    enum cm_status status = cm_record_encode(&bytes, record);

    if (status == CM_OK) {
        whole = cm_buf_bytes(&bytes);
        cm_sha256(out, &whole, 1);
    }
    cm_buf_clear(&bytes);
    return status;
}
