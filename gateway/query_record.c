// A query from its request to its durable record: checked on a worker, claimed against replay,
// decided on a worker, appended. Loop thread but where it says worker.
#include "gateway/query_internal.h"

#include <string.h>

enum { SCRATCH_CAP = 8 * 1024 * 1024 };

static struct cm_gateway_query *of_job(struct cm_job *job)
{
    return CM_CONTAINER(job, struct cm_gateway_query, job);
}

static enum cm_status check_family(struct cm_gateway_query *query)
{
    enum cm_family wanted = query->reach ? CM_FAMILY_REACH : CM_FAMILY_QUERY;
    if (query->request.query.family == wanted) {
        return CM_OK;
    }
    return cm_fail(&query->error, CM_INVALID, "query.payload_type", "this call takes a %s",
                   cm_family_facts(wanted)->name);
}

static enum cm_status check_serial(struct cm_gateway_query *query)
{
    uint64_t serial = cm_trust_directory(query->trust)->serial;
    if (query->request.directory_serial <= serial) {
        return CM_OK;
    }
    cm_fail(&query->error, CM_STALE, "directory_serial",
            "this gateway has directory %llu, the caller %llu", (unsigned long long)serial,
            (unsigned long long)query->request.directory_serial);
    cm_error_hint(&query->error, "ask another gateway, and tell the operator of this one");
    return CM_STALE;
}

// Worker. What TLS says of the caller comes before what the query says of its signer, but a
// malformed query is told so first (WIRE.md, "Checks").
static enum cm_status check(struct cm_gateway_query *query)
{
    enum cm_status status =
        cm_lookup_request_decode(&query->request, query->arena, query->message, &query->error);
    if (!status) {
        status = check_family(query);
    }
    if (status) {
        return status;
    }
    int64_t now = cm_wall_ms(cm_query_ports(query)->clock);
    struct cm_signatory *peer = NULL;
    struct cm_error peer_error = {0};
    enum cm_status peer_status =
        cm_trust_chain(&peer, query->trust, query->chain, query->chain_count, now, &peer_error);
    struct cm_query_expectation expectation = {
        .gateway = query->gateway->name,
        .caller = peer_status ? NULL : cm_signatory_identity(peer),
        .actions = query->gateway->actions,
        .now_ms = now,
    };
    status = cm_query_check(&query->checked, query->arena, query->trust, &query->request.query,
                            &expectation, &query->error);
    cm_signatory_unref(peer);
    if (peer_status && status != CM_INVALID) {
        query->error = peer_error;
        return peer_status;
    }
    if (status && status != CM_NOT_SERVED) {
        return status;
    }
    enum cm_status serial_status = check_serial(query);
    return serial_status ? serial_status : status;
}

// What fails after the signature is still somebody's question, to be recorded as such.
static bool was_signed(struct cm_gateway_query *query)
{
    struct cm_checked_query *checked = &query->checked;
    const struct cm_envelope *envelope = &query->request.query;
    struct cm_signatory *signers[2] = {0};
    if (query->verdict != CM_FORBIDDEN && query->verdict != CM_STALE &&
        query->verdict != CM_NOT_SERVED) {
        return false;
    }
    enum cm_status status =
        query->reach ? cm_reach_decode(&checked->query, query->arena, envelope->payload, NULL)
                     : cm_query_decode(&checked->query, query->arena, envelope->payload, NULL);
    if (!status) {
        status = cm_trust_verify(signers, query->trust, envelope, NULL,
                                 cm_wall_ms(cm_query_ports(query)->clock), NULL);
    }
    bool holds = false;
    if (!status) {
        const struct cm_identity *signer = cm_signatory_identity(signers[0]);
        holds = strcmp(signer->spiffe, checked->query.signer) == 0 &&
                cm_digest_equal(&signer->key_hash, &checked->query.key_hash);
    }
    cm_signatory_unref(signers[0]);
    return holds;
}

static void check_work(struct cm_job *job)
{
    struct cm_gateway_query *query = of_job(job);
    query->verdict = check(query);
    query->was_signed = query->verdict && was_signed(query);
}

// Worker.
static enum cm_status decide(struct cm_gateway_query *query)
{
    struct cm_arena *scratch = cm_arena_new(SCRATCH_CAP);
    if (!scratch) {
        return CM_MEMORY;
    }
    enum cm_status status = cm_decide(&query->decisions, query->arena, scratch,
                                      cm_trust_directory(query->trust), &query->checked.query);
    cm_arena_free(scratch);
    if (!status) {
        status = cm_query_nodes_make(query);
    }
    return status;
}

static void decide_work(struct cm_job *job)
{
    struct cm_gateway_query *query = of_job(job);
    query->verdict = decide(query);
    if (query->verdict) {
        cm_fail(&query->error, query->verdict, "gateway", "the decision could not be made");
    }
}

static enum cm_status check_cap(struct cm_gateway_query *query)
{
    const struct cm_purpose *purpose =
        cm_directory_purpose(cm_trust_directory(query->trust), query->checked.query.purpose);
    if (!purpose || purpose->fan_out_cap == 0 ||
        query->decisions.permitted <= purpose->fan_out_cap || query->reach) {
        return CM_OK;
    }
    cm_fail(&query->error, CM_EXHAUSTED, "purpose",
            "%u agencies permit this, and a query for this purpose may reach %u",
            query->decisions.permitted, purpose->fan_out_cap);
    cm_error_hint(&query->error, "name the agencies that matter");
    return CM_EXHAUSTED;
}

static enum cm_status make_entry(struct cm_gateway_query *query)
{
    const struct cm_checked_query *checked = &query->checked;
    struct cm_gateway_ports *ports = cm_query_ports(query);
    query->recorded_ms = cm_wall_ms(ports->clock);
    struct cm_entry entry = {
        .kind = query->reach ? CM_ENTRY_REACH : CM_ENTRY_QUERY,
        .recorded_ms = query->recorded_ms,
        .sealed = true,
        .digest = checked->digest,
        .replay_key = checked->replay_key,
        .expires_ms = checked->query.expires_ms,
        .directory_serial = cm_trust_directory(query->trust)->serial,
        .decisions = query->decisions.permitted,
    };
    if (!query->reach) {
        entry.decisions_root = query->decisions.root;
        entry.decisions = (uint32_t)query->decisions.count;
        cm_commitments_of(&entry.commitments, &checked->query,
                          cm_signatory_identity(checked->signer)->agency);
    }
    enum cm_status status = cm_entry_encode(&query->entry, &entry);
    if (status) {
        return status;
    }
    query->access = (struct cm_access){.question = query->request.query, .person = "", .text = ""};
    return ports->seal(ports, &query->sealed, &query->access, cm_buf_bytes(&query->entry),
                       query->recorded_ms);
}

static void prove(struct cm_gateway_query *query)
{
    struct cm_gateway_ports *ports = cm_query_ports(query);
    const struct cm_append *append = &query->append;
    query->head = append->head;
    ports->sealed(ports, &query->access, query->recorded_ms, append->index);
    query->recorded = ports->inclusion(ports, &query->inclusion, query->arena, append->index,
                                       query->head->checkpoint.size) == CM_OK;
}

static void recorded(struct cm_append *append)
{
    struct cm_gateway_query *query = CM_CONTAINER(append, struct cm_gateway_query, append);
    if (append->status == CM_OK) {
        prove(query);
    }
    if (query->recorded && query->state == CM_QUERY_CLOSED) {
        cm_query_account(query);
    }
    if (!cm_query_back(query)) {
        return;
    }
    struct cm_error error;
    if (append->status) {
        cm_fail(&error, CM_UNAVAILABLE, "gateway", "the query could not be recorded");
        cm_error_hint(&error, "ask the next gateway");
        cm_query_refuse(query, CM_UNAVAILABLE, &error);
        return;
    }
    if (!query->recorded) {
        cm_fail(&error, CM_INTERNAL, "gateway", "the record could not be proved");
        cm_query_refuse(query, CM_INTERNAL, &error);
        return;
    }
    if (query->reach && query->trust != query->gateway->trust) {
        cm_fail(&error, CM_UNAVAILABLE, "gateway",
                "the directory changed while it was decided who would be asked");
        cm_error_hint(&error, "ask again");
        cm_query_refuse(query, CM_UNAVAILABLE, &error);
    } else if (query->reach) {
        cm_query_reach_reply(query);
    } else {
        cm_query_nodes_start(query);
    }
}

static void record(struct cm_gateway_query *query)
{
    struct cm_gateway_ports *ports = cm_query_ports(query);
    query->append = (struct cm_append){.entry = cm_buf_bytes(&query->entry),
                                       .access = cm_buf_bytes(&query->sealed),
                                       .done = recorded};
    query->pending++;
    enum cm_status status = ports->append(ports, &query->append);
    if (!status) {
        return;
    }
    query->pending--;
    struct cm_error error;
    status = status == CM_EXHAUSTED ? status : CM_UNAVAILABLE;
    cm_fail(&error, status, "gateway", "the ledger takes no new entries now");
    cm_error_hint(&error, "ask the next gateway");
    error.retry_after_ms = status == CM_EXHAUSTED ? 1000 : 0;
    cm_query_refuse(query, status, &error);
}

static void decided(struct cm_job *job)
{
    struct cm_gateway_query *query = of_job(job);
    if (!cm_query_back(query)) {
        return;
    }
    enum cm_status status = query->verdict;
    if (!status) {
        status = check_cap(query);
    }
    if (!status && (status = make_entry(query))) {
        cm_fail(&query->error, status, "gateway", "the record could not be made");
    }
    if (status) {
        cm_query_refuse(query, status, &query->error);
    } else if (cm_query_go(query, CM_QUERY_RECORDING)) {
        record(query);
    }
}

// What every agency's rules are now, which is held until the query is freed, and what they say.
static enum cm_status gather(struct cm_gateway_query *query)
{
    struct cm_gateway_ports *ports = cm_query_ports(query);
    const struct cm_directory *directory = cm_trust_directory(query->trust);
    struct cm_decision *list = cm_arena_array(query->arena, directory->agency_count, sizeof *list);
    uint8_t *verdicts = cm_arena_array(query->arena, directory->agency_count, sizeof *verdicts);
    if (!list || !verdicts) {
        return CM_MEMORY;
    }
    query->decisions.list = list;
    query->decisions.request = cm_decide_request(&query->checked, cm_wall_ms(ports->clock));
    bool known = ports->decide(ports, directory, &query->decisions.request, verdicts);
    for (size_t i = 0; i < directory->agency_count; i++) {
        const struct cm_agency *agency = &directory->agencies[i];
        if (!agency->active) {
            continue;
        }
        struct cm_decision *decision = &list[query->decisions.count++];
        decision->agency = agency;
        decision->verdict = known ? (enum cm_verdict)verdicts[i] : CM_VERDICT_OPEN;
        struct cm_standing *standing = ports->standing(ports, agency->id);
        if (standing) {
            decision->standing = cm_standing_ref(standing);
        }
    }
    return CM_OK;
}

static enum cm_status claim(struct cm_gateway_query *query)
{
    const struct cm_checked_query *checked = &query->checked;
    const struct cm_identity *signer = cm_signatory_identity(checked->signer);
    enum cm_status status = cm_replay_claim(
        query->gateway->replay, &checked->replay_key, &signer->key_hash, signer->agency,
        checked->query.expires_ms, cm_wall_ms(cm_query_ports(query)->clock), &query->error);
    if (status) {
        return status;
    }
    status = cm_admit_share(query->gateway->admit, &query->admission, &signer->key_hash,
                            signer->agency, &query->error);
    if (!status && (status = gather(query))) {
        cm_fail(&query->error, status, "gateway", "out of memory");
    }
    return status;
}

static void set_times(struct cm_gateway_query *query)
{
    int64_t deadline = query->checked.query.deadline_ms;
    int64_t reserve = deadline / 10 < CM_QUERY_RESERVE_MS ? deadline / 10 : CM_QUERY_RESERVE_MS;
    query->deadline_ms = query->admitted_ms + deadline;
    query->close_ms = query->deadline_ms - reserve;
    cm_query_plan(query, query->deadline_ms);
}

// Who signed is judged by the directory and CRLs that count when it is decided.
static bool check_again(struct cm_gateway_query *query)
{
    if (query->trust == query->gateway->trust) {
        return false;
    }
    cm_checked_query_clear(&query->checked);
    cm_trust_unref(query->trust);
    query->trust = cm_trust_ref(query->gateway->trust);
    query->request = (struct cm_lookup_request){0};
    query->error = (struct cm_error){0};
    cm_query_check_start(query);
    return true;
}

static void checked_done(struct cm_job *job)
{
    struct cm_gateway_query *query = of_job(job);
    if (!cm_query_back(query) || check_again(query)) {
        return;
    }
    enum cm_status status = query->verdict;
    query->genuine = !status || query->was_signed;
    if (!status) {
        cm_hex(query->log_id, (struct cm_bytes){query->checked.digest.b, 4});
        set_times(query);
        status = claim(query);
    }
    if (status) {
        cm_query_refuse(query, status, &query->error);
    } else if (cm_query_go(query, CM_QUERY_DECIDING)) {
        cm_query_submit(query, decide_work, decided);
    }
}

void cm_query_check_start(struct cm_gateway_query *query)
{
    cm_query_submit(query, check_work, checked_done);
}
