// All agencies with a node: their rules, where to ask, what became of them.
#include "gateway/session_internal.h"

#include "acl/bundle/archive.h"
#include "proto/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PARTY_SLOTS = 4096, CALL_SLOTS = 16384, MAX_DOWN = 2 * CM_DIRECTORY_PART };

struct cm_party *cm_sessions_party(const struct cm_sessions *sessions, const char *agency)
{
    struct cm_map_node *node = cm_map_find(&sessions->parties, cm_bytes_of(agency));
    return node ? CM_CONTAINER(node, struct cm_party, by_id) : NULL;
}

struct cm_call *cm_sessions_call(const struct cm_sessions *sessions, uint64_t id)
{
    struct cm_bytes key = {(const uint8_t *)&id, sizeof id};
    struct cm_map_node *node = cm_map_find(&sessions->calls, key);
    return node ? CM_CONTAINER(node, struct cm_call, by_id) : NULL;
}

static struct cm_party *add_party(struct cm_sessions *sessions, const char *agency)
{
    struct cm_party *party = calloc(1, sizeof *party);
    if (!party) {
        return NULL;
    }
    snprintf(party->id, sizeof party->id, "%s", agency);
    party->by_id.key = cm_bytes_of(party->id);
    cm_map_add(&sessions->parties, &party->by_id);
    return party;
}

static enum cm_status add_parties(struct cm_sessions *sessions,
                                  void (*open)(struct cm_party *party,
                                               struct cm_sessions *sessions),
                                  struct cm_error *error)
{
    const struct cm_directory *directory = cm_trust_directory(sessions->options.gateway->trust);
    for (size_t i = 0; i < directory->agency_count; i++) {
        const struct cm_agency *agency = &directory->agencies[i];
        if (!agency->active || agency->node_pin_count == 0 ||
            cm_sessions_party(sessions, agency->id)) {
            continue;
        }
        struct cm_party *party = add_party(sessions, agency->id);
        if (!party) {
            return cm_fail(error, CM_MEMORY, "gateway", "out of memory");
        }
        open(party, sessions);
    }
    return CM_OK;
}

enum cm_status cm_sessions_new(struct cm_sessions **out, const struct cm_sessions_options *options,
                               struct cm_error *error)
{
    struct cm_sessions *sessions = calloc(1, sizeof *sessions);
    if (!sessions) {
        return cm_fail(error, CM_MEMORY, "gateway", "out of memory");
    }
    sessions->options = *options;
    sessions->out.max = MAX_DOWN;
    enum cm_status status = CM_OK;
    if (cm_map_init(&sessions->parties, PARTY_SLOTS) || cm_map_init(&sessions->calls, CALL_SLOTS)) {
        status = cm_fail(error, CM_MEMORY, "gateway", "out of memory");
    }
    if (!status && cm_rules_index_init(&sessions->rules, options->loop, options->gateway->trust)) {
        status = cm_fail(error, CM_MEMORY, "gateway", "out of memory");
    }
    if (!status) {
        status = add_parties(sessions, cm_desk_open, error);
    }
    if (status) {
        cm_sessions_free(sessions);
        return status;
    }
    *out = sessions;
    return CM_OK;
}

void cm_sessions_free(struct cm_sessions *sessions)
{
    if (!sessions) {
        return;
    }
    struct cm_map_node *node;
    while (sessions->parties.slots && (node = cm_map_next(&sessions->parties, NULL))) {
        struct cm_party *party = CM_CONTAINER(node, struct cm_party, by_id);
        cm_map_remove(&sessions->parties, node);
        cm_desk_clear(party);
        free(party);
    }
    cm_rules_index_clear(&sessions->rules);
    cm_map_clear(&sessions->parties);
    cm_map_clear(&sessions->calls);
    cm_buf_clear(&sessions->out);
    free(sessions);
}

struct cm_standing *cm_sessions_standing(const struct cm_sessions *sessions, const char *agency)
{
    const struct cm_party *party = cm_sessions_party(sessions, agency);
    return party ? party->desk.standing : NULL;
}

bool cm_sessions_decide(const struct cm_sessions *sessions, const struct cm_directory *directory,
                        const struct cm_request *request, uint8_t *verdicts)
{
    return cm_rules_index_decide(&sessions->rules, directory, request, verdicts);
}

enum cm_outcome cm_sessions_presence(const struct cm_sessions *sessions, const char *agency)
{
    const struct cm_party *party = cm_sessions_party(sessions, agency);
    if (!party) {
        return CM_OUTCOME_OFFLINE;
    }
    for (const struct cm_session *one = party->first; one; one = one->next) {
        if (!one->keeps_only) {
            return CM_OUTCOME_NONE;
        }
    }
    if (party->first) {
        return CM_OUTCOME_OFFLINE;
    }
    if (party->incompatible) {
        return CM_OUTCOME_INCOMPATIBLE;
    }
    return party->detached ? CM_OUTCOME_DETACHED : CM_OUTCOME_OFFLINE;
}

static bool reached(const struct cm_call *call, const struct cm_session *session)
{
    for (unsigned i = 0; i < call->reached_count; i++) {
        if (memcmp(call->reached[i], session->instance, sizeof session->instance) == 0) {
            return true;
        }
    }
    return false;
}

bool cm_sessions_ask(struct cm_sessions *sessions, struct cm_call *call)
{
    struct cm_party *party = cm_sessions_party(sessions, call->agency);
    struct cm_session *best = NULL;
    for (struct cm_session *one = party ? party->first : NULL; one; one = one->next) {
        if (!one->keeps_only && one->serial != call->tried && !reached(call, one) &&
            (!best || one->load < best->load)) {
            best = one;
        }
    }
    if (!best || cm_random(call->token, sizeof call->token)) {
        return false;
    }
    call->id = ++sessions->next_call;
    call->by_id.key = (struct cm_bytes){(const uint8_t *)&call->id, sizeof call->id};
    cm_map_add(&sessions->calls, &call->by_id);
    cm_session_enqueue(best, call);
    struct cm_call *outer = sessions->asking;
    sessions->asking = call;
    cm_session_pump(best);
    sessions->asking = outer;
    return call->session != NULL;
}

void cm_sessions_read(struct cm_call *call)
{
    if (call->answer) {
        cm_answer_read(call->answer);
    }
}

void cm_sessions_release(struct cm_call *call, bool complete)
{
    struct cm_session *session = call->session;
    bool tell = session && call->sent && !complete;
    uint64_t id = call->id;
    if (call->answer) {
        cm_answer_unbind(call->answer, complete);
    }
    cm_session_detach(call);
    if (tell) {
        cm_session_cancel(session, id);
    }
}

// One session of those that the test holds for, closing it; false when there is none.
static bool cut_one(struct cm_sessions *sessions)
{
    struct cm_gateway *gateway = sessions->options.gateway;
    for (struct cm_session *one = sessions->opened; one; one = one->opened_next) {
        if (!one->attached) {
            continue;
        }
        struct cm_error error = {0};
        struct cm_signatory *node = NULL;
        enum cm_status status = cm_trust_chain(&node, gateway->trust, one->chain, one->chain_count,
                                               cm_wall_ms(gateway->ports->clock), &error);
        cm_signatory_unref(node);
        if (!status) {
            continue;
        }
        cm_log(CM_LOG_WARNING, "node-cut-off", "agency=%s field=%s error=\"%s\"", one->party->id,
               error.where, error.text);
        cm_session_close(one, status, &error);
        return true;
    }
    return false;
}

void cm_sessions_recheck(struct cm_sessions *sessions)
{
    // Closing one may end queries and so change the list: begin again each time.
    bool cut = true;
    while (cut) {
        cut = cut_one(sessions);
    }
}

// Worker.
static void keep_work(struct cm_job *job)
{
    struct cm_sessions *sessions = CM_CONTAINER(job, struct cm_sessions, keep_job);
    struct cm_error error = {0};
    if (cm_archive_keep(sessions->options.folder, sessions->keeping, &error)) {
        cm_log(CM_LOG_ERROR, "directory-not-kept", "field=%s error=\"%s\"", error.where,
               error.text);
    }
}

static void keep_directory(struct cm_sessions *sessions);

static void kept(struct cm_job *job)
{
    struct cm_sessions *sessions = CM_CONTAINER(job, struct cm_sessions, keep_job);
    cm_trust_unref(sessions->keeping);
    sessions->keeping = NULL;
    if (sessions->keep_again && !sessions->closing) {
        keep_directory(sessions);
    }
}

// For the rule sets that will name it; those that come meanwhile wait behind it.
static void keep_directory(struct cm_sessions *sessions)
{
    sessions->keep_again = sessions->keeping != NULL;
    if (sessions->keeping || sessions->closing) {
        return;
    }
    sessions->keeping = cm_trust_ref(sessions->options.gateway->trust);
    sessions->keep_job = (struct cm_job){.work = keep_work, .done = kept};
    if (cm_workers_submit(sessions->options.slow, &sessions->keep_job)) {
        cm_log(CM_LOG_ERROR, "directory-not-kept", "why=overload");
        cm_trust_unref(sessions->keeping);
        sessions->keeping = NULL;
    }
}

void cm_sessions_retrust(struct cm_sessions *sessions)
{
    struct cm_error error = {0};
    cm_rules_index_retrust(&sessions->rules, sessions->options.gateway->trust);
    if (add_parties(sessions, cm_desk_open_later, &error)) {
        cm_log(CM_LOG_ERROR, "rules-not-loaded", "field=%s error=\"%s\"", error.where, error.text);
    }
    keep_directory(sessions);
    cm_sessions_recheck(sessions);
    for (struct cm_session *one = sessions->opened; one; one = one->opened_next) {
        if (!one->attached) {
            continue;
        }
        cm_session_push_directory(one, 0);
        cm_session_pump(one);
    }
}

void cm_sessions_close(struct cm_sessions *sessions)
{
    sessions->closing = true;
    for (;;) {
        struct cm_session *one = sessions->opened;
        while (one && one->closed) {
            one = one->opened_next;
        }
        if (!one) {
            return;
        }
        struct cm_error error;
        cm_fail(&error, CM_UNAVAILABLE, "gateway", "this gateway is shutting down");
        cm_session_close(one, CM_UNAVAILABLE, &error);
    }
}

void cm_sessions_copies_ready(struct cm_sessions *sessions, const char *agency)
{
    struct cm_party *party = cm_sessions_party(sessions, agency);
    for (struct cm_session *one = party ? party->first : NULL, *next; one; one = next) {
        next = one->next;
        cm_session_pump(one);
    }
}

size_t cm_sessions_count(const struct cm_sessions *sessions)
{
    return sessions->count;
}
