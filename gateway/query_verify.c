// What nodes send, verified: batches, refusals, and with the first of either the node's own record.
// Workers.
#include "gateway/query_internal.h"

#include <string.h>

static enum cm_status check_record(struct cm_asked *asked, const struct cm_signatory *node,
                                   enum cm_refusal_code refusal)
{
    const struct cm_gateway_query *query = asked->query;
    const struct cm_node_ask ask = {
        .query_digest = &query->checked.digest,
        .gateway = query->gateway->name,
        .gateway_index = query->facts.entry_index,
        .attempt = asked->call.attempt,
        .refusal = refusal,
    };
    struct cm_record record;
    if (asked->record.len == 0) {
        return cm_node_record_due(refusal)
                   ? cm_fail(&asked->error, CM_INVALID, "record", "the node shows none of this ask")
                   : CM_OK;
    }
    enum cm_status status =
        cm_record_decode(&record, asked->arena, cm_buf_bytes(&asked->record), &asked->error);
    if (!status) {
        status = cm_node_record_check(asked->arena, &record, cm_signatory_identity(node)->spiffe,
                                      cm_signatory_key(node), &ask, &asked->error);
    }
    return status;
}

enum cm_status cm_query_verify_batch(struct cm_asked *asked)
{
    struct cm_gateway_query *query = asked->query;
    enum cm_status status = cm_answer_request_decode(&asked->request, asked->arena,
                                                     cm_buf_bytes(&asked->message), &asked->error);
    if (!status && asked->request.is_start) {
        status = cm_fail(&asked->error, CM_INVALID, "answer", "a second start");
    }
    if (!status && asked->request.batch.withheld_count > 0) {
        status = cm_fail(&asked->error, CM_INVALID, "answer.withheld", "only a gateway cuts");
    }
    if (status) {
        return status;
    }
    const bool first = cm_digest_is_zero(&asked->check.previous);
    status = cm_answer_check_batch(&asked->check, &asked->header, asked->arena, query->trust,
                                   &asked->request.batch, cm_wall_ms(cm_query_ports(query)->clock),
                                   &asked->error);
    if (!status && first) {
        status = check_record(asked, asked->check.node, CM_REFUSAL_NONE);
    }
    return status;
}

enum cm_status cm_query_verify_refusal(struct cm_asked *asked)
{
    struct cm_gateway_query *query = asked->query;
    struct cm_envelope *envelope = &asked->offered;
    struct cm_error *error = &asked->error;
    enum cm_status status =
        cm_envelope_decode(envelope, asked->arena, cm_buf_bytes(&asked->message), error);
    if (!status && envelope->family != CM_FAMILY_REFUSAL) {
        status = cm_fail(error, CM_INVALID, "refusal.payload_type", "not a refusal");
    }
    if (status) {
        return status;
    }
    struct cm_signatory *signers[2] = {0};
    status = cm_trust_verify(signers, query->trust, envelope, NULL,
                             cm_wall_ms(cm_query_ports(query)->clock), error);
    struct cm_refusal refusal = {0};
    if (!status) {
        status = cm_refusal_decode(&refusal, asked->arena, envelope->payload, error);
    }
    if (!status && (strcmp(cm_signatory_identity(signers[0])->agency, asked->call.agency) != 0 ||
                    strcmp(refusal.agency, asked->call.agency) != 0 ||
                    refusal.attempt != asked->call.attempt ||
                    !cm_digest_equal(&refusal.query_digest, &query->checked.digest))) {
        status =
            cm_fail(error, CM_UNAUTHENTICATED, "refusal", "of another agency, query or attempt");
    }
    if (!status) {
        asked->offered_rules = refusal.rules_digest;
        status = check_record(asked, signers[0], refusal.code);
    }
    cm_signatory_unref(signers[0]);
    return status;
}
