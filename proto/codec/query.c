#include "proto/codec/envelope_pb.h"
#include "proto/codec/query_pb.h"

#include <string.h>

static void take_window(struct cm_form *form, struct cm_window *out, const Comity__V1__Window *in)
{
    cm_form_require(form, in != NULL, "window", "is missing");
    if (in) {
        *out = (struct cm_window){in->from_ms, in->to_ms};
    }
}

static void take_plate(struct cm_plate_selector *out, const Comity__V1__PlateSelector *in)
{
    *out = in ? (struct cm_plate_selector){in->plate, in->state}
              : (struct cm_plate_selector){NULL, ""};
}

static void take_evidence(struct cm_form *form, struct cm_query *out,
                          const Comity__V1__Evidence *in)
{
    out->court_order = "";
    if (!in) {
        return;
    }
    cm_form_require(form, in->approval || in->court_order[0] != '\0' || in->attestation.len > 0,
                    "evidence", "is empty, must be left out");
    cm_form_enter(form, "evidence", CM_FORM_NO_INDEX);
    if (in->approval) {
        cm_form_envelope(form, "approval", &out->approval, in->approval, 1u << CM_FAMILY_APPROVAL);
    }
    out->court_order = in->court_order;
    out->attested = in->attestation.len > 0;
    if (out->attested) {
        cm_form_digest(form, "attestation", &out->attestation, &in->attestation);
    }
    cm_form_leave(form);
}

static unsigned kinds_of(const struct cm_query *query)
{
    return (query->case_number[0] != '\0' ? 1u << CM_EVIDENCE_CASE : 0) |
           (query->approval.family != CM_FAMILY_NONE ? 1u << CM_EVIDENCE_SUPERVISOR : 0) |
           (query->attested ? 1u << CM_EVIDENCE_ATTESTATION : 0) |
           (query->court_order[0] != '\0' ? 1u << CM_EVIDENCE_COURT_ORDER : 0);
}

static void take_query(struct cm_form *form, struct cm_query *out, const Comity__V1__Query *in)
{
    cm_form_bytes(form, "query_id", out->query_id, sizeof out->query_id, &in->query_id);
    cm_form_bytes(form, "blind", out->blind, sizeof out->blind, &in->blind);
    out->issued_ms = in->issued_ms;
    out->expires_ms = in->expires_ms;
    out->federation = in->federation;
    out->gateway = in->gateway;
    out->agency_count = in->n_agencies;
    out->agencies = (const char *const *)in->agencies;
    out->signer = in->signer;
    cm_form_digest(form, "key_hash", &out->key_hash, &in->key_hash);
    out->action = (enum cm_action)in->action;
    take_plate(&out->plate,
               in->selector_case == COMITY__V1__QUERY__SELECTOR_PLATE ? in->plate : NULL);
    take_window(form, &out->window, in->window);
    cm_form_fields(form, "fields", &out->fields, in->fields, in->n_fields);
    out->purpose = in->purpose;
    out->case_number = in->case_number;
    out->reason = in->reason;
    out->on_behalf_of = in->on_behalf_of;
    take_evidence(form, out, in->evidence);
    out->evidence_kinds = kinds_of(out);
    out->limit = in->limit;
    out->order = (enum cm_order)in->order;
    out->deadline_ms = in->deadline_ms;
}

enum cm_status cm_query_decode(struct cm_query *out, struct cm_arena *arena,
                               struct cm_bytes payload, struct cm_error *error)
{
    struct cm_form form = {.arena = arena, .error = error};
    const Comity__V1__Query *in =
        cm_form_unpack(&form, &comity__v1__query__descriptor, "query", payload, CM_MAX_PAYLOAD);

    *out = (struct cm_query){0};
    if (in) {
        take_query(&form, out, in);
    }
    if (cm_form_ok(&form)) {
        cm_form_query_check(&form, out, false);
    }
    return form.status;
}

// Messages that a query's message points at.
struct query_parts {
    Comity__V1__Window window;
    Comity__V1__PlateSelector plate;
    Comity__V1__Evidence evidence;
    struct cm_envelope_pb approval;
    Comity__V1__Field fields[CM_FIELD_COUNT];
    Comity__V1__EvidenceKind kinds[CM_EVIDENCE_COUNT];
};

static Comity__V1__Window *out_window(Comity__V1__Window *out, const struct cm_window *in)
{
    comity__v1__window__init(out);
    out->from_ms = in->from_ms;
    out->to_ms = in->to_ms;
    return out;
}

static Comity__V1__PlateSelector *out_plate(Comity__V1__PlateSelector *out,
                                            const struct cm_plate_selector *in)
{
    comity__v1__plate_selector__init(out);
    out->plate = cm_form_out_text(in->plate);
    out->state = cm_form_out_text(in->state);
    return out;
}

static Comity__V1__Evidence *out_evidence(struct cm_form *form, struct query_parts *parts,
                                          const struct cm_query *in)
{
    Comity__V1__Evidence *out = &parts->evidence;

    if (!(kinds_of(in) & ~(1u << CM_EVIDENCE_CASE))) {
        return NULL;
    }
    comity__v1__evidence__init(out);
    if (in->approval.family != CM_FAMILY_NONE) {
        out->approval = cm_form_out_envelope(form, "approval", &parts->approval, &in->approval,
                                             1u << CM_FAMILY_APPROVAL);
    }
    out->court_order = cm_form_out_text(in->court_order);
    if (in->attested) {
        out->attestation = cm_form_out_digest(&in->attestation);
    }
    return out;
}

static void fill_query(struct cm_form *form, Comity__V1__Query *out, struct query_parts *parts,
                       const struct cm_query *in)
{
    out->query_id = cm_form_out(in->query_id, sizeof in->query_id);
    out->blind = cm_form_out(in->blind, sizeof in->blind);
    out->issued_ms = in->issued_ms;
    out->expires_ms = in->expires_ms;
    out->federation = cm_form_out_text(in->federation);
    out->gateway = cm_form_out_text(in->gateway);
    out->n_agencies = in->agency_count;
    out->agencies = (char **)(uintptr_t)in->agencies;
    out->signer = cm_form_out_text(in->signer);
    out->key_hash = cm_form_out_digest(&in->key_hash);
    out->action = (Comity__V1__Action)in->action;
    out->selector_case = COMITY__V1__QUERY__SELECTOR_PLATE;
    out->plate = out_plate(&parts->plate, &in->plate);
    out->window = out_window(&parts->window, &in->window);
    out->n_fields = cm_form_out_fields(parts->fields, in->fields);
    out->fields = parts->fields;
    out->purpose = cm_form_out_text(in->purpose);
    out->case_number = cm_form_out_text(in->case_number);
    out->reason = cm_form_out_text(in->reason);
    out->on_behalf_of = cm_form_out_text(in->on_behalf_of);
    out->evidence = out_evidence(form, parts, in);
    out->limit = in->limit;
    out->order = (Comity__V1__Order)in->order;
    out->deadline_ms = in->deadline_ms;
}

static enum cm_status pack(struct cm_form *form, struct cm_buf *out,
                           const ProtobufCMessage *message, const char *name, size_t max)
{
    enum cm_status status;

    if (!cm_form_ok(form)) {
        return form->status;
    }
    status = cm_form_pack(out, message, max);
    if (status != CM_OK) {
        cm_form_fail(form, status, name, "is more than %zu bytes", max);
    }
    return status;
}

enum cm_status cm_query_encode(struct cm_buf *out, const struct cm_query *query,
                               struct cm_error *error)
{
    struct cm_form form = {.error = error};
    struct query_parts parts;
    Comity__V1__Query message = COMITY__V1__QUERY__INIT;

    cm_form_query_check(&form, query, false);
    if (cm_form_ok(&form)) {
        fill_query(&form, &message, &parts, query);
    }
    return pack(&form, out, &message.base, "query", CM_MAX_PAYLOAD);
}

static void take_kinds(struct cm_form *form, unsigned *out, const Comity__V1__Reach *in)
{
    int last = CM_EVIDENCE_NONE;

    for (size_t i = 0; i < in->n_evidence_kinds; i++) {
        int kind = (int)in->evidence_kinds[i];

        cm_form_require(form, kind > last && kind < CM_EVIDENCE_COUNT, "evidence_kinds",
                        "has an item unknown, out of order or there twice");
        if (!cm_form_ok(form)) {
            return;
        }
        last = kind;
        *out |= 1u << kind;
    }
}

static void take_reach(struct cm_form *form, struct cm_query *out, const Comity__V1__Reach *in)
{
    cm_form_bytes(form, "query_id", out->query_id, sizeof out->query_id, &in->query_id);
    out->issued_ms = in->issued_ms;
    out->expires_ms = in->expires_ms;
    out->federation = in->federation;
    out->gateway = in->gateway;
    out->agency_count = in->n_agencies;
    out->agencies = (const char *const *)in->agencies;
    out->signer = in->signer;
    cm_form_digest(form, "key_hash", &out->key_hash, &in->key_hash);
    out->action = (enum cm_action)in->action;
    out->plate.state = "";
    take_window(form, &out->window, in->window);
    cm_form_fields(form, "fields", &out->fields, in->fields, in->n_fields);
    out->purpose = in->purpose;
    out->case_number = in->case_number;
    out->reason = "";
    out->on_behalf_of = in->on_behalf_of;
    out->court_order = "";
    take_kinds(form, &out->evidence_kinds, in);
    out->deadline_ms = in->deadline_ms;
}

enum cm_status cm_reach_decode(struct cm_query *out, struct cm_arena *arena,
                               struct cm_bytes payload, struct cm_error *error)
{
    struct cm_form form = {.arena = arena, .error = error};
    const Comity__V1__Reach *in =
        cm_form_unpack(&form, &comity__v1__reach__descriptor, "reach", payload, CM_MAX_PAYLOAD);

    *out = (struct cm_query){0};
    if (in) {
        take_reach(&form, out, in);
    }
    if (cm_form_ok(&form)) {
        cm_form_query_check(&form, out, true);
    }
    return form.status;
}

static void fill_reach(Comity__V1__Reach *out, struct query_parts *parts, const struct cm_query *in)
{
    out->query_id = cm_form_out(in->query_id, sizeof in->query_id);
    out->issued_ms = in->issued_ms;
    out->expires_ms = in->expires_ms;
    out->federation = cm_form_out_text(in->federation);
    out->gateway = cm_form_out_text(in->gateway);
    out->n_agencies = in->agency_count;
    out->agencies = (char **)(uintptr_t)in->agencies;
    out->signer = cm_form_out_text(in->signer);
    out->key_hash = cm_form_out_digest(&in->key_hash);
    out->action = (Comity__V1__Action)in->action;
    out->window = out_window(&parts->window, &in->window);
    out->n_fields = cm_form_out_fields(parts->fields, in->fields);
    out->fields = parts->fields;
    out->purpose = cm_form_out_text(in->purpose);
    out->case_number = cm_form_out_text(in->case_number);
    out->on_behalf_of = cm_form_out_text(in->on_behalf_of);
    out->evidence_kinds = parts->kinds;
    for (int i = CM_EVIDENCE_NONE + 1; i < CM_EVIDENCE_COUNT; i++) {
        if (in->evidence_kinds & 1u << i) {
            parts->kinds[out->n_evidence_kinds++] = (Comity__V1__EvidenceKind)i;
        }
    }
    out->deadline_ms = in->deadline_ms;
}

enum cm_status cm_reach_encode(struct cm_buf *out, const struct cm_query *reach,
                               struct cm_error *error)
{
    struct cm_form form = {.error = error};
    struct query_parts parts;
    Comity__V1__Reach message = COMITY__V1__REACH__INIT;

    cm_form_query_check(&form, reach, true);
    if (cm_form_ok(&form)) {
        fill_reach(&message, &parts, reach);
    }
    return pack(&form, out, &message.base, "reach", CM_MAX_PAYLOAD);
}

static void take_approval(struct cm_form *form, struct cm_approval *out,
                          const Comity__V1__Approval *in)
{
    cm_form_bytes(form, "approval_id", out->approval_id, sizeof out->approval_id, &in->approval_id);
    out->federation = in->federation;
    out->supervisor = in->supervisor;
    out->requester = in->requester;
    out->action = (enum cm_action)in->action;
    take_plate(&out->plate,
               in->selector_case == COMITY__V1__APPROVAL__SELECTOR_PLATE ? in->plate : NULL);
    take_window(form, &out->window, in->window);
    out->purpose = in->purpose;
    out->case_number = in->case_number;
    out->issued_ms = in->issued_ms;
    out->expires_ms = in->expires_ms;
    out->uses = in->uses;
}

enum cm_status cm_approval_decode(struct cm_approval *out, struct cm_arena *arena,
                                  struct cm_bytes payload, struct cm_error *error)
{
    struct cm_form form = {.arena = arena, .error = error};
    const Comity__V1__Approval *in = cm_form_unpack(&form, &comity__v1__approval__descriptor,
                                                    "approval", payload, CM_MAX_APPROVAL);

    *out = (struct cm_approval){0};
    if (in) {
        take_approval(&form, out, in);
    }
    if (cm_form_ok(&form)) {
        cm_form_approval_check(&form, out);
    }
    return form.status;
}

enum cm_status cm_approval_encode(struct cm_buf *out, const struct cm_approval *approval,
                                  struct cm_error *error)
{
    struct cm_form form = {.error = error};
    struct query_parts parts;
    Comity__V1__Approval message = COMITY__V1__APPROVAL__INIT;

    cm_form_approval_check(&form, approval);
    if (!cm_form_ok(&form)) {
        return form.status;
    }
    message.approval_id = cm_form_out(approval->approval_id, sizeof approval->approval_id);
    message.federation = cm_form_out_text(approval->federation);
    message.supervisor = cm_form_out_text(approval->supervisor);
    message.requester = cm_form_out_text(approval->requester);
    message.action = (Comity__V1__Action)approval->action;
    message.selector_case = COMITY__V1__APPROVAL__SELECTOR_PLATE;
    message.plate = out_plate(&parts.plate, &approval->plate);
    message.window = out_window(&parts.window, &approval->window);
    message.purpose = cm_form_out_text(approval->purpose);
    message.case_number = cm_form_out_text(approval->case_number);
    message.issued_ms = approval->issued_ms;
    message.expires_ms = approval->expires_ms;
    message.uses = approval->uses;
    return pack(&form, out, &message.base, "approval", CM_MAX_APPROVAL);
}

void cm_query_replay_key(struct cm_digest *out, const struct cm_query *query)
{
    const struct cm_bytes parts[] = {
        cm_bytes_digest(&query->key_hash),
        {query->query_id, sizeof query->query_id},
    };

    cm_sha256(out, parts, 2);
}
