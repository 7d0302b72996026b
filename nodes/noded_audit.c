// Auditors at a running node: what they ask is recorded before they are given anything.
#include "nodes/control_audit.h"
#include "nodes/noded_internal.h"

#include "proto/base/log.h"

#include <stdio.h>
#include <string.h>

enum { ARENA_CAP = 1024 * 1024 };

// Control thread: to the loop and back. payload: the verdict's byte, then the envelope.
static enum cm_status record(void *context, enum cm_status verdict, struct cm_bytes envelope)
{
    const uint8_t byte = (uint8_t)verdict;
    struct cm_buf payload = {0};
    struct cm_bytes answer = CM_BYTES_NONE;
    enum cm_status status = cm_buf_add(&payload, &byte, 1);
    if (!status) {
        status = cm_buf_add(&payload, envelope.data, envelope.len);
    }
    if (!status) {
        answer = cm_control_call(context, CM_AUDIT_WORD, cm_buf_bytes(&payload));
    }
    cm_wipe(payload.data, payload.len);
    cm_buf_clear(&payload);
    return answer.len > 0 ? CM_OK : CM_UNAVAILABLE;
}

static void durable(struct cm_noded *noded, enum cm_status status)
{
    cm_control_answer(noded->control, status ? CM_BYTES_NONE : cm_bytes_of("recorded"));
}

static enum cm_status note(struct cm_noded *noded, enum cm_status verdict,
                           const struct cm_envelope *envelope, struct cm_arena *arena)
{
    char what[64];
    struct cm_audit_request request = {.command = "?", .arguments = ""};
    struct cm_signatory *signers[2] = {NULL, NULL};
    struct cm_entry entry = {.kind = CM_ENTRY_AUDIT, .text = what};
    struct cm_access access = {.person = "", .text = "", .request = *envelope};
    cm_sha256_of(&entry.digest, envelope->payload);
    const bool readable =
        cm_audit_request_decode(&request, arena, envelope->payload, NULL) == CM_OK;
    if (verdict) {
        snprintf(what, sizeof what, "refused: %s", cm_status_name(verdict));
    } else {
        snprintf(what, sizeof what, "%s", request.command);
    }
    access.text = readable ? request.arguments : "";
    if (cm_trust_verify(signers, noded->node.trust, envelope, NULL, cm_wall_ms(cm_clock_system()),
                        NULL) == CM_OK) {
        access.person = cm_signatory_identity(signers[0])->spiffe;
    }
    const struct cm_noded_said said = {.entry = &entry, .access = &access, .durable = durable};
    const enum cm_status status = cm_noded_note_with(noded, &said);
    cm_signatory_unref(signers[0]);
    cm_signatory_unref(signers[1]);
    return status;
}

// Noise, and the same again within a minute, is counted.
static bool gets_entry(struct cm_noded *noded, enum cm_status verdict, struct cm_bytes envelope)
{
    struct cm_digest digest;
    const int64_t now_ms = cm_mono_ms(cm_clock_system());
    cm_sha256_of(&digest, envelope);
    if (!verdict || (envelope.len > 0 && cm_denials_admit(&noded->auditors_denied, &digest,
                                                          CM_REFUSAL_FORBIDDEN_ROLE, now_ms))) {
        return true;
    }
    cm_rejections_count(&noded->node.rejections, verdict, cm_wall_ms(cm_clock_system()), now_ms);
    return false;
}

void cm_noded_audited(struct cm_noded *noded)
{
    const struct cm_bytes payload = cm_control_payload(noded->control);
    const enum cm_status verdict = payload.len > 0 ? (enum cm_status)payload.data[0] : CM_INVALID;
    const struct cm_bytes bytes =
        payload.len > 1 ? (struct cm_bytes){payload.data + 1, payload.len - 1} : CM_BYTES_NONE;
    struct cm_envelope envelope;
    struct cm_arena *arena = cm_arena_new(ARENA_CAP);
    if (noded->stop_noted) { // the end is the ledger's last word
        durable(noded, CM_UNAVAILABLE);
    } else if (!gets_entry(noded, verdict, bytes)) {
        durable(noded, CM_OK);
    } else if (!arena || cm_envelope_decode(&envelope, arena, bytes, NULL) ||
               note(noded, verdict, &envelope, arena)) {
        durable(noded, CM_UNAVAILABLE);
    }
    cm_arena_free(arena);
}

void cm_noded_open_audit(struct cm_noded *noded, const char *folder)
{
    struct cm_control_audit *audit = &noded->audit;
    *audit = (struct cm_control_audit){.directories = noded->directories,
                                       .agency = noded->node.agency,
                                       .folder = folder,
                                       .keys = noded->node.keys,
                                       .record = record};
    memcpy(audit->origin, cm_ledger_head(noded->ledger)->checkpoint.origin, sizeof audit->origin);
}

void cm_noded_serve_auditor(void *context, struct cm_control *control, int socket)
{
    struct cm_control_audit audit = ((const struct cm_noded *)context)->audit;
    audit.context = control;
    cm_control_audit_serve(&audit, socket);
}
