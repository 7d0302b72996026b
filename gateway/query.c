#include "gateway/query_internal.h"

#include "proto/base/log.h"

#include <stdlib.h>

enum { ARENA_CAP = 64 * 1024 * 1024 };

static enum cm_status closed(const char *why, struct cm_error *error)
{
    cm_fail(error, CM_UNAVAILABLE, "gateway", "%s", why);
    cm_error_hint(error, "ask the next one");
    return CM_UNAVAILABLE;
}

static enum cm_status overloaded(struct cm_error *error)
{
    cm_fail(error, CM_EXHAUSTED, "gateway", "the gateway is overloaded");
    if (error) {
        error->retry_after_ms = 1000;
    }
    return CM_EXHAUSTED;
}

enum cm_status cm_gateway_query_new(struct cm_gateway_query **out, struct cm_gateway *gateway,
                                    void *caller, bool reach, struct cm_error *error)
{
    if (gateway->closed) {
        return closed(gateway->closed, error);
    }
    struct cm_gateway_query *query = calloc(1, sizeof *query);
    if (!query) {
        return cm_fail(error, CM_MEMORY, "gateway", "out of memory");
    }
    enum cm_status status = cm_admit_enter(gateway->admit, &query->admission, error);
    if (!status) {
        query->arena = cm_arena_new(ARENA_CAP);
        if (!query->arena) {
            status = cm_fail(error, CM_MEMORY, "gateway", "out of memory");
        }
    }
    if (status) {
        cm_admit_leave(gateway->admit, &query->admission);
        free(query);
        return status;
    }
    query->gateway = gateway;
    query->caller = caller;
    query->reach = reach;
    query->trust = cm_trust_ref(gateway->trust);
    query->signer = cm_signer_ref(gateway->signer);
    query->wake_ms = INT64_MAX;
    *out = query;
    return CM_OK;
}

void cm_gateway_query_free(struct cm_gateway_query *query)
{
    if (!query) {
        return;
    }
    cm_query_nodes_clear(query);
    cm_decisions_clear(&query->decisions);
    for (size_t i = 0; i < query->decisions.count; i++) {
        if (query->decisions.list[i].standing) {
            cm_standing_unref(query->decisions.list[i].standing);
        }
    }
    if (query->checked.signer) {
        cm_checked_query_clear(&query->checked);
    }
    cm_wipe(query->checked.query.blind, sizeof query->checked.query.blind);
    if (query->head) {
        cm_tree_head_unref(query->head);
    }
    cm_buf_clear(&query->entry);
    cm_buf_clear(&query->sealed);
    cm_wipe(query->copy.data, query->copy.len);
    cm_buf_clear(&query->copy);
    cm_buf_clear(&query->out);
    cm_admit_leave(query->gateway->admit, &query->admission);
    cm_trust_unref(query->trust);
    cm_signer_unref(query->signer);
    cm_arena_free(query->arena);
    free(query);
}

void *cm_gateway_query_caller(const struct cm_gateway_query *query)
{
    return query->caller;
}

static void settle(struct cm_gateway_query *query)
{
    if (query->gone && query->pending == 0) {
        cm_query_ports(query)->settled(cm_query_ports(query), query);
    }
}

bool cm_query_go(struct cm_gateway_query *query, enum cm_query_state to)
{
    if (cm_query_state_go(&query->state, to)) {
        return true;
    }
    struct cm_error error;
    cm_fail(&error, CM_INTERNAL, "gateway", "the query went out of order");
    cm_query_refuse(query, CM_INTERNAL, &error);
    return false;
}

void cm_query_plan(struct cm_gateway_query *query, int64_t mono_ms)
{
    if (mono_ms >= query->wake_ms) {
        return;
    }
    query->wake_ms = mono_ms;
    cm_query_ports(query)->wake_at(cm_query_ports(query), query, mono_ms);
}

static void close_query(struct cm_gateway_query *query)
{
    if (query->state == CM_QUERY_CLOSED || !cm_query_state_go(&query->state, CM_QUERY_CLOSED)) {
        return;
    }
    cm_query_nodes_release(query);
    if (query->recorded && !query->accounting) {
        cm_query_account(query);
    }
}

// What was recorded as a query ends with its manifest instead.
static void tell_refused(struct cm_gateway_query *query, enum cm_status status,
                         const struct cm_error *error)
{
    if (query->state > CM_QUERY_DECIDING) {
        return;
    }
    struct cm_refused refused = {
        .code = status,
        .field = error->where,
        .genuine = query->genuine,
        .reach = query->reach,
        .question = &query->request.query,
        .query = &query->checked.query,
        .digest = &query->checked.digest,
    };
    cm_query_ports(query)->refused(cm_query_ports(query), &refused);
}

void cm_query_refuse(struct cm_gateway_query *query, enum cm_status status,
                     const struct cm_error *error)
{
    if (query->state == CM_QUERY_CLOSED) {
        return;
    }
    cm_log(CM_LOG_INFO, query->reach ? "reach-refused" : "query-refused",
           "digest=%s state=%s status=%s field=%s", query->log_id,
           cm_query_state_name(query->state), cm_status_name(status), error->where);
    query->gateway->counters.refused++;
    tell_refused(query, status, error);
    close_query(query);
    cm_query_ports(query)->finish(cm_query_ports(query), query, status, error);
}

void cm_query_end(struct cm_gateway_query *query)
{
    close_query(query);
    cm_query_ports(query)->finish(cm_query_ports(query), query, CM_OK, NULL);
}

void cm_query_submit(struct cm_gateway_query *query, void (*work)(struct cm_job *job),
                     void (*done)(struct cm_job *job))
{
    query->job = (struct cm_job){.work = work, .done = done};
    query->pending++;
    if (!cm_query_ports(query)->submit(cm_query_ports(query), &query->job)) {
        return;
    }
    query->pending--;
    struct cm_error error;
    cm_query_refuse(query, overloaded(&error), &error);
}

bool cm_query_back(struct cm_gateway_query *query)
{
    query->pending--;
    if (query->state != CM_QUERY_CLOSED) {
        return true;
    }
    settle(query);
    return false;
}

static bool copy_request(struct cm_gateway_query *query, struct cm_bytes message,
                         const struct cm_peer *peer)
{
    if (cm_arena_bytes(query->arena, &query->message, message)) {
        return false;
    }
    for (size_t i = 0; i < peer->count && i < CM_MAX_CHAIN; i++) {
        if (cm_arena_bytes(query->arena, &query->chain[i], peer->chain[i])) {
            return false;
        }
        query->chain_count++;
    }
    return true;
}

void cm_gateway_query_request(struct cm_gateway_query *query, struct cm_bytes message,
                              const struct cm_peer *peer)
{
    struct cm_error error;
    query->admitted_ms = cm_query_now(query);
    query->started_ms = cm_wall_ms(cm_query_ports(query)->clock);
    // Until the query itself says what its deadline is.
    query->deadline_ms = query->admitted_ms + CM_MAX_DEADLINE_MS;
    if (!copy_request(query, message, peer)) {
        cm_fail(&error, CM_MEMORY, "gateway", "out of memory");
        cm_query_refuse(query, CM_MEMORY, &error);
        return;
    }
    if (cm_query_go(query, CM_QUERY_CHECKING)) {
        cm_query_check_start(query);
    }
}

void cm_gateway_query_writable(struct cm_gateway_query *query)
{
    cm_query_pump(query);
}

static void too_late(struct cm_gateway_query *query, const char *text)
{
    struct cm_error error;
    cm_fail(&error, CM_LATE, "gateway", "%s", text);
    cm_query_refuse(query, CM_LATE, &error);
}

void cm_gateway_query_wake(struct cm_gateway_query *query)
{
    query->wake_ms = INT64_MAX;
    int64_t now = cm_query_now(query);
    switch (query->state) {
    case CM_QUERY_CHECKING:
    case CM_QUERY_DECIDING:
    case CM_QUERY_RECORDING:
        if (now >= query->deadline_ms) {
            too_late(query, "the deadline passed before the query was recorded; nobody was asked");
        } else {
            cm_query_plan(query, query->deadline_ms);
        }
        break;
    case CM_QUERY_MERGING:
    case CM_QUERY_SIGNING:
    case CM_QUERY_ENDING:
        if (now >= query->deadline_ms + CM_CLIENT_GRACE_MS) {
            too_late(query, "the caller did not take the answer in time");
            break;
        }
        cm_query_plan(query, query->deadline_ms + CM_CLIENT_GRACE_MS);
        if (query->state == CM_QUERY_MERGING) {
            cm_query_nodes_wake(query);
        }
        break;
    case CM_QUERY_NONE:
    case CM_QUERY_CLOSED:
    case CM_QUERY_STATE_COUNT:
        break;
    }
}

void cm_gateway_query_gone(struct cm_gateway_query *query)
{
    close_query(query);
    query->gone = true;
    settle(query);
}

static enum cm_status judge(const struct cm_gateway_query *query, struct cm_trust *trust,
                            const struct cm_bytes *chain, size_t count, struct cm_error *error)
{
    struct cm_signatory *signatory = NULL;
    enum cm_status status = cm_trust_chain(&signatory, trust, chain, count,
                                           cm_wall_ms(cm_query_ports(query)->clock), error);
    cm_signatory_unref(signatory);
    return status;
}

void cm_gateway_query_retrust(struct cm_gateway_query *query, struct cm_trust *trust)
{
    if (query->state == CM_QUERY_NONE || query->state == CM_QUERY_CLOSED) {
        return;
    }
    struct cm_error error = {0};
    enum cm_status status = judge(query, trust, query->chain, query->chain_count, &error);
    // While it is checked the request is the worker's; then it is checked again.
    if (!status && query->state != CM_QUERY_CHECKING) {
        const struct cm_signature *by = &query->request.query.signatures[0];
        status = judge(query, trust, by->chain, by->chain_count, &error);
    }
    if (status) {
        cm_query_refuse(query, status, &error);
    }
}
