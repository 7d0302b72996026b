// What a query sends its caller, in order: the newer directory, what was accepted, refusals and
// progress, batches as they merge, the manifest. Loop thread but where it says worker.
#include "gateway/query_internal.h"

#include "proto/base/log.h"
#include "proto/trust/directory_store.h"

#include <string.h>

void cm_query_broken(struct cm_gateway_query *query, enum cm_status status, const char *what)
{
    struct cm_error error;
    cm_fail(&error, status, "gateway", "the gateway could not make its %s", what);
    cm_query_refuse(query, status, &error);
}

// False when the query was closed instead.
static bool send_response(struct cm_gateway_query *query, const struct cm_lookup_response *response,
                          const char *what)
{
    struct cm_gateway_ports *ports = cm_query_ports(query);
    query->out.len = 0;
    query->out.max = CM_MAX_LOOKUP_RESPONSE;
    enum cm_status status = cm_lookup_response_encode(&query->out, response);
    if (!status) {
        status = ports->write(ports, query, cm_buf_bytes(&query->out));
    }
    if (status && status != CM_CANCELLED) {
        cm_query_broken(query, status, what);
    }
    return status == CM_OK;
}

void cm_query_newer_directory(struct cm_gateway_query *query)
{
    if (query->request.directory_serial >= cm_trust_directory(query->trust)->serial) {
        return;
    }
    query->bundle = cm_trust_bundle(query->trust);
    query->parts = cm_directory_part_count(query->bundle);
}

static bool send_directory(struct cm_gateway_query *query)
{
    struct cm_lookup_response response = {.kind = CM_LOOKUP_DIRECTORY};
    response.u.directory =
        cm_directory_part_at(query->bundle, cm_trust_directory(query->trust)->serial, query->part);
    query->part++;
    return send_response(query, &response, "directory");
}

static bool send_accepted(struct cm_gateway_query *query)
{
    const char **agencies = cm_arena_array(query->arena, query->asked_count, sizeof(const char *));
    if (!agencies) {
        cm_query_broken(query, CM_MEMORY, "list of agencies");
        return false;
    }
    struct cm_lookup_response response = {.kind = CM_LOOKUP_ACCEPTED};
    struct cm_accepted *accepted = &response.u.accepted;
    accepted->entry = cm_buf_bytes(&query->entry);
    accepted->checkpoint = query->head->note;
    accepted->inclusion = query->inclusion;
    accepted->agencies = agencies;
    for (size_t i = 0; i < query->asked_count; i++) {
        if (query->asked[i].asked) {
            agencies[accepted->agency_count++] = query->asked[i].call.agency;
        }
    }
    query->accepted = true;
    return send_response(query, &response, "record");
}

static bool send_record(struct cm_gateway_query *query)
{
    struct cm_asked *asked = query->record_first;
    struct cm_lookup_response response = {.kind = CM_LOOKUP_RECORD};
    response.u.record.agency = asked->call.agency;
    query->record_first = asked->record_next;
    if (!query->record_first) {
        query->record_last = NULL;
    }
    if (cm_record_decode(&response.u.record.record, query->arena, cm_buf_bytes(&asked->record),
                         NULL)) {
        cm_query_broken(query, CM_MEMORY, "copy of a node's record");
        return false;
    }
    bool sent = send_response(query, &response, "copy of a node's record");
    cm_buf_clear(&asked->record);
    return sent;
}

static bool send_due(struct cm_gateway_query *query)
{
    struct cm_asked *asked = query->due_first;
    struct cm_lookup_response response = {.kind = CM_LOOKUP_REFUSAL};
    if (asked->refusal.family != CM_FAMILY_NONE) {
        response.u.envelope = asked->refusal;
        asked->refusal.family = CM_FAMILY_NONE;
        return send_response(query, &response, "refusal");
    }
    query->due_first = asked->due_next;
    if (!query->due_first) {
        query->due_last = NULL;
    }
    response.kind = CM_LOOKUP_PROGRESS;
    response.u.progress = (struct cm_progress){
        .agency = asked->call.agency, .outcome = asked->outcome, .rows = asked->rows};
    return send_response(query, &response, "progress");
}

static enum cm_status make_withheld(struct cm_batch *out, struct cm_asked *asked, uint32_t rows)
{
    const struct cm_batch *held = &asked->request.batch;
    size_t count = held->row_count - rows;
    struct cm_withheld *withheld = cm_arena_array(asked->arena, count, sizeof *withheld);
    if (!withheld) {
        return CM_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        withheld[i].key = held->rows[rows + i].key;
        cm_row_leaf(&withheld[i].leaf, held->rows[rows + i].key, held->rows[rows + i].row);
    }
    *out = *held;
    out->row_count = rows;
    out->withheld = withheld;
    out->withheld_count = count;
    return CM_OK;
}

// The account says what the headers said that went out, and nothing of others.
static void count_forwarded(struct cm_asked *asked, uint32_t rows)
{
    const struct cm_batch *held = &asked->request.batch;
    cm_sha256_of(&asked->last_header, held->header.payload);
    asked->rows += rows;
    asked->headers++;
    asked->more_matched = asked->header.more_matched;
    asked->rows_withheld = asked->header.rows_withheld;
    asked->visible_from_ms = asked->header.visible_from_ms;
    asked->fields_withheld = asked->header.fields_withheld;
    asked->rules_digest = asked->header.rules_digest;
    asked->query->gateway->counters.rows += rows;
    if (rows == 0) {
        return;
    }
    asked->last_key_len = held->rows[rows - 1].key.len;
    memcpy(asked->last_key, held->rows[rows - 1].key.data, asked->last_key_len);
}

static bool send_step(struct cm_gateway_query *query, const struct cm_merge_step *step)
{
    struct cm_asked *asked = &query->asked[step->node];
    struct cm_lookup_response response = {.kind = CM_LOOKUP_UNMERGED};
    response.u.envelope = asked->request.batch.header;
    if (step->kind == CM_MERGE_BATCH) {
        response.kind = CM_LOOKUP_BATCH;
        if (make_withheld(&response.u.batch, asked, step->rows)) {
            cm_query_broken(query, CM_MEMORY, "batch");
            return false;
        }
    }
    if (!send_response(query, &response, "batch")) {
        return false;
    }
    count_forwarded(asked, step->rows);
    cm_query_node_let_go(asked);
    if (step->more) {
        cm_query_node_read(asked);
    } else if (asked->state != CM_ASKED_ENDED) {
        cm_query_node_end(asked, CM_OUTCOME_ANSWERED);
    } else {
        cm_query_node_due(asked);
    }
    return true;
}

// Whom the limit left without an answer: it stands by what came of it.
static bool end_rest(struct cm_gateway_query *query)
{
    bool any = false;
    for (size_t i = 0; i < query->asked_count; i++) {
        struct cm_asked *asked = &query->asked[i];
        if (asked->state == CM_ASKED_ENDED) {
            continue;
        }
        cm_query_node_end(asked, asked->headers > 0 ? CM_OUTCOME_ANSWERED : CM_OUTCOME_LATE);
        any = true;
    }
    return any;
}

// True when there may be more to send now.
static bool merge_next(struct cm_gateway_query *query)
{
    if (query->closing) {
        cm_query_nodes_late(query);
    }
    struct cm_merge_step step = cm_merge_next(query->merge);
    switch (step.kind) {
    case CM_MERGE_IDLE:
        break;
    case CM_MERGE_BATCH:
    case CM_MERGE_UNMERGED:
        return send_step(query, &step);
    case CM_MERGE_DONE:
        if (end_rest(query) || query->due_first) {
            return true;
        }
        if (cm_query_go(query, CM_QUERY_SIGNING)) {
            cm_query_account(query);
        }
        break;
    }
    return false;
}

static bool send_next(struct cm_gateway_query *query)
{
    if (query->state == CM_QUERY_ENDING) {
        struct cm_gateway_ports *ports = cm_query_ports(query);
        if (!ports->write(ports, query, cm_buf_bytes(&query->out))) {
            cm_query_end(query);
        }
        return false;
    }
    if (query->part < query->parts) {
        return send_directory(query);
    }
    if (!query->accepted) {
        return send_accepted(query);
    }
    if (query->record_first) {
        return send_record(query);
    }
    if (query->due_first) {
        return send_due(query);
    }
    return merge_next(query);
}

// While the caller takes nothing, no node's wait runs: none of them could be heard.
static void pause(struct cm_gateway_query *query, bool writable)
{
    int64_t now = cm_query_now(query);
    if (!writable && !query->paused_since) {
        query->paused_since = now;
    } else if (writable && query->paused_since) {
        query->paused_total += now - query->paused_since;
        query->paused_since = 0;
        cm_query_plan(query, now + 1);
    }
}

void cm_query_pump(struct cm_gateway_query *query)
{
    struct cm_gateway_ports *ports = cm_query_ports(query);
    while (query->state == CM_QUERY_MERGING || query->state == CM_QUERY_ENDING) {
        bool writable = ports->writable(ports, query);
        if (query->state == CM_QUERY_MERGING) {
            pause(query, writable);
        }
        if (!writable || !send_next(query)) {
            return;
        }
    }
}

static enum cm_status make_reach(struct cm_gateway_query *query)
{
    struct cm_gateway_ports *ports = cm_query_ports(query);
    const struct cm_directory *directory = cm_trust_directory(query->trust);
    struct cm_progress *list = cm_arena_array(query->arena, query->decisions.count, sizeof *list);
    if (!list) {
        return CM_MEMORY;
    }
    struct cm_reach_response response = {
        .directory_serial = directory->serial,
        .directory_digest = directory->digest,
        .entry = cm_buf_bytes(&query->entry),
        .checkpoint = query->head->note,
        .inclusion = query->inclusion,
        .agencies = list,
    };
    for (size_t i = 0; i < query->decisions.count; i++) {
        const struct cm_decision *decision = &query->decisions.list[i];
        enum cm_outcome outcome = decision->outcome;
        if (decision->permitted) {
            outcome = ports->presence(ports, decision->agency->id);
        }
        if (decision->permitted || decision->named) {
            list[response.agency_count++] =
                (struct cm_progress){.agency = decision->agency->id, .outcome = outcome};
        }
        response.counts[outcome]++;
    }
    query->out.max = CM_MAX_LOOKUP_RESPONSE;
    return cm_reach_response_encode(&query->out, &response);
}

void cm_query_reach_reply(struct cm_gateway_query *query)
{
    query->gateway->counters.reaches++;
    if (make_reach(query)) {
        cm_query_broken(query, CM_INTERNAL, "answer");
        return;
    }
    cm_log(CM_LOG_INFO, "reach-answered", "digest=%s permitted=%u", query->log_id,
           query->decisions.permitted);
    if (cm_query_go(query, CM_QUERY_ENDING)) {
        cm_query_pump(query);
    }
}
