#include "proto/codec/entry.h"
#include "proto/codec/form.h"

#include "comity/v1/ledger.pb-c.h"

void cm_commitment(struct cm_digest *out, const uint8_t blind[CM_BLIND_SIZE], const char *label,
                   const char *value)
{
    struct cm_digest salt;
    struct cm_bytes parts[2];

    cm_hmac_sha256(&salt, (struct cm_bytes){blind, CM_BLIND_SIZE}, cm_bytes_of(label));
    parts[0] = cm_bytes_digest(&salt);
    parts[1] = cm_bytes_of(value);
    cm_sha256(out, parts, 2);
    cm_wipe(&salt, sizeof salt);
}

void cm_commitments_of(struct cm_commitments *out, const struct cm_query *query, const char *agency)
{
    cm_commitment(&out->requester, query->blind, "requester", query->signer);
    cm_commitment(&out->agency, query->blind, "agency", agency);
    cm_commitment(&out->plate, query->blind, "plate", query->plate.plate ? query->plate.plate : "");
    cm_commitment(&out->purpose, query->blind, "purpose", query->purpose);
    cm_commitment(&out->case_number, query->blind, "case", query->case_number);
    cm_commitment(&out->reason, query->blind, "reason", query->reason);
}

enum cm_status cm_decision_leaf_decode(struct cm_decision_leaf *out, struct cm_arena *arena,
                                       struct cm_bytes bytes, struct cm_error *error)
{
    struct cm_form form = {.arena = arena, .error = error};
    const Comity__V1__DecisionLeaf *in =
        cm_form_unpack(&form, &comity__v1__decision_leaf__descriptor, "leaf", bytes, CM_MAX_LEAF);

    *out = (struct cm_decision_leaf){.agency = ""};
    if (!in) {
        return form.status;
    }
    cm_form_bytes(&form, "salt", out->salt, sizeof out->salt, &in->salt);
    out->agency = in->agency;
    out->permitted = in->permitted;
    out->rules_sequence = in->rules_sequence;
    cm_form_digest_or_none(&form, "rules_digest", &out->rules_digest, &in->rules_digest);
    cm_form_agency(&form, "agency", out->agency);
    return form.status;
}

enum cm_status cm_decision_leaf_encode(struct cm_buf *out, const struct cm_decision_leaf *leaf)
{
    struct cm_form form = {0};
    Comity__V1__DecisionLeaf message = COMITY__V1__DECISION_LEAF__INIT;

    cm_form_agency(&form, "agency", leaf->agency);
    if (!cm_form_ok(&form)) {
        return form.status;
    }
    message.salt = cm_form_out(leaf->salt, sizeof leaf->salt);
    message.agency = cm_form_out_text(leaf->agency);
    message.permitted = leaf->permitted;
    message.rules_sequence = leaf->rules_sequence;
    message.rules_digest = cm_form_out_digest_or_none(&leaf->rules_digest);
    return cm_form_pack(out, &message.base, CM_MAX_LEAF);
}
