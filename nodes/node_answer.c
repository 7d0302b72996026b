// A permitted query: recorded, then read, signed and sent batch by batch.
#include "nodes/node_query_internal.h"

#include "proto/base/log.h"

static struct cm_node_query *of_job(struct cm_job *job)
{
    return CM_CONTAINER(job, struct cm_node_query, job);
}

static void read_next(struct cm_node_query *query);

void cm_node_query_stop_answer(struct cm_node_query *query)
{
    query->stopping = true;
    cm_node_query_move(query, CM_NODE_CLOSING);
    query->asker->ops->cancel(query);
}

void cm_node_query_send(struct cm_node_query *query)
{
    const struct cm_asker_ops *ops = query->asker->ops;
    if (!ops->writable(query)) {
        return;
    }
    if (!cm_node_query_may_send(query)) {
        cm_node_query_withdraw(query);
        return;
    }
    if (ops->write(query, cm_buf_bytes(&query->message))) {
        cm_node_query_stop_answer(query);
        return;
    }
    cm_reader_made(&query->rows_sent, &query->last_header, query->reader);
    if (query->final) {
        query->node->counters.answered++;
        query->finished = true;
        cm_node_query_move(query, CM_NODE_CLOSING);
        ops->finish(query);
    } else {
        read_next(query);
    }
}

// Before the first batch a failure can still be said with a signature.
static void read_failed(struct cm_node_query *query)
{
    cm_log(CM_LOG_ERROR, "read-failed", "gateway=%s status=%s where=%s error=\"%s\"",
           query->asker->gateway, cm_status_name(query->read_status), query->record_error.where,
           query->record_error.text);
    query->failed = true;
    if (query->answering) {
        cm_node_query_stop_answer(query);
        return;
    }
    cm_node_query_sign_refusal(query, CM_REFUSAL_UNAVAILABLE);
}

static void read_work(struct cm_job *job)
{
    struct cm_node_query *query = of_job(job);
    query->read_status =
        cm_reader_next(&query->message, &query->final, query->reader, &query->record_error);
}

static void read_done(struct cm_job *job)
{
    struct cm_node_query *query = of_job(job);
    const bool had_answer = query->answering;
    if (query->stopping && had_answer) {
        cm_node_query_stop_answer(query);
        return;
    }
    if (query->withdrawn && had_answer) {
        cm_node_query_move(query, CM_NODE_CLOSING);
        return;
    }
    if (!had_answer && !cm_node_query_goes_on(query)) {
        return;
    }
    if (query->read_status) {
        read_failed(query);
        return;
    }
    cm_node_query_move(query, CM_NODE_SENDING);
    if (!had_answer) {
        if (query->asker->ops->open(query->asker, query)) {
            cm_node_query_end(query, "no-answer-call");
            return;
        }
        query->answering = true;
    }
    cm_node_query_send(query);
}

static void read_next(struct cm_node_query *query)
{
    cm_node_query_move(query, CM_NODE_READING);
    if (!cm_node_query_submit(query, read_work, read_done)) {
        return;
    }
    query->read_status = CM_EXHAUSTED;
    read_failed(query);
}

static void begin_reading(struct cm_node_query *query)
{
    // What the investigator signed bounds what the gateway may ask for.
    const uint32_t signed_limit = query->checked.query.limit;
    const struct cm_reader_options options = {
        .store = query->node->store,
        .query = &query->checked.query,
        .view = query->decision.view,
        .agency = query->node->agency,
        .signer = query->signer,
        .query_digest = query->checked.digest,
        .rules_digest = query->standing->digest,
        .attempt = query->ask.attempt,
        .limit = query->ask.limit < signed_limit ? query->ask.limit : signed_limit,
        .now_ms = query->now_ms,
    };
    if (cm_reader_new(&query->reader, &options)) {
        query->failed = true;
        cm_node_query_sign_refusal(query, CM_REFUSAL_UNAVAILABLE);
        return;
    }
    read_next(query);
}

// Recording: nothing is read before both the own entry and the gateway's checkpoint are durable.

static void recorded(struct cm_node_query *query)
{
    if (--query->pending > 0 || !cm_node_query_goes_on(query)) {
        return;
    }
    if (query->own.append.status || query->keep.status) {
        query->failed = true;
        cm_node_query_sign_refusal(query, CM_REFUSAL_UNAVAILABLE);
        return;
    }
    begin_reading(query);
}

static void appended(struct cm_append *append)
{
    struct cm_node_query *query = CM_CONTAINER(append, struct cm_node_query, own.append);
    append->status = cm_node_query_appended(query);
    recorded(query);
}

static void kept(struct cm_keep *keep)
{
    recorded(CM_CONTAINER(keep, struct cm_node_query, keep));
}

void cm_node_query_record(struct cm_node_query *query)
{
    cm_node_query_move(query, CM_NODE_RECORDING);
    query->pending = 2;
    const enum cm_status status = cm_node_query_append(query, appended);
    query->keep = (struct cm_keep){.done = kept};
    if (status) {
        query->own.append.status = status;
        query->pending--;
    }
    query->asker->ops->keep(query->asker, &query->keep, query->checkpoint.size,
                            query->ask.checkpoint);
}
