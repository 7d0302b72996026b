// The nodes that a query asks: calls and attempts, each batch verified on a worker before it is
// held, waits that end, outcomes. Loop thread.
#include "gateway/query_internal.h"

#include "proto/base/log.h"

#include <string.h>

enum { BATCH_ARENA_CAP = 1024 * 1024, MAX_MESSAGE = CM_MAX_BATCH_MESSAGE + CM_MAX_ENVELOPE };

static struct cm_asked *of_call(struct cm_call *call)
{
    return CM_CONTAINER(call, struct cm_asked, call);
}

static size_t slot_of(const struct cm_asked *asked)
{
    return (size_t)(asked - asked->query->asked);
}

int64_t cm_query_time(const struct cm_gateway_query *query)
{
    int64_t now = query->paused_since ? query->paused_since : cm_query_now(query);
    return now - query->paused_total;
}

// From now on it is waited for so long.
static void wait_for(struct cm_asked *asked)
{
    struct cm_gateway_query *query = asked->query;
    if (query->checked.query.order == CM_ORDER_UNORDERED) {
        asked->wait_until = INT64_MAX;
        return;
    }
    int64_t quarter = (query->close_ms - cm_query_now(query)) / 4;
    int64_t wait = quarter < CM_MERGE_WAIT_MS ? quarter : CM_MERGE_WAIT_MS;
    asked->wait_until = cm_query_time(query) + wait;
    if (!query->paused_since) {
        cm_query_plan(query, asked->wait_until + query->paused_total);
    }
}

void cm_query_node_due(struct cm_asked *asked)
{
    struct cm_gateway_query *query = asked->query;
    asked->due_next = NULL;
    if (query->due_last) {
        query->due_last->due_next = asked;
    } else {
        query->due_first = asked;
    }
    query->due_last = asked;
}

void cm_query_node_end(struct cm_asked *asked, enum cm_outcome outcome)
{
    struct cm_gateway_query *query = asked->query;
    struct cm_gateway_ports *ports = cm_query_ports(query);
    bool complete = asked->state == CM_ASKED_DELIVERED && outcome == CM_OUTCOME_ANSWERED;
    if (!cm_asked_state_go(&asked->state, CM_ASKED_ENDED)) {
        return;
    }
    asked->outcome = outcome;
    asked->ended_ms = cm_query_now(query);
    query->gateway->counters.late += outcome == CM_OUTCOME_LATE;
    query->gateway->counters.failed += outcome == CM_OUTCOME_FAILED;
    ports->release(ports, &asked->call, complete);
    cm_merge_drop(query->merge, slot_of(asked));
    // The caller takes nothing of a node after its outcome: what is held goes first.
    if (!cm_merge_holds(query->merge, slot_of(asked))) {
        cm_query_node_due(asked);
    }
}

static void count_held(struct cm_asked *asked, uint64_t now)
{
    struct cm_gateway_query *query = asked->query;
    cm_admit_hold(query->gateway->admit, &query->admission, asked->held, now);
    asked->held = now;
}

void cm_query_node_let_go(struct cm_asked *asked)
{
    count_held(asked, 0);
    cm_arena_free(asked->arena);
    asked->arena = NULL;
}

static void begin_check(struct cm_asked *asked)
{
    const struct cm_checked_query *checked = &asked->query->checked;
    cm_answer_check_init(&asked->check, &checked->digest,
                         &cm_signatory_identity(checked->signer)->key_hash, asked->call.agency,
                         asked->call.attempt, checked->query.limit);
}

// Nothing of it was taken yet: another session of the agency may still answer.
static bool try_again(struct cm_asked *asked)
{
    struct cm_gateway_query *query = asked->query;
    struct cm_gateway_ports *ports = cm_query_ports(query);
    if (asked->busy || asked->state != CM_ASKED_WAITED || query->closing ||
        !cm_digest_is_zero(&asked->record_digest) || asked->call.attempt >= CM_CALL_ATTEMPTS ||
        cm_query_now(query) >= query->close_ms) {
        return false;
    }
    ports->release(ports, &asked->call, false);
    asked->call.attempt++;
    asked->record.len = 0;
    cm_answer_check_clear(&asked->check);
    begin_check(asked);
    if (!ports->ask(ports, &asked->call)) {
        return false;
    }
    asked->lost = false;
    wait_for(asked);
    return true;
}

static void fail(struct cm_asked *asked, enum cm_outcome outcome)
{
    if (asked->state != CM_ASKED_ENDED && !try_again(asked)) {
        cm_query_node_end(asked, outcome);
    }
}

static void broke(struct cm_asked *asked)
{
    cm_log(CM_LOG_WARNING, "answer-refused", "digest=%s agency=%s field=%s error=\"%s\"",
           asked->query->log_id, asked->call.agency, asked->error.where, asked->error.text);
    fail(asked, CM_OUTCOME_FAILED);
}

static void batch_work(struct cm_job *job)
{
    struct cm_asked *asked = CM_CONTAINER(job, struct cm_asked, job);
    asked->verdict = cm_query_verify_batch(asked);
}

// What a worker found to hold goes to the caller before whatever else of this agency waits.
static void show_record(struct cm_asked *asked)
{
    struct cm_gateway_query *query = asked->query;
    if (asked->record.len == 0 || !cm_digest_is_zero(&asked->record_digest)) {
        return;
    }
    cm_sha256_of(&asked->record_digest, cm_buf_bytes(&asked->record));
    asked->record_next = NULL;
    if (query->record_last) {
        query->record_last->record_next = asked;
    } else {
        query->record_first = asked;
    }
    query->record_last = asked;
}

static void hold(struct cm_asked *asked)
{
    const struct cm_header *header = &asked->header;
    // The limit may have been reached while the batch was verified.
    if (!cm_merge_hold(asked->query->merge, slot_of(asked), &asked->request.batch, header->final)) {
        cm_query_node_let_go(asked);
        return;
    }
    enum cm_asked_state to = header->final ? CM_ASKED_DELIVERED : CM_ASKED_ANSWERING;
    if (asked->state != to && !cm_asked_state_go(&asked->state, to)) {
        return;
    }
    asked->query->gateway->counters.batches++;
}

// The job is back; false: nothing is to be done with what it found.
static bool job_back(struct cm_asked *asked)
{
    struct cm_gateway_query *query = asked->query;
    asked->busy = false;
    cm_buf_clear(&asked->message);
    count_held(asked, cm_arena_used(asked->arena));
    if (!cm_query_back(query)) {
        return false; // and perhaps freed
    }
    if (asked->state == CM_ASKED_ENDED) {
        cm_query_node_let_go(asked);
        return false;
    }
    return true;
}

static void batch_done(struct cm_job *job)
{
    struct cm_asked *asked = CM_CONTAINER(job, struct cm_asked, job);
    struct cm_gateway_query *query = asked->query;
    if (!job_back(asked)) {
        return;
    }
    if (asked->verdict) {
        cm_query_node_let_go(asked);
        broke(asked);
    } else {
        show_record(asked);
        hold(asked);
    }
    if (asked->lost && asked->state != CM_ASKED_DELIVERED) {
        fail(asked, CM_OUTCOME_FAILED);
    }
    cm_query_pump(query);
}

static enum cm_status submit(struct cm_asked *asked, void (*work)(struct cm_job *job),
                             void (*done)(struct cm_job *job))
{
    struct cm_gateway_query *query = asked->query;
    if (!asked->arena) {
        asked->arena = cm_arena_new(BATCH_ARENA_CAP);
    }
    if (!asked->arena) {
        return CM_MEMORY;
    }
    cm_arena_reset(asked->arena);
    asked->job = (struct cm_job){.work = work, .done = done};
    enum cm_status status = cm_query_ports(query)->submit(cm_query_ports(query), &asked->job);
    if (status) {
        return status;
    }
    asked->busy = true;
    query->pending++;
    return CM_OK;
}

// The investigator or agency that holds more than its part ends, not whoever comes next.
static bool crowded(struct cm_asked *asked)
{
    struct cm_gateway_query *query = asked->query;
    // The arena gets about as much again.
    count_held(asked, 2 * asked->message.len);
    if (!cm_admit_crowds(query->gateway->admit, &query->admission)) {
        return false;
    }
    struct cm_error error;
    cm_fail(&error, CM_EXHAUSTED, "gateway", "answers that wait for you fill the gateway's memory");
    cm_error_hint(&error, "ask fewer agencies at once, or a shorter window");
    error.retry_after_ms = 1000;
    cm_query_refuse(query, CM_EXHAUSTED, &error);
    return true;
}

// Kept until it is verified with what it comes with.
static enum cm_status keep_record(struct cm_asked *asked, const struct cm_record *record)
{
    asked->record.len = 0;
    asked->record.max = CM_MAX_NODE_RECORD;
    if (record->entry.len == 0) {
        return CM_OK;
    }
    enum cm_status status = cm_record_encode(&asked->record, record);
    return status ? cm_fail(&asked->error, status, "record", "longer than a node's record may be")
                  : CM_OK;
}

static void on_started(struct cm_call *call, const struct cm_record *record)
{
    struct cm_asked *asked = of_call(call);
    if (asked->state != CM_ASKED_WAITED || asked->busy || !keep_record(asked, record)) {
        return;
    }
    broke(asked);
    cm_query_pump(asked->query);
}

static void on_batch(struct cm_call *call, struct cm_bytes message)
{
    struct cm_asked *asked = of_call(call);
    // Once the limit is reached, what is still on its way isn't wanted any more.
    if (asked->state == CM_ASKED_ENDED || asked->busy ||
        !cm_merge_waits(asked->query->merge, slot_of(asked))) {
        return;
    }
    asked->message.max = MAX_MESSAGE;
    asked->message.len = 0;
    enum cm_status status = cm_buf_add(&asked->message, message.data, message.len);
    if (!status && crowded(asked)) {
        return;
    }
    if (!status) {
        status = submit(asked, batch_work, batch_done);
    }
    if (!status) {
        return;
    }
    cm_fail(&asked->error, status, "answer", "no room for the batch");
    broke(asked);
    cm_query_pump(asked->query);
}

static void refusal_work(struct cm_job *job)
{
    struct cm_asked *asked = CM_CONTAINER(job, struct cm_asked, job);
    asked->verdict = cm_query_verify_refusal(asked);
}

static void refusal_done(struct cm_job *job)
{
    struct cm_asked *asked = CM_CONTAINER(job, struct cm_asked, job);
    struct cm_gateway_query *query = asked->query;
    if (!job_back(asked)) {
        return;
    }
    if (asked->verdict) {
        broke(asked);
    } else {
        show_record(asked);
        asked->refusal = asked->offered;
        asked->rules_digest = asked->offered_rules;
        cm_query_node_end(asked, CM_OUTCOME_REFUSED);
    }
    cm_query_pump(query);
}

static void on_refused(struct cm_call *call, const struct cm_envelope *refusal,
                       const struct cm_record *record)
{
    struct cm_asked *asked = of_call(call);
    if (asked->state == CM_ASKED_ENDED) {
        return;
    }
    // A worker may have the message and the error of a batch: then neither may be touched.
    if (asked->busy) {
        cm_query_node_end(asked, CM_OUTCOME_FAILED);
        cm_query_pump(asked->query);
        return;
    }
    asked->message.max = MAX_MESSAGE;
    asked->message.len = 0;
    enum cm_status status = CM_OK;
    if (asked->state != CM_ASKED_WAITED) {
        status = cm_fail(&asked->error, CM_INVALID, "refusal", "after the answer had begun");
    } else if (!(status = keep_record(asked, record)) &&
               ((status = cm_buf_add(&asked->message, refusal->raw.data, refusal->raw.len)) ||
                (status = submit(asked, refusal_work, refusal_done)))) {
        cm_fail(&asked->error, status, "refusal", "no room for it");
    }
    if (!status) {
        return;
    }
    broke(asked);
    cm_query_pump(asked->query);
}

// Of rows that are still here none goes out any more; an answer that went out whole stands.
static void on_withdrawn(struct cm_call *call)
{
    struct cm_asked *asked = of_call(call);
    if (asked->state == CM_ASKED_ENDED) {
        return;
    }
    struct cm_gateway_query *query = asked->query;
    bool whole =
        asked->state == CM_ASKED_DELIVERED && !cm_merge_holds(query->merge, slot_of(asked));
    if (!whole) {
        cm_merge_discard(query->merge, slot_of(asked));
    }
    cm_query_node_end(asked, whole ? CM_OUTCOME_ANSWERED : CM_OUTCOME_WITHDRAWN);
    if (!asked->busy) {
        cm_query_node_let_go(asked);
    }
    cm_query_pump(query);
}

static void on_lost(struct cm_call *call, bool started)
{
    struct cm_asked *asked = of_call(call);
    if (asked->busy) {
        asked->lost = true;
    }
    if (asked->busy || asked->state == CM_ASKED_DELIVERED || asked->state == CM_ASKED_ENDED) {
        return;
    }
    fail(asked, started ? CM_OUTCOME_FAILED : CM_OUTCOME_OFFLINE);
    cm_query_pump(asked->query);
}

// For a credit it was waited as long as for a first row; from now on the node can send.
static void on_sent(struct cm_call *call)
{
    struct cm_asked *asked = of_call(call);
    if (asked->state == CM_ASKED_WAITED) {
        wait_for(asked);
    }
}

static const struct cm_call_handlers handlers = {
    .sent = on_sent,
    .started = on_started,
    .batch = on_batch,
    .refused = on_refused,
    .withdrawn = on_withdrawn,
    .lost = on_lost,
};

enum cm_status cm_query_nodes_make(struct cm_gateway_query *query)
{
    const struct cm_decisions *decisions = &query->decisions;
    query->asked = cm_arena_array(query->arena, decisions->permitted, sizeof *query->asked);
    if (!query->asked) {
        return CM_MEMORY;
    }
    for (size_t i = 0; i < decisions->count; i++) {
        if (!decisions->list[i].permitted) {
            continue;
        }
        struct cm_inclusion path;
        enum cm_status status =
            cm_merkle_inclusion(&path, query->arena, decisions->tree, i, decisions->count);
        if (status) {
            return status;
        }
        struct cm_asked *asked = &query->asked[query->asked_count++];
        asked->query = query;
        asked->decision = &decisions->list[i];
        asked->rules_digest = decisions->list[i].standing->digest;
        asked->call = (struct cm_call){
            .agency = decisions->list[i].agency->id,
            .facts = &query->facts,
            .handlers = &handlers,
            .leaf = decisions->list[i].leaf,
            .leaf_index = (uint32_t)i,
            .path_count = path.count,
            .path = path.hashes,
            .attempt = 1,
        };
    }
    return CM_OK;
}

static void ask(struct cm_asked *asked)
{
    struct cm_gateway_query *query = asked->query;
    struct cm_gateway_ports *ports = cm_query_ports(query);
    asked->since_ms = cm_query_now(query);
    begin_check(asked);
    enum cm_outcome outcome = ports->presence(ports, asked->call.agency);
    if (outcome == CM_OUTCOME_NONE && asked->since_ms >= query->close_ms) {
        outcome = CM_OUTCOME_LATE;
    }
    if (outcome == CM_OUTCOME_NONE && !ports->ask(ports, &asked->call)) {
        outcome = CM_OUTCOME_OFFLINE;
    }
    if (outcome != CM_OUTCOME_NONE) {
        cm_query_node_end(asked, outcome);
        return;
    }
    asked->asked = true;
    if (cm_asked_state_go(&asked->state, CM_ASKED_WAITED)) {
        wait_for(asked);
    }
}

void cm_query_nodes_start(struct cm_gateway_query *query)
{
    const struct cm_query *asked = &query->checked.query;
    enum cm_status status = cm_merge_new(&query->merge, query->arena, query->asked_count,
                                         asked->limit, asked->order != CM_ORDER_UNORDERED);
    if (status) {
        struct cm_error error;
        cm_fail(&error, status, "gateway", "out of memory");
        cm_query_refuse(query, status, &error);
        return;
    }
    query->facts = (struct cm_call_facts){
        .query = query->request.query,
        .entry = cm_buf_bytes(&query->entry),
        .entry_index = query->append.index,
        .limit = asked->limit,
        .until_mono_ms = query->close_ms,
    };
    memcpy(query->facts.log_id, query->log_id, sizeof query->log_id);
    query->gateway->counters.queries++;
    if (!cm_query_go(query, CM_QUERY_MERGING)) {
        return;
    }
    cm_query_newer_directory(query);
    for (size_t i = 0; i < query->asked_count; i++) {
        ask(&query->asked[i]);
    }
    cm_query_plan(query, query->close_ms);
    cm_query_pump(query);
}

void cm_query_node_read(struct cm_asked *asked)
{
    struct cm_gateway_ports *ports = cm_query_ports(asked->query);
    wait_for(asked);
    ports->read(ports, &asked->call);
}

static bool waited_for(const struct cm_asked *asked)
{
    return asked->state != CM_ASKED_ENDED && !asked->busy &&
           cm_merge_waits(asked->query->merge, slot_of(asked));
}

// Nodes whose wait has ended are late; the wake for the next one is planned.
static void expire(struct cm_gateway_query *query)
{
    int64_t now = cm_query_time(query), next = INT64_MAX;
    for (size_t i = 0; i < query->asked_count; i++) {
        struct cm_asked *asked = &query->asked[i];
        if (!waited_for(asked)) {
            continue;
        }
        if (now >= asked->wait_until) {
            cm_query_node_end(asked, CM_OUTCOME_LATE);
        } else if (asked->wait_until < next) {
            next = asked->wait_until;
        }
    }
    if (next != INT64_MAX) {
        cm_query_plan(query, next + query->paused_total);
    }
}

void cm_query_nodes_late(struct cm_gateway_query *query)
{
    for (size_t i = 0; i < query->asked_count; i++) {
        if (query->asked[i].state != CM_ASKED_ENDED &&
            cm_merge_waits(query->merge, slot_of(&query->asked[i]))) {
            cm_query_node_end(&query->asked[i], CM_OUTCOME_LATE);
        }
    }
}

void cm_query_nodes_wake(struct cm_gateway_query *query)
{
    if (cm_query_now(query) >= query->close_ms) {
        query->closing = true;
    } else {
        cm_query_plan(query, query->close_ms);
        if (!query->paused_since) {
            expire(query);
        }
    }
    cm_query_pump(query);
}

void cm_query_nodes_release(struct cm_gateway_query *query)
{
    struct cm_gateway_ports *ports = cm_query_ports(query);
    for (size_t i = 0; i < query->asked_count; i++) {
        struct cm_asked *asked = &query->asked[i];
        if (asked->state == CM_ASKED_NONE || asked->state == CM_ASKED_ENDED) {
            continue;
        }
        if (cm_asked_state_go(&asked->state, CM_ASKED_ENDED)) {
            ports->release(ports, &asked->call, false);
        }
    }
}

void cm_query_nodes_clear(struct cm_gateway_query *query)
{
    for (size_t i = 0; i < query->asked_count; i++) {
        struct cm_asked *asked = &query->asked[i];
        cm_answer_check_clear(&asked->check);
        cm_buf_clear(&asked->message);
        cm_buf_clear(&asked->record);
        cm_query_node_let_go(asked);
    }
}
