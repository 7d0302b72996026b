// Refusals: recorded, signed, sent; and the entry that every judged query gets.
#include "nodes/node_query_internal.h"

#include "proto/envelope/dsse.h"

static struct cm_node_query *of_job(struct cm_job *job)
{
    return CM_CONTAINER(job, struct cm_node_query, job);
}

static void sign_work(struct cm_job *job)
{
    struct cm_node_query *query = of_job(job);
    const struct cm_refusal refusal = {
        .query_digest = query->digest,
        .agency = query->node->agency,
        .attempt = query->ask.attempt,
        .code = query->refusal,
        .rules_digest = query->standing ? query->standing->digest : (struct cm_digest){{0}},
        .refused_ms = query->now_ms,
        .text = query->decision.text ? query->decision.text : "",
    };
    struct cm_buf payload = {0};
    query->sign_status = cm_refusal_encode(&payload, &refusal);
    if (!query->sign_status) {
        query->sign_status = cm_dsse_sign(&query->envelope, CM_FAMILY_REFUSAL,
                                          cm_buf_bytes(&payload), query->signer, true);
    }
    cm_buf_clear(&payload);
}

static void signed_done(struct cm_job *job)
{
    struct cm_node_query *query = of_job(job);
    if (!cm_node_query_goes_on(query)) {
        return;
    }
    if (query->sign_status) {
        cm_node_query_end(query, "failed");
        return;
    }
    const bool says_so = query->recorded && query->recorded_as == query->refusal;
    query->asker->ops->refuse(query->asker, query->ask.ask, cm_buf_bytes(&query->envelope),
                              says_so ? &query->record : NULL);
    query->node->counters.refused++;
    cm_node_query_end(query, cm_refusal_name(query->refusal));
}

void cm_node_query_sign_refusal(struct cm_node_query *query, enum cm_refusal_code code)
{
    query->refusal = code;
    cm_node_query_move(query, CM_NODE_SIGNING);
    if (cm_node_query_submit(query, sign_work, signed_done)) {
        cm_node_query_end(query, "overloaded");
    }
}

enum cm_status cm_node_query_append(struct cm_node_query *query, void (*done)(struct cm_append *))
{
    const struct cm_checked_query *checked = &query->checked;
    struct cm_entry entry = {
        .kind = CM_ENTRY_NODE,
        .recorded_ms = query->now_ms,
        .digest = checked->digest,
        .replay_key = checked->replay_key,
        .expires_ms = checked->query.expires_ms,
        .directory_serial = cm_trust_directory(query->trust)->serial,
        .gateway = query->asker->gateway,
        .gateway_index = query->ask.inclusion.index,
        .attempt = query->ask.attempt,
        .permitted = query->refusal == CM_REFUSAL_NONE,
        .refusal = (uint32_t)query->refusal,
        .deciding_rule = query->decision.rule ? query->decision.rule : "",
        .agency = "",
        .text = "",
    };
    if (query->standing) {
        entry.rules_digest = query->standing->digest;
    }
    struct cm_identity signer;
    enum cm_status status = cm_identity_parse(&signer, cm_bytes_of(checked->query.signer), NULL);
    if (status) {
        return status;
    }
    cm_commitments_of(&entry.commitments, &checked->query, signer.agency);
    query->commitments = entry.commitments;
    query->recorded_as = query->refusal;
    const struct cm_access access = {.question = query->ask.query, .person = "", .text = ""};
    return cm_own_entry_append(&query->own, query->node, &entry, &access, done);
}

enum cm_status cm_node_query_appended(struct cm_node_query *query)
{
    cm_own_entry_landed(&query->own, query->node);
    query->recorded = !query->own.append.status;
    return query->recorded
               ? cm_own_entry_prove(&query->record, query->arena, &query->own, query->node)
               : query->own.append.status;
}

static void denial_recorded(struct cm_append *append)
{
    struct cm_node_query *query = CM_CONTAINER(append, struct cm_node_query, own.append);
    const enum cm_status status = cm_node_query_appended(query);
    if (!cm_node_query_goes_on(query)) {
        return;
    }
    cm_node_query_sign_refusal(query, status ? CM_REFUSAL_UNAVAILABLE : query->refusal);
}

// Whether a refusal gets an entry of its own; what does not is counted.
static bool gets_entry(struct cm_node_query *query)
{
    struct cm_node *node = query->node;
    struct cm_denials *denials = &query->asker->denials;
    const int64_t now_ms = cm_mono_ms(node->ports->clock);
    const bool gets =
        query->genuine &&
        (query->claimed || cm_denials_admit(denials, &query->digest, query->refusal, now_ms));
    if (!gets) {
        cm_rejections_count(&node->rejections,
                            query->query_status ? query->query_status
                                                : cm_status_of_refusal(query->refusal),
                            cm_wall_ms(node->ports->clock), now_ms);
    }
    if (!query->genuine) {
        cm_denials_leave_out(denials, now_ms);
    }
    return gets;
}

void cm_node_query_refuse(struct cm_node_query *query, enum cm_refusal_code code)
{
    query->refusal = code;
    // Without a valid signature it is nobody's question: noise that must not fill the ledger. Nor
    // must one that nothing keeps from being sent again.
    if (!gets_entry(query)) {
        cm_node_query_sign_refusal(query, code);
        return;
    }
    cm_node_query_move(query, CM_NODE_DENYING);
    if (cm_node_query_append(query, denial_recorded)) {
        cm_node_query_sign_refusal(query, CM_REFUSAL_UNAVAILABLE);
    }
}
