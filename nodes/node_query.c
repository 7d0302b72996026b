#include "nodes/node_query_internal.h"

#include "nodes/releases.h"
#include "proto/base/log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void cm_node_query_log_id(char out[2 * LOG_ID_BYTES + 1], const struct cm_node_query *query)
{
    cm_hex(out, (struct cm_bytes){query->digest.b, LOG_ID_BYTES});
}

static void log_end(const struct cm_node_query *query, const char *outcome)
{
    char id[2 * LOG_ID_BYTES + 1];
    cm_node_query_log_id(id, query);
    cm_log(CM_LOG_INFO, "query", "digest=%s gateway=%s outcome=%s ms=%" PRId64, id,
           query->asker->gateway, outcome,
           cm_mono_ms(query->node->ports->clock) - query->started_ms);
}

static void destroy(struct cm_node_query *query)
{
    cm_own_entry_clear(&query->own);
    cm_reader_free(query->reader);
    cm_checked_query_clear(&query->checked);
    cm_node_query_forget_again(query);
    cm_standing_unref(query->standing);
    cm_orders_unref(query->orders);
    cm_trust_unref(query->trust);
    cm_signer_unref(query->signer);
    cm_wipe(query->ask.token, sizeof query->ask.token);
    cm_buf_clear(&query->message);
    cm_buf_clear(&query->envelope);
    cm_arena_free(query->arena);
    free(query);
}

static enum cm_release_outcome release_outcome(const struct cm_node_query *query)
{
    if (query->withdrawn) {
        return CM_RELEASE_WITHDRAWN;
    }
    if (query->complete) {
        return CM_RELEASE_COMPLETE;
    }
    if (query->failed) {
        return CM_RELEASE_FAILED;
    }
    return cm_mono_ms(query->node->ports->clock) >= query->deadline_ms ? CM_RELEASE_LATE
                                                                       : CM_RELEASE_CANCELLED;
}

// Every permission that was recorded is followed by what became of it.
static void record_release(const struct cm_node_query *query)
{
    const struct cm_release_facts facts = {
        .query = query->digest,
        .attempt = query->ask.attempt,
        .outcome = release_outcome(query),
        .rows = query->rows_sent,
        .last_header = query->last_header,
        .recipient = query->commitments.requester,
    };
    if (query->recorded && query->recorded_as == CM_REFUSAL_NONE) {
        cm_release_record(query->node, &facts);
    }
}

void cm_node_query_end(struct cm_node_query *query, const char *outcome)
{
    struct cm_asker *asker = query->asker;
    cm_node_query_move(query, CM_NODE_DONE);
    log_end(query, outcome);
    record_release(query);
    if (query->prev) {
        query->prev->next = query->next;
    } else {
        query->node->queries = query->next;
    }
    if (query->next) {
        query->next->prev = query->prev;
    }
    destroy(query);
    asker->in_flight--;
    asker->ops->ended(asker);
}

// What is under way has come back: whether to go on. Ends the query when not.
bool cm_node_query_goes_on(struct cm_node_query *query)
{
    if (!query->stopping && cm_mono_ms(query->node->ports->clock) < query->deadline_ms) {
        return true;
    }
    query->node->counters.stopped++;
    cm_node_query_end(query, "stopped");
    return false;
}

enum cm_status cm_node_query_submit(struct cm_node_query *query, void (*work)(struct cm_job *job),
                                    void (*done)(struct cm_job *job))
{
    query->job.work = work;
    query->job.done = done;
    return query->node->ports->submit(query->node->ports, &query->job);
}

static struct cm_node_query *of_job(struct cm_job *job)
{
    return CM_CONTAINER(job, struct cm_node_query, job);
}

static void decide_work(struct cm_job *job)
{
    struct cm_node_query *query = of_job(job);
    const struct cm_node_question question = {
        .checked = &query->checked,
        .standing = query->standing,
        .directory = cm_trust_directory(query->trust),
        .orders = query->orders,
        .store = query->node->store,
        .attempt = query->ask.attempt,
        .now_ms = query->now_ms,
    };
    query->decide_status =
        cm_node_decide(&query->decision, query->arena, &question, &query->query_error);
}

static void decided(struct cm_job *job)
{
    struct cm_node_query *query = of_job(job);
    if (!cm_node_query_goes_on(query)) {
        return;
    }
    if (query->decide_status == CM_REPLAYED || query->decide_status == CM_EXHAUSTED) {
        cm_node_query_refuse(query, cm_refusal_of_status(query->decide_status));
    } else if (query->decide_status) {
        cm_log(CM_LOG_ERROR, "decision-failed", "status=%s where=%s error=\"%s\"",
               cm_status_name(query->decide_status), query->query_error.where,
               query->query_error.text);
        cm_node_query_refuse(query, CM_REFUSAL_UNAVAILABLE);
    } else if (query->decision.refusal) {
        cm_node_query_refuse(query, query->decision.refusal);
    } else if (!cm_node_query_holds(query)) {
        query->decision.rule = "";
        cm_node_query_refuse(query, CM_REFUSAL_NOT_PERMITTED);
    } else {
        cm_node_query_record(query);
    }
}

static void decide(struct cm_node_query *query)
{
    struct cm_node *node = query->node;
    struct cm_standing *standing = cm_bundle_standing(node->bundle);
    query->standing = cm_standing_ref(standing);
    query->orders = cm_orders_ref(node->orders);
    if (standing &&
        !cm_bundle_knows(node->bundle, query->leaf.rules_sequence, &query->leaf.rules_digest)) {
        cm_log(CM_LOG_ERROR, "gateway-record-bad",
               "gateway=%s where=ask.leaf error=\"it decided by rules that are not ours\"",
               query->asker->gateway);
        cm_node_query_refuse(query, CM_REFUSAL_BAD_RECORD);
        return;
    }
    const enum cm_status status =
        cm_replay_claim(node->replay, &query->checked.replay_key, &query->checked.query.key_hash,
                        cm_signatory_identity(query->checked.signer)->agency,
                        query->checked.query.expires_ms, query->now_ms, &query->query_error);
    if (status) {
        cm_node_query_refuse(query, cm_refusal_of_status(status));
        return;
    }
    query->claimed = true;
    if (!standing) {
        cm_node_query_refuse(query, CM_REFUSAL_NOT_PERMITTED);
        return;
    }
    cm_node_query_move(query, CM_NODE_DECIDING);
    if (cm_node_query_submit(query, decide_work, decided)) {
        query->decide_status = CM_UNAVAILABLE;
        decided(&query->job);
    }
}

// Checking, and judging in the order of arrival: each checkpoint continues the one before it.

static void bad_record(struct cm_node_query *query, const struct cm_error *error)
{
    char id[2 * LOG_ID_BYTES + 1];
    cm_node_query_log_id(id, query);
    cm_log(CM_LOG_ERROR, "gateway-record-bad", "digest=%s gateway=%s where=%s error=\"%s\"", id,
           query->asker->gateway, error->where, error->text);
    cm_node_query_refuse(query, CM_REFUSAL_BAD_RECORD);
}

// What fails after the signature is still somebody's question, to be recorded as such.
static void read_refused(struct cm_node_query *query)
{
    struct cm_checked_query *checked = &query->checked;
    const bool was_signed = query->query_status == CM_FORBIDDEN ||
                            query->query_status == CM_STALE || query->query_status == CM_NOT_SERVED;
    if (!was_signed || query->ask.query.family != CM_FAMILY_QUERY ||
        cm_query_decode(&checked->query, query->arena, query->ask.query.payload, NULL) != CM_OK) {
        return;
    }
    checked->digest = query->digest;
    cm_query_replay_key(&checked->replay_key, &checked->query);
    query->genuine = true;
}

static void check_work(struct cm_job *job)
{
    struct cm_node_query *query = of_job(job);
    const struct cm_query_expectation expectation = {
        .gateway = query->asker->gateway,
        .actions = 1u << CM_ACTION_LOOKUP,
        .now_ms = query->now_ms,
    };
    query->query_status = cm_query_check(&query->checked, query->arena, query->trust,
                                         &query->ask.query, &expectation, &query->query_error);
    if (!query->query_status && query->checked.is_reach) {
        query->query_status = CM_INVALID;
    }
    query->genuine = !query->query_status;
    if (query->query_status) {
        read_refused(query);
    }
    query->head_status =
        cm_record_check_head(&query->checkpoint, &query->ask, query->asker->origin,
                             cm_signatory_key(query->asker->signatory), &query->record_error);
    if (!query->query_status && !query->head_status) {
        query->entry_status = cm_record_check_entry(
            &query->leaf, query->arena, &query->ask, &query->checked, &query->checkpoint,
            query->node->agency, cm_trust_directory(query->trust)->serial, query->now_ms,
            &query->record_error);
    }
}

// A newer directory came while it waited: what was found by the older doesn't count.
static void check_again(struct cm_node_query *query)
{
    cm_checked_query_clear(&query->checked);
    cm_trust_unref(query->trust);
    query->trust = cm_trust_ref(query->node->trust);
    query->now_ms = cm_wall_ms(query->node->ports->clock);
    check_work(&query->job);
}

static void judge(struct cm_node_query *query)
{
    struct cm_error growth_error = {.status = CM_OK};
    if (query->trust != query->node->trust) {
        check_again(query);
    }
    enum cm_status growth = query->head_status;
    if (!growth) {
        growth = cm_record_check_growth(&query->asker->head, &query->checkpoint,
                                        &query->ask.consistency, &growth_error);
    }
    if (!growth) { // whatever becomes of the query: a ledger that goes back is to be noticed
        query->asker->ops->keep(query->asker, NULL, query->checkpoint.size, query->ask.checkpoint);
    }
    if (!cm_node_query_goes_on(query)) {
        return;
    }
    if (query->head_status) {
        bad_record(query, &query->record_error);
    } else if (growth) {
        bad_record(query, &growth_error);
    } else if (query->query_status) {
        cm_node_query_refuse(query, cm_refusal_of_status(query->query_status));
    } else if (query->entry_status) {
        bad_record(query, &query->record_error);
    } else if (cm_trust_directory(query->trust)->expires_ms <= query->now_ms) {
        cm_node_query_refuse(query, CM_REFUSAL_STALE);
    } else if (query->node->draining) {
        cm_node_query_refuse(query, CM_REFUSAL_UNAVAILABLE);
    } else {
        decide(query);
    }
}

static void take_turns(struct cm_asker *asker)
{
    while (asker->turn && asker->turn->state == CM_NODE_TURN) {
        struct cm_node_query *query = asker->turn;
        asker->turn = query->turn_next;
        if (!asker->turn) {
            asker->turn_last = &asker->turn;
        }
        judge(query);
    }
    if (!asker->turn && asker->ops->judged) {
        asker->ops->judged(asker);
    }
}

static void checked(struct cm_job *job)
{
    struct cm_node_query *query = of_job(job);
    cm_node_query_move(query, CM_NODE_TURN);
    take_turns(query->asker);
}

enum cm_status cm_node_query_start(struct cm_node *node, struct cm_asker *asker,
                                   struct cm_arena *arena, const struct cm_ask *ask)
{
    struct cm_node_query *query = calloc(1, sizeof *query);
    if (!query) {
        cm_arena_free(arena);
        return CM_MEMORY;
    }
    query->node = node;
    query->asker = asker;
    query->arena = arena;
    query->ask = *ask;
    query->trust = cm_trust_ref(node->trust);
    query->signer = cm_signer_ref(node->signer);
    query->now_ms = cm_wall_ms(node->ports->clock);
    query->started_ms = cm_mono_ms(node->ports->clock);
    query->deadline_ms = query->started_ms + ask->remaining_ms;
    cm_sha256_of(&query->digest, ask->query.payload);
    cm_node_query_move(query, CM_NODE_CHECKING);
    const enum cm_status status = cm_node_query_submit(query, check_work, checked);
    if (status) {
        destroy(query);
        return status;
    }
    query->next = node->queries;
    if (node->queries) {
        node->queries->prev = query;
    }
    node->queries = query;
    *asker->turn_last = query;
    asker->turn_last = &query->turn_next;
    asker->in_flight++;
    return CM_OK;
}

void cm_node_query_cancel(struct cm_node_query *query)
{
    query->stopping = true;
    // Everything else has something under way that comes back.
    if (query->state == CM_NODE_SENDING) {
        cm_node_query_stop_answer(query);
    } else if (query->state == CM_NODE_CLOSING) {
        query->asker->ops->cancel(query);
    }
}

void cm_node_query_writable(struct cm_node_query *query)
{
    if (query->state == CM_NODE_SENDING) {
        cm_node_query_send(query);
    }
}

void cm_node_query_closed(struct cm_node_query *query, enum cm_status status)
{
    query->answer = NULL;
    query->answering = false;
    query->complete = !status && query->finished && !query->stopping;
    query->stopping = query->stopping || query->state != CM_NODE_CLOSING;
    if (query->state == CM_NODE_READING) {
        return;
    }
    cm_node_query_end(query, query->withdrawn  ? "withdrawn"
                             : query->stopping ? "stopped"
                                               : "answered");
}

struct cm_node_query *cm_node_query_find(const struct cm_node *node, const struct cm_asker *asker,
                                         uint64_t ask)
{
    struct cm_node_query *query = node->queries;
    while (query && (query->asker != asker || query->ask.ask != ask)) {
        query = query->next;
    }
    return query;
}

void cm_node_queries_cancel(struct cm_node *node, const struct cm_asker *asker)
{
    for (struct cm_node_query *query = node->queries, *next; query; query = next) {
        next = query->next;
        if (query->asker == asker) {
            cm_node_query_cancel(query);
        }
    }
}

const struct cm_ask *cm_node_query_ask(const struct cm_node_query *query)
{
    return &query->ask;
}

struct cm_asker *cm_node_query_asker(const struct cm_node_query *query)
{
    return query->asker;
}

int64_t cm_node_query_left_ms(const struct cm_node_query *query)
{
    const int64_t left = query->deadline_ms - cm_mono_ms(query->node->ports->clock);
    return left > 1 ? left : 1;
}

const struct cm_record *cm_node_query_record_of(const struct cm_node_query *query)
{
    return &query->record;
}

void **cm_node_query_answer(struct cm_node_query *query)
{
    return &query->answer;
}
