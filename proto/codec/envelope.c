#include "proto/codec/envelope_pb.h"

#include <string.h>

static const unsigned any_family = (1u << CM_FAMILY_COUNT) - 2;

static void take_signature(struct cm_form *form, struct cm_signature *out,
                           const Comity__V1__Signature *in)
{
    cm_form_digest(form, "keyid", &out->keyid, &in->keyid);
    cm_form_bytes(form, "sig", out->sig, sizeof out->sig, &in->sig);
    if (in->n_chain > CM_MAX_CHAIN) {
        cm_form_fail(form, CM_INVALID, "chain", "has %zu certificates, at most %d", in->n_chain,
                     CM_MAX_CHAIN);
        return;
    }
    out->chain_count = in->n_chain;
    for (size_t i = 0; i < in->n_chain; i++) {
        cm_form_enter(form, "chain", i);
        cm_form_span(form, "", &out->chain[i], &in->chain[i], 1, CM_MAX_CERTIFICATE);
        cm_form_leave(form);
    }
}

static void check_sizes(struct cm_form *form, const struct cm_envelope *in,
                        const struct cm_family_facts *facts)
{
    if (in->payload.len == 0 || in->payload.len > facts->max_payload) {
        cm_form_fail(form, CM_INVALID, "payload", "is %zu bytes, must be 1 to %zu", in->payload.len,
                     facts->max_payload);
    }
    if (in->signature_count < 1 || in->signature_count > facts->max_signatures) {
        cm_form_fail(form, CM_INVALID, "signatures", "has %zu items, must have 1 to %u",
                     in->signature_count, facts->max_signatures);
    }
}

void cm_form_envelope_check(struct cm_form *form, const char *field, const struct cm_envelope *in,
                            unsigned families)
{
    const struct cm_family_facts *facts = cm_family_facts(in->family);

    cm_form_enter(form, field, CM_FORM_NO_INDEX);
    if (!facts || !(families & 1u << in->family)) {
        cm_form_fail(form, CM_INVALID, "payload_type", "is not one that can stand here");
    } else {
        check_sizes(form, in, facts);
    }
    for (size_t i = 0; cm_form_ok(form) && i < in->signature_count; i++) {
        const struct cm_signature *signature = &in->signatures[i];

        cm_form_enter(form, "signatures", i);
        cm_form_between(form, "chain", signature->chain_count, 0, CM_MAX_CHAIN);
        for (size_t k = 0; cm_form_ok(form) && k < signature->chain_count; k++) {
            cm_form_between(form, "chain", signature->chain[k].len, 1, CM_MAX_CERTIFICATE);
        }
        cm_form_leave(form);
    }
    cm_form_leave(form);
}

static void take_raw(struct cm_form *form, struct cm_envelope *out, const ProtobufCMessage *in)
{
    size_t len = protobuf_c_message_get_packed_size(in);
    const struct cm_family_facts *facts = cm_family_facts(out->family);
    uint8_t *raw;

    if (len > facts->max_envelope) {
        cm_form_fail(form, CM_INVALID, "", "is %zu bytes, at most %zu", len, facts->max_envelope);
        return;
    }
    raw = cm_form_array(form, len, 1);
    if (raw) {
        out->raw = (struct cm_bytes){raw, protobuf_c_message_pack(in, raw)};
    }
}

void cm_form_envelope(struct cm_form *form, const char *field, struct cm_envelope *out,
                      const Comity__V1__Envelope *in, unsigned families)
{
    *out = (struct cm_envelope){0};
    if (!in) {
        cm_form_fail(form, CM_INVALID, field, "is missing");
        return;
    }
    out->family = cm_family_of_type(cm_bytes_of(in->payload_type));
    out->payload = (struct cm_bytes){in->payload.data, in->payload.len};
    out->signature_count = in->n_signatures;
    cm_form_enter(form, field, CM_FORM_NO_INDEX);
    for (size_t i = 0; cm_form_ok(form) && i < in->n_signatures && i < 2; i++) {
        cm_form_enter(form, "signatures", i);
        take_signature(form, &out->signatures[i], in->signatures[i]);
        cm_form_leave(form);
    }
    cm_form_leave(form);
    if (cm_form_ok(form)) {
        cm_form_envelope_check(form, field, out, families);
    }
    cm_form_enter(form, field, CM_FORM_NO_INDEX);
    if (cm_form_ok(form)) {
        take_raw(form, out, &in->base);
    }
    cm_form_leave(form);
}

Comity__V1__Envelope *cm_form_out_envelope(struct cm_form *form, const char *field,
                                           struct cm_envelope_pb *pb, const struct cm_envelope *in,
                                           unsigned families)
{
    cm_form_envelope_check(form, field, in, families);
    comity__v1__envelope__init(&pb->envelope);
    if (!cm_form_ok(form)) {
        return &pb->envelope;
    }
    pb->envelope.payload_type = cm_form_out_text(cm_family_facts(in->family)->payload_type);
    pb->envelope.payload = cm_form_out_span(in->payload);
    pb->envelope.n_signatures = in->signature_count;
    pb->envelope.signatures = pb->signatures;
    for (size_t i = 0; i < in->signature_count; i++) {
        const struct cm_signature *signature = &in->signatures[i];
        Comity__V1__Signature *out = &pb->signature[i];

        comity__v1__signature__init(out);
        out->keyid = cm_form_out_digest(&signature->keyid);
        out->sig = cm_form_out(signature->sig, sizeof signature->sig);
        out->n_chain = signature->chain_count;
        out->chain = pb->chain[i];
        for (size_t k = 0; k < signature->chain_count; k++) {
            pb->chain[i][k] = cm_form_out_span(signature->chain[k]);
        }
        pb->signatures[i] = out;
    }
    return &pb->envelope;
}

enum cm_status cm_envelope_decode(struct cm_envelope *out, struct cm_arena *arena,
                                  struct cm_bytes bytes, struct cm_error *error)
{
    struct cm_form form = {.arena = arena, .error = error};
    const Comity__V1__Envelope *in =
        cm_form_unpack(&form, &comity__v1__envelope__descriptor, "envelope", bytes,
                       cm_family_facts(CM_FAMILY_DIRECTORY)->max_envelope);

    *out = (struct cm_envelope){0};
    if (in) {
        cm_form_envelope(&form, "envelope", out, in, any_family);
    }
    return form.status;
}

enum cm_status cm_envelope_encode(struct cm_buf *out, const struct cm_envelope *envelope)
{
    struct cm_form form = {0};
    struct cm_envelope_pb pb;
    const Comity__V1__Envelope *message =
        cm_form_out_envelope(&form, "envelope", &pb, envelope, any_family);

    if (!cm_form_ok(&form)) {
        return form.status;
    }
    return cm_form_pack(out, &message->base, cm_family_facts(envelope->family)->max_envelope);
}
