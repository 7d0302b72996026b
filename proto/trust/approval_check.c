#include "proto/trust/approval_check.h"

#include <string.h>

static const char where[] = "evidence.approval";

static bool same_selector(const struct cm_plate_selector *a, const struct cm_plate_selector *b)
{
    return strcmp(a->plate, b->plate) == 0 && strcmp(a->state, b->state) == 0;
}

static const char *mismatch(const struct cm_approval *approval, const struct cm_query *query)
{
    if (strcmp(approval->federation, query->federation) != 0) {
        return "it is of another federation";
    }
    if (strcmp(approval->requester, query->signer) != 0) {
        return "it is for another requester";
    }
    if (approval->action != query->action || !same_selector(&approval->plate, &query->plate)) {
        return "it is for another question";
    }
    if (strcmp(approval->purpose, query->purpose) != 0) {
        return "it is for another purpose";
    }
    if (strcmp(approval->case_number, query->case_number) != 0) {
        return "it is for another case";
    }
    if (query->window.from_ms < approval->window.from_ms ||
        query->window.to_ms > approval->window.to_ms) {
        return "the query's window goes beyond its window";
    }
    return NULL;
}

enum cm_status cm_approval_read(struct cm_approval *out, struct cm_arena *arena,
                                const struct cm_query *query, int64_t now_ms,
                                struct cm_error *error)
{
    struct cm_error inner = {0};
    enum cm_status status = cm_approval_decode(out, arena, query->approval.payload, &inner);
    if (status != CM_OK) {
        return cm_fail(error, status, where, "%s: %s", inner.where, inner.text);
    }
    const char *fault = mismatch(out, query);
    if (fault == NULL && out->issued_ms > now_ms + CM_SKEW_MS) {
        fault = "it is dated in the future";
    } else if (fault == NULL && now_ms >= out->expires_ms + CM_SKEW_MS) {
        fault = "it has expired";
    }
    if (fault != NULL) {
        cm_fail(error, CM_INVALID, where, "the approval does not hold: %s", fault);
        cm_error_hint(error, "ask the supervisor for an approval of this query");
        return CM_INVALID;
    }
    return CM_OK;
}

static const char *signer_fault(const struct cm_approval *approval,
                                const struct cm_identity *supervisor,
                                const struct cm_identity *requester)
{
    if (strcmp(approval->supervisor, supervisor->spiffe) != 0) {
        return "it names another supervisor than its signer";
    }
    if (strcmp(supervisor->agency, requester->agency) != 0) {
        return "its signer is of another agency";
    }
    // One person may hold both roles: the name counts, not the SPIFFE name.
    if (strcmp(supervisor->name, requester->name) == 0 ||
        cm_digest_equal(&supervisor->key_hash, &requester->key_hash)) {
        return "its signer is the requester";
    }
    return NULL;
}

enum cm_status cm_approval_verify(const struct cm_approval *approval, struct cm_trust *trust,
                                  const struct cm_query *query, const struct cm_identity *requester,
                                  int64_t now_ms, struct cm_error *error)
{
    struct cm_signatory *signatories[2];
    struct cm_error inner = {0};
    enum cm_status status =
        cm_trust_verify(signatories, trust, &query->approval, NULL, now_ms, &inner);
    if (status == CM_MEMORY) {
        return cm_fail(error, status, where, "out of memory");
    }
    const char *fault = inner.text;
    if (status == CM_OK) {
        fault = signer_fault(approval, cm_signatory_identity(signatories[0]), requester);
        cm_signatory_unref(signatories[0]);
    }
    if (fault != NULL) {
        return cm_fail(error, CM_INVALID, where, "the approval does not hold: %s", fault);
    }
    return CM_OK;
}
