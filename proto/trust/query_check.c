#include "proto/trust/query_check.h"

#include "proto/trust/approval_check.h"

#include <inttypes.h>
#include <string.h>

static enum cm_status decode(struct cm_checked_query *out, struct cm_arena *arena,
                             const struct cm_envelope *envelope, struct cm_error *error)
{
    if (envelope->family != CM_FAMILY_QUERY && envelope->family != CM_FAMILY_REACH) {
        return cm_fail(error, CM_INVALID, "payload_type", "a query or a reach was expected");
    }
    out->is_reach = envelope->family == CM_FAMILY_REACH;
    enum cm_status status = out->is_reach
                                ? cm_reach_decode(&out->query, arena, envelope->payload, error)
                                : cm_query_decode(&out->query, arena, envelope->payload, error);
    if (status == CM_OK) {
        cm_query_replay_key(&out->replay_key, &out->query);
    }
    return status;
}

static enum cm_status check_names(const struct cm_query *query,
                                  const struct cm_directory *directory, struct cm_error *error)
{
    for (size_t i = 0; i < query->agency_count; i++) {
        const struct cm_agency *agency = cm_directory_agency(directory, query->agencies[i]);
        if (agency == NULL || !agency->active) {
            return cm_fail(error, CM_INVALID, "agencies",
                           "%s is not an active member by directory %" PRIu64, query->agencies[i],
                           directory->serial);
        }
    }
    if (query->on_behalf_of[0] != 0 &&
        cm_directory_agency(directory, query->on_behalf_of) == NULL) {
        return cm_fail(error, CM_INVALID, "on_behalf_of", "%s is not in directory %" PRIu64,
                       query->on_behalf_of, directory->serial);
    }
    return CM_OK;
}

// By the pattern of the agency that the query claims to come from; the signature is judged next.
static enum cm_status check_case(const struct cm_query *query, const struct cm_directory *directory,
                                 const struct cm_purpose *purpose, struct cm_error *error)
{
    if (query->case_number[0] == 0) {
        if (purpose->case_optional) {
            return CM_OK;
        }
        return cm_fail(error, CM_INVALID, "case_number", "the purpose %s needs a case number",
                       purpose->id);
    }
    struct cm_identity signer;
    if (cm_identity_parse(&signer, cm_bytes_of(query->signer), NULL) != CM_OK) {
        return cm_fail(error, CM_INVALID, "signer", "this is no name of a member's person");
    }
    const struct cm_agency *agency = cm_directory_agency(directory, signer.agency);
    if (agency != NULL && !cm_case_fits(agency->case_pattern, query->case_number)) {
        cm_fail(error, CM_INVALID, "case_number", "it does not fit the pattern of %s", agency->id);
        cm_error_hint(error, "the pattern is %s (9 a digit, A a letter, * any few)",
                      agency->case_pattern);
        return CM_INVALID;
    }
    return CM_OK;
}

static enum cm_status check_fields(struct cm_checked_query *out, struct cm_arena *arena,
                                   const struct cm_directory *directory, int64_t now_ms,
                                   struct cm_error *error)
{
    const struct cm_query *query = &out->query;
    const struct cm_purpose *purpose = cm_directory_purpose(directory, query->purpose);
    if (purpose == NULL) {
        return cm_fail(error, CM_INVALID, "purpose", "%s is not a purpose by directory %" PRIu64,
                       query->purpose, directory->serial);
    }
    if (query->window.from_ms > now_ms + CM_SKEW_MS) {
        return cm_fail(error, CM_INVALID, "window.from_ms", "the window starts in the future");
    }
    enum cm_status status = check_names(query, directory, error);
    if (status == CM_OK) {
        status = check_case(query, directory, purpose, error);
    }
    if (status == CM_OK && query->approval.family != CM_FAMILY_NONE) {
        status = cm_approval_read(&out->approval, arena, query, now_ms, error);
        cm_sha256_of(&out->approval_digest, query->approval.payload);
    }
    return status;
}

static enum cm_status check_signature(struct cm_checked_query *out, struct cm_trust *trust,
                                      const struct cm_envelope *envelope, int64_t now_ms,
                                      struct cm_error *error)
{
    const struct cm_query *query = &out->query;
    struct cm_signatory *signatories[2];
    enum cm_status status = cm_trust_verify(signatories, trust, envelope, NULL, now_ms, error);
    if (status != CM_OK) {
        return status;
    }
    out->signer = signatories[0];
    const struct cm_identity *identity = cm_signatory_identity(out->signer);
    if (strcmp(identity->spiffe, query->signer) != 0 ||
        !cm_digest_equal(&identity->key_hash, &query->key_hash)) {
        return cm_fail(error, CM_UNAUTHENTICATED, "signer",
                       "the query names another signer or key than its signature");
    }
    if (query->approval.family == CM_FAMILY_NONE) {
        return CM_OK;
    }
    return cm_approval_verify(&out->approval, trust, query, identity, now_ms, error);
}

static enum cm_status check_freshness(const struct cm_query *query,
                                      const struct cm_directory *directory,
                                      const struct cm_query_expectation *expectation,
                                      struct cm_error *error)
{
    if (query->issued_ms > expectation->now_ms + CM_SKEW_MS) {
        cm_fail(error, CM_STALE, "issued_ms", "the query is dated in the future");
        cm_error_hint(error, "is the clock of the asking machine right?");
        return CM_STALE;
    }
    if (expectation->now_ms >= query->expires_ms + CM_SKEW_MS) {
        cm_fail(error, CM_STALE, "expires_ms", "the query has expired");
        cm_error_hint(error, "is the clock of the asking machine right?");
        return CM_STALE;
    }
    if (strcmp(query->federation, directory->federation) != 0) {
        return cm_fail(error, CM_STALE, "federation", "the query is for another federation");
    }
    if (strcmp(query->gateway, expectation->gateway) != 0) {
        return cm_fail(error, CM_STALE, "gateway", "the query is for another gateway");
    }
    return CM_OK;
}

static unsigned evidence_of(const struct cm_checked_query *checked)
{
    // A reach claims kinds; a query's stand for what was verified above, or is claimed (an order).
    const unsigned of_case = 1u << CM_EVIDENCE_CASE;
    unsigned kinds = checked->query.evidence_kinds & ~of_case;
    return checked->query.case_number[0] != 0 ? kinds | of_case : kinds;
}

static enum cm_status check(struct cm_checked_query *out, struct cm_arena *arena,
                            struct cm_trust *trust, const struct cm_envelope *envelope,
                            const struct cm_query_expectation *expectation, struct cm_error *error)
{
    const struct cm_directory *directory = cm_trust_directory(trust);
    const struct cm_query *query = &out->query;
    enum cm_status status = decode(out, arena, envelope, error);
    if (status == CM_OK) {
        status = check_fields(out, arena, directory, expectation->now_ms, error);
    }
    if (status == CM_OK) {
        status = check_signature(out, trust, envelope, expectation->now_ms, error);
    }
    if (status != CM_OK) {
        return status;
    }
    if (expectation->caller != NULL &&
        !cm_identity_same(expectation->caller, cm_signatory_identity(out->signer))) {
        return cm_fail(error, CM_FORBIDDEN, "signer",
                       "the connection's certificate is not of the query's signer");
    }
    status = check_freshness(query, directory, expectation, error);
    if (status != CM_OK) {
        return status;
    }
    if ((expectation->actions & (1u << query->action)) == 0) {
        return cm_fail(error, CM_NOT_SERVED, "action", "the action %s is not served here",
                       cm_action_name(query->action));
    }
    out->evidence = evidence_of(out);
    return CM_OK;
}

enum cm_status cm_query_check(struct cm_checked_query *out, struct cm_arena *arena,
                              struct cm_trust *trust, const struct cm_envelope *envelope,
                              const struct cm_query_expectation *expectation,
                              struct cm_error *error)
{
    memset(out, 0, sizeof(*out));
    cm_sha256_of(&out->digest, envelope->payload);
    enum cm_status status = check(out, arena, trust, envelope, expectation, error);
    if (status != CM_OK) {
        struct cm_digest digest = out->digest;
        cm_checked_query_clear(out);
        out->digest = digest;
    }
    return status;
}

void cm_checked_query_clear(struct cm_checked_query *checked)
{
    cm_signatory_unref(checked->signer);
    cm_wipe(checked, sizeof(*checked));
}
