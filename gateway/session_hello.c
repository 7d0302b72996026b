// A session's Hello: who the node is, its rules, its view of our ledger.
#include "gateway/session_internal.h"

#include "proto/base/log.h"

#include <stdlib.h>
#include <string.h>

enum { HELLO_ARENA_CAP = 4 * CM_MAX_ATTACH_UP };

void cm_session_free(struct cm_session *session)
{
    struct cm_session **link = &session->sessions->opened;
    while (*link != session) {
        link = &(*link)->opened_next;
    }
    *link = session->opened_next;
    cm_signatory_unref(session->node);
    if (session->trust) {
        cm_trust_unref(session->trust);
    }
    if (session->pushed) {
        cm_trust_unref(session->pushed);
    }
    cm_directory_parts_clear(&session->incoming);
    cm_arena_free(session->arena);
    cm_session_witness_clear(session);
    cm_buf_clear(&session->message);
    cm_buf_clear(&session->chain_bytes);
    free(session);
}

static int64_t wall(const struct cm_session *session)
{
    return cm_wall_ms(session->sessions->options.gateway->ports->clock);
}

// Worker.
static enum cm_status check(struct cm_session *session)
{
    enum cm_status status = cm_attach_up_decode(&session->up, session->arena,
                                                cm_buf_bytes(&session->message), &session->error);
    if (!status && session->up.kind != CM_UP_HELLO) {
        status = cm_fail(&session->error, CM_INVALID, "attach", "the first message is Hello");
    }
    if (!status) {
        status = cm_trust_chain(&session->node, session->trust, session->chain,
                                session->chain_count, wall(session), &session->error);
    }
    if (status) {
        return status;
    }
    const struct cm_identity *node = cm_signatory_identity(session->node);
    if (node->role != CM_ROLE_NODE) {
        return cm_fail(&session->error, CM_FORBIDDEN, "attach", "only role node may attach");
    }
    if (strcmp(node->agency, session->up.hello.agency) != 0) {
        return cm_fail(&session->error, CM_FORBIDDEN, "attach.hello.agency",
                       "not the agency of this certificate");
    }
    return cm_session_witness_hello(session, &session->error);
}

static void check_work(struct cm_job *job)
{
    struct cm_session *session = CM_CONTAINER(job, struct cm_session, job);
    session->verdict = check(session);
}

// What the node last saw of our ledger must be a beginning of it.
static void check_tree(struct cm_session *session)
{
    const struct cm_hello *hello = &session->up.hello;
    struct cm_ledger *ledger = session->sessions->options.ledger;
    const struct cm_checkpoint *head = &cm_ledger_head(ledger)->checkpoint;
    session->tree_size = hello->tree_size;
    if (hello->tree_size == 0) {
        cm_session_witness_begin(session, false);
        return;
    }
    struct cm_consistency proof;
    if (hello->tree_size <= head->size &&
        cm_ledger_prove_consistency(&proof, session->arena, ledger, hello->tree_size, head->size) ==
            CM_OK &&
        cm_merkle_check_consistency(&proof, &hello->tree_root, &head->root) == CM_OK) {
        cm_session_witness_begin(session, false);
        return;
    }
    cm_session_witness_begin(session, true);
    if (session->tree_size == 0) {
        return;
    }
    cm_log(CM_LOG_ERROR, "ledger-differs",
           "agency=%s node_size=%llu our_size=%llu: this node has seen another history of this "
           "gateway; it will refuse every query",
           session->party->id, (unsigned long long)hello->tree_size,
           (unsigned long long)head->size);
}

static void replace(struct cm_session *session)
{
    struct cm_session *old = session->party->first;
    while (old && memcmp(old->instance, session->instance, sizeof old->instance) != 0) {
        old = old->next;
    }
    if (!old) {
        return;
    }
    struct cm_error error;
    cm_fail(&error, CM_CANCELLED, "attach", "the same instance attached again");
    cm_session_close(old, CM_CANCELLED, &error);
}

static enum cm_status compatible(struct cm_session *session, struct cm_party *party)
{
    const struct cm_hello *hello = &session->up.hello;
    party->incompatible = hello->protocol_min > CM_PROTOCOL || hello->protocol_max < CM_PROTOCOL ||
                          hello->rule_language > CM_RULE_LANGUAGE;
    if (!party->incompatible) {
        return CM_OK;
    }
    cm_fail(&session->error, CM_NOT_SERVED, "attach.hello",
            "this gateway speaks protocol %d and rules %d", CM_PROTOCOL, CM_RULE_LANGUAGE);
    cm_error_hint(&session->error, "upgrade the older of the two; gateways go first");
    return CM_NOT_SERVED;
}

// Whom its certificate was judged by may have been replaced meanwhile.
static enum cm_status still_trusted(struct cm_session *session)
{
    cm_signatory_unref(session->node);
    return cm_trust_chain(&session->node, session->sessions->options.gateway->trust, session->chain,
                          session->chain_count, wall(session), &session->error);
}

static enum cm_status attach(struct cm_session *session)
{
    const struct cm_hello *hello = &session->up.hello;
    struct cm_party *party = session->joins;
    if (party->desk.damaged) {
        return cm_fail(&session->error, CM_FORBIDDEN, "attach.hello.agency",
                       "the rules of this agency that this gateway keeps are damaged");
    }
    enum cm_status status = still_trusted(session);
    if (status) {
        return status;
    }
    memcpy(session->instance, hello->instance, sizeof session->instance);
    session->party = party;
    replace(session);
    if (party->count >= CM_MAX_AGENCY_SESSIONS) {
        return cm_fail(&session->error, CM_EXHAUSTED, "attach", "%d nodes of this agency attached",
                       CM_MAX_AGENCY_SESSIONS);
    }
    session->key_hash = cm_signatory_identity(session->node)->key_hash;
    session->next = party->first;
    party->first = session;
    party->count++;
    party->detached = false;
    session->sessions->count++;
    session->attached = true;
    session->welcome_due = true;
    session->credits = hello->credits < CM_CREDITS ? hello->credits : CM_CREDITS;
    session->keeps_only = session->credits == 0;
    cm_log(CM_LOG_INFO, "node-attached", "agency=%s session=%llu credits=%u", party->id,
           (unsigned long long)session->serial, session->credits);
    check_tree(session);
    cm_session_push_directory(session, hello->directory_serial);
    cm_copies_attach(session->sessions->options.copies, party->id, session->serial);
    return CM_OK;
}

// Whatever was worked on for the session is back; false: it is closed, and perhaps gone.
static bool work_back(struct cm_session *session)
{
    session->busy = false;
    if (!session->closed) {
        return true;
    }
    if (!session->stream && !session->witness.busy) {
        cm_session_free(session);
    }
    return false;
}

static void work_clear(struct cm_session *session)
{
    cm_arena_free(session->arena);
    session->arena = NULL;
    cm_buf_clear(&session->message);
    cm_trust_unref(session->trust);
    session->trust = NULL;
}

static void refuse(struct cm_session *session, enum cm_status status)
{
    cm_log(CM_LOG_WARNING, "attach-refused", "status=%s field=%s error=\"%s\"",
           cm_status_name(status), session->error.where, session->error.text);
    cm_session_close(session, status, &session->error);
}

void cm_session_rules_taken(struct cm_session *session, enum cm_status status)
{
    if (!work_back(session)) {
        return;
    }
    if (status) {
        cm_fail(&session->error, status, "attach",
                "this gateway can't take in the rules of your agency now");
        cm_error_hint(&session->error, "attach again");
    } else {
        status = attach(session);
    }
    session->joins = NULL;
    work_clear(session);
    if (status) {
        refuse(session, status);
        return;
    }
    cm_session_pump(session);
    cm_stream_read(session->stream);
}

static enum cm_status join(struct cm_session *session)
{
    struct cm_party *party = cm_sessions_party(session->sessions, session->up.hello.agency);
    if (!party) {
        return cm_fail(&session->error, CM_FORBIDDEN, "attach.hello.agency",
                       "not an agency whose node this gateway can take");
    }
    enum cm_status status = compatible(session, party);
    if (status) {
        return status;
    }
    // Welcome comes once its rules count.
    session->joins = party;
    session->busy = true;
    cm_desk_hello(party, session);
    return CM_OK;
}

static void checked(struct cm_job *job)
{
    struct cm_session *session = CM_CONTAINER(job, struct cm_session, job);
    if (!work_back(session)) {
        return;
    }
    enum cm_status status = session->verdict ? session->verdict : join(session);
    if (status) {
        refuse(session, status);
    }
}

static void decode_work(struct cm_job *job)
{
    struct cm_session *session = CM_CONTAINER(job, struct cm_session, job);
    session->verdict = cm_attach_up_decode(&session->up, session->arena,
                                           cm_buf_bytes(&session->message), &session->error);
}

static void decoded(struct cm_job *job)
{
    struct cm_session *session = CM_CONTAINER(job, struct cm_session, job);
    if (!work_back(session)) {
        return;
    }
    // The stream delivers nothing before the next read, so these stay until here.
    cm_session_up(session, &session->up, session->verdict, &session->error);
    work_clear(session);
}

static void work_on(struct cm_session *session, struct cm_bytes message,
                    void (*work)(struct cm_job *job), void (*done)(struct cm_job *job))
{
    struct cm_gateway *gateway = session->sessions->options.gateway;
    session->message.max = CM_MAX_ATTACH_UP;
    session->message.len = 0;
    session->arena = cm_arena_new(HELLO_ARENA_CAP);
    session->trust = cm_trust_ref(gateway->trust);
    session->job = (struct cm_job){.work = work, .done = done};
    if (session->arena && !cm_buf_add(&session->message, message.data, message.len) &&
        !gateway->ports->submit(gateway->ports, &session->job)) {
        session->busy = true;
        return;
    }
    struct cm_error error;
    cm_fail(&error, CM_EXHAUSTED, "attach", "the gateway is overloaded");
    error.retry_after_ms = 1000;
    cm_session_close(session, CM_EXHAUSTED, &error);
}

void cm_session_decode(struct cm_session *session, struct cm_bytes message)
{
    work_on(session, message, decode_work, decoded);
}

void cm_session_hello(struct cm_session *session, struct cm_bytes message)
{
    cm_timer_cancel(session->sessions->options.loop, &session->hello_timer);
    cm_door_pass(session->sessions->options.gateway, &session->place);
    work_on(session, message, check_work, checked);
}
