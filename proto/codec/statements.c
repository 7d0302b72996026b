#include "proto/codec/access.h"
#include "proto/codec/form.h"

#include "comity/v1/access.pb-c.h"

enum { MAX_COMMAND = 64 };

static void check_audit(struct cm_form *form, const struct cm_audit_request *r)
{
    cm_form_text(form, "origin", r->origin, 1, CM_MAX_ORIGIN);
    cm_form_text(form, "command", r->command, 1, MAX_COMMAND);
    cm_form_text(form, "arguments", r->arguments, 0, CM_MAX_ACCESS_TEXT);
    cm_form_time(form, "signed_ms", r->signed_ms);
}

enum cm_status cm_audit_request_decode(struct cm_audit_request *out, struct cm_arena *arena,
                                       struct cm_bytes payload, struct cm_error *error)
{
    struct cm_form form = {.arena = arena, .error = error};
    const Comity__V1__AuditRequest *in = cm_form_unpack(
        &form, &comity__v1__audit_request__descriptor, "audit", payload, CM_MAX_AUDIT_REQUEST);

    *out = (struct cm_audit_request){.origin = "", .command = "", .arguments = ""};
    if (!in) {
        return form.status;
    }
    cm_form_bytes(&form, "challenge", out->challenge, sizeof out->challenge, &in->challenge);
    out->origin = in->origin;
    out->command = in->command;
    out->arguments = in->arguments;
    out->signed_ms = in->signed_ms;
    check_audit(&form, out);
    return form.status;
}

enum cm_status cm_audit_request_encode(struct cm_buf *out, const struct cm_audit_request *request)
{
    struct cm_form form = {0};
    Comity__V1__AuditRequest message = COMITY__V1__AUDIT_REQUEST__INIT;

    check_audit(&form, request);
    message.challenge = cm_form_out(request->challenge, sizeof request->challenge);
    message.origin = cm_form_out_text(request->origin);
    message.command = cm_form_out_text(request->command);
    message.arguments = cm_form_out_text(request->arguments);
    message.signed_ms = request->signed_ms;
    return cm_form_finish(&form, out, &message.base, CM_MAX_AUDIT_REQUEST);
}

static void check_epoch(struct cm_form *form, const struct cm_epoch_statement *s)
{
    cm_form_text(form, "origin", s->origin, 1, CM_MAX_ORIGIN);
    cm_form_between(form, "epoch", s->epoch, 2, INT64_MAX);
    cm_form_require(form, (s->restored_size == 0) == cm_digest_is_zero(&s->restored_root),
                    "restored_root", "must be there when restored_size is, and only then");
    cm_form_between(form, "cosigned", s->cosigned.len, 0, CM_MAX_CHECKPOINT);
    cm_form_time(form, "signed_ms", s->signed_ms);
    cm_form_text(form, "why", s->why, 1, CM_MAX_REASON);
}

enum cm_status cm_epoch_statement_decode(struct cm_epoch_statement *out, struct cm_arena *arena,
                                         struct cm_bytes payload, struct cm_error *error)
{
    struct cm_form form = {.arena = arena, .error = error};
    const Comity__V1__EpochStatement *in = cm_form_unpack(
        &form, &comity__v1__epoch_statement__descriptor, "epoch", payload, CM_MAX_EPOCH_STATEMENT);

    *out = (struct cm_epoch_statement){.origin = "", .why = ""};
    if (!in) {
        return form.status;
    }
    out->origin = in->origin;
    out->epoch = in->epoch;
    out->restored_size = in->restored_size;
    cm_form_digest_or_none(&form, "restored_root", &out->restored_root, &in->restored_root);
    out->cosigned = (struct cm_bytes){in->cosigned.data, in->cosigned.len};
    out->signed_ms = in->signed_ms;
    out->why = in->why;
    check_epoch(&form, out);
    return form.status;
}

enum cm_status cm_epoch_statement_encode(struct cm_buf *out,
                                         const struct cm_epoch_statement *statement)
{
    struct cm_form form = {0};
    Comity__V1__EpochStatement message = COMITY__V1__EPOCH_STATEMENT__INIT;

    check_epoch(&form, statement);
    message.origin = cm_form_out_text(statement->origin);
    message.epoch = statement->epoch;
    message.restored_size = statement->restored_size;
    message.restored_root = cm_form_out_digest_or_none(&statement->restored_root);
    message.cosigned = cm_form_out_span(statement->cosigned);
    message.signed_ms = statement->signed_ms;
    message.why = cm_form_out_text(statement->why);
    return cm_form_finish(&form, out, &message.base, CM_MAX_EPOCH_STATEMENT);
}
