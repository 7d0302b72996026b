// How a recorded query ends: the signed manifest, and the copy of it all for the requester's
// agency; also where the caller went away or was cut off. Loop thread but where it says worker.
#include "gateway/query_internal.h"

#include "gateway/manifest.h"
#include "proto/base/log.h"
#include "proto/envelope/dsse.h"

static void fill_account(struct cm_account *account, const struct cm_asked *asked)
{
    *account = (struct cm_account){
        .agency = asked->call.agency,
        .outcome = asked->outcome,
        .rows = asked->rows,
        .last_key = {asked->last_key, asked->last_key_len},
        .last_header = asked->last_header,
        .more_matched =
            asked->more_matched ||
            (asked->query->merge &&
             cm_merge_cut_node(asked->query->merge, (size_t)(asked - asked->query->asked))),
        .visible_from_ms = asked->visible_from_ms,
        .fields_withheld = asked->fields_withheld,
        .rows_withheld = asked->rows_withheld,
        .elapsed_ms = (uint32_t)(asked->ended_ms - asked->since_ms),
        .rules_digest = asked->rules_digest,
        .reason = "",
        .record_digest = asked->record_digest,
    };
}

static void log_end(const struct cm_gateway_query *query, const struct cm_manifest *manifest)
{
    const uint32_t *counts = manifest->counts;
    cm_log(CM_LOG_INFO, query->cut_off ? "query-ended" : "query-answered",
           "digest=%s permitted=%u answered=%u refused=%u late=%u failed=%u offline=%u rows=%llu "
           "cut=%d ms=%lld",
           query->log_id, query->decisions.permitted, counts[CM_OUTCOME_ANSWERED],
           counts[CM_OUTCOME_REFUSED], counts[CM_OUTCOME_LATE], counts[CM_OUTCOME_FAILED],
           counts[CM_OUTCOME_OFFLINE] + counts[CM_OUTCOME_DETACHED],
           (unsigned long long)manifest->rows, manifest->cut,
           (long long)(manifest->finished_ms - manifest->started_ms));
}

// Worker.
static enum cm_status fill_manifest(struct cm_manifest *manifest, struct cm_gateway_query *query)
{
    const struct cm_directory *directory = cm_trust_directory(query->trust);
    struct cm_account *accounts =
        cm_arena_array(query->arena, query->asked_count, sizeof *accounts);
    *manifest = (struct cm_manifest){
        .query_digest = query->checked.digest,
        .gateway = query->gateway->name,
        .directory_serial = directory->serial,
        .directory_digest = directory->digest,
        .started_ms = query->started_ms,
        .finished_ms = cm_wall_ms(cm_query_ports(query)->clock),
        .entry = cm_buf_bytes(&query->entry),
        .checkpoint = query->head->note,
        .inclusion = query->inclusion,
        .cut = query->merge && cm_merge_cut(query->merge),
    };
    if (!accounts) {
        return CM_MEMORY;
    }
    for (size_t i = 0; i < query->asked_count; i++) {
        fill_account(&accounts[i], &query->asked[i]);
        manifest->cut = manifest->cut || accounts[i].more_matched;
    }
    return cm_manifest_account(manifest, query->arena, &query->decisions, accounts,
                               query->asked_count);
}

// Worker.
static enum cm_status make_manifest(struct cm_envelope *out, struct cm_gateway_query *query)
{
    struct cm_manifest manifest;
    struct cm_buf payload = {0}, envelope = {0};
    enum cm_status status = fill_manifest(&manifest, query);
    if (!status) {
        log_end(query, &manifest);
        status = cm_manifest_encode(&payload, &manifest);
    }
    if (!status) {
        status = cm_dsse_sign(&envelope, CM_FAMILY_MANIFEST, cm_buf_bytes(&payload), query->signer,
                              true);
    }
    if (!status) {
        status = cm_envelope_decode(out, query->arena, cm_buf_bytes(&envelope), &query->error);
    }
    if (!status) {
        query->end.digest = query->checked.digest;
        query->end.index = query->append.index;
        query->end.number = cm_copy_number(query->gateway->epoch, query->append.index);
        query->end.answered = manifest.counts[CM_OUTCOME_ANSWERED];
        query->end.rows = manifest.rows;
        cm_sha256_of(&query->end.manifest, out->payload);
    }
    cm_buf_clear(&payload);
    cm_buf_clear(&envelope);
    return status;
}

// Worker.
static enum cm_status make_copy(struct cm_gateway_query *query, const struct cm_envelope *manifest)
{
    struct cm_bytes *leaves = cm_arena_array(query->arena, query->asked_count, sizeof *leaves);
    struct cm_attach_down down = {.kind = CM_DOWN_COPY};
    struct cm_copy *copy = &down.copy;
    if (!leaves) {
        return CM_MEMORY;
    }
    *copy = (struct cm_copy){
        .number = query->end.number,
        .query = query->request.query,
        .record = {cm_buf_bytes(&query->entry), query->head->note, query->inclusion},
        .leaves = leaves,
        .manifest = *manifest,
    };
    for (size_t i = 0; i < query->asked_count; i++) {
        if (query->asked[i].asked) {
            leaves[copy->leaf_count++] = query->asked[i].call.leaf;
        }
    }
    query->end.asked = (uint32_t)copy->leaf_count;
    return cm_attach_down_encode(&query->copy, &down);
}

static void sign_work(struct cm_job *job)
{
    struct cm_gateway_query *query = CM_CONTAINER(job, struct cm_gateway_query, job);
    struct cm_lookup_response response = {.kind = CM_LOOKUP_MANIFEST};
    query->verdict = make_manifest(&response.u.envelope, query);
    if (!query->verdict) {
        query->out.len = 0;
        query->out.max = CM_MAX_LOOKUP_RESPONSE;
        query->verdict = cm_lookup_response_encode(&query->out, &response);
    }
    if (!query->verdict && make_copy(query, &response.u.envelope)) {
        query->copy.len = 0;
    }
}

// Without one the ledger says of no end: it is made again from the ledger at the next start.
static void hand_over(struct cm_gateway_query *query)
{
    struct cm_gateway_ports *ports = cm_query_ports(query);
    if (query->verdict || query->copy.len == 0) {
        cm_log(CM_LOG_ERROR, "copy-not-made", "digest=%s", query->log_id);
        return;
    }
    ports->ended(ports, cm_signatory_identity(query->checked.signer)->agency, &query->copy,
                 &query->end);
}

static void accounted(struct cm_job *job)
{
    struct cm_gateway_query *query = CM_CONTAINER(job, struct cm_gateway_query, job);
    hand_over(query);
    if (!cm_query_back(query)) {
        return;
    }
    if (query->verdict) {
        cm_query_broken(query, CM_INTERNAL, "manifest");
    } else if (cm_query_go(query, CM_QUERY_ENDING)) {
        cm_query_pump(query);
    }
}

// Whoever has no outcome had none by the end.
static void end_all(struct cm_gateway_query *query)
{
    for (size_t i = 0; i < query->asked_count; i++) {
        struct cm_asked *asked = &query->asked[i];
        if (asked->outcome != CM_OUTCOME_NONE) {
            continue;
        }
        asked->outcome = CM_OUTCOME_LATE;
        asked->ended_ms = cm_query_now(query);
        asked->since_ms = asked->since_ms ? asked->since_ms : asked->ended_ms;
    }
}

void cm_query_account(struct cm_gateway_query *query)
{
    if (query->reach) {
        return;
    }
    query->accounting = true;
    query->cut_off = query->state == CM_QUERY_CLOSED;
    end_all(query);
    cm_query_submit(query, sign_work, accounted);
}
