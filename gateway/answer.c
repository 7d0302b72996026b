// One Answer call of an attached agency: its first message names session, ask and token, once; then
// its batches go to the query, one for each read. Loop thread.
#include "gateway/session_internal.h"

#include "proto/base/log.h"

#include <stdlib.h>

enum { START_ARENA_CAP = 512 * 1024 };

struct cm_answer {
    struct cm_sessions *sessions;
    struct cm_stream *stream; // NULL once closed
    struct cm_call *call;     // NULL before the start and once it isn't wanted
    struct cm_timer start_timer;
    struct cm_digest key_hash;
    struct cm_party *unstarted; // whose share of silent calls it counts in; NULL: none any more
    bool started, ended;
};

static void pass(struct cm_answer *answer)
{
    if (answer->unstarted) {
        answer->unstarted->unstarted--;
    }
    answer->unstarted = NULL;
}

static void finish(struct cm_answer *answer, enum cm_status status, const struct cm_error *error)
{
    if (answer->ended) {
        return;
    }
    answer->ended = true;
    pass(answer);
    cm_timer_cancel(answer->sessions->options.loop, &answer->start_timer);
    if (answer->stream) {
        cm_stream_finish(answer->stream, status, error);
    }
}

void cm_answer_unbind(struct cm_answer *answer, bool complete)
{
    answer->call->answer = NULL;
    answer->call = NULL;
    if (complete && answer->stream && cm_stream_write(answer->stream, CM_BYTES_NONE) == CM_OK) {
        finish(answer, CM_OK, NULL);
    } else {
        finish(answer, CM_CANCELLED, NULL);
    }
}

void cm_answer_read(struct cm_answer *answer)
{
    if (answer->stream && !answer->ended) {
        cm_stream_read(answer->stream);
    }
}

static void lost(struct cm_answer *answer)
{
    struct cm_call *call = answer->call;
    if (!call) {
        return;
    }
    cm_session_detach(call);
    call->handlers->lost(call, true);
}

static bool bind(struct cm_answer *answer, const struct cm_answer_start *start)
{
    struct cm_call *call = cm_sessions_call(answer->sessions, start->ask);
    if (!call || !call->session || !call->sent || call->spent) {
        return false;
    }
    const struct cm_session *session = call->session;
    if (!cm_secret_equal((struct cm_bytes){start->session, sizeof start->session},
                         (struct cm_bytes){session->id, sizeof session->id}) ||
        !cm_secret_equal((struct cm_bytes){start->token, sizeof start->token},
                         (struct cm_bytes){call->token, sizeof call->token}) ||
        !cm_digest_equal(&answer->key_hash, &session->key_hash)) {
        return false;
    }
    call->spent = true;
    call->answer = answer;
    answer->call = call;
    return true;
}

static void start(struct cm_answer *answer, struct cm_bytes message)
{
    struct cm_error error = {0};
    struct cm_answer_request request = {0};
    pass(answer);
    struct cm_arena *arena = cm_arena_new(START_ARENA_CAP);
    enum cm_status status = arena ? cm_answer_request_decode(&request, arena, message, &error)
                                  : cm_fail(&error, CM_MEMORY, "answer", "out of memory");
    if (!status && !request.is_start) {
        status = cm_fail(&error, CM_INVALID, "answer", "the first message is the start");
    }
    // One text for all: it doesn't tell which of ask, session, token or key was wrong.
    if (!status && !bind(answer, &request.start)) {
        status = cm_fail(&error, CM_FORBIDDEN, "answer.start", "no such ask of this node");
    }
    if (!status) {
        answer->started = true;
        answer->call->handlers->started(answer->call, &request.start.record);
    }
    cm_arena_free(arena);
    if (status) {
        if (status == CM_FORBIDDEN) {
            cm_log(CM_LOG_WARNING, "answer-not-asked", NULL);
        }
        finish(answer, status, &error);
        return;
    }
    if (!answer->ended) { // its record may have been no good
        cm_timer_cancel(answer->sessions->options.loop, &answer->start_timer);
        cm_stream_read(answer->stream);
    }
}

static void on_message(void *owner, struct cm_bytes message)
{
    struct cm_answer *answer = owner;
    if (!answer->started && !answer->ended) {
        start(answer, message);
    } else if (answer->call) {
        answer->call->handlers->batch(answer->call, message);
    }
}

// The node may close its side after its final batch; before it, nothing more can come.
static void on_end(void *owner)
{
    struct cm_answer *answer = owner;
    if (!answer->started) {
        finish(answer, CM_INVALID, NULL);
    } else {
        lost(answer);
    }
}

static void on_closed(void *owner, enum cm_status status, const struct cm_error *error)
{
    struct cm_answer *answer = owner;
    (void)status;
    (void)error;
    answer->stream = NULL;
    lost(answer);
    finish(answer, CM_CANCELLED, NULL);
    free(answer);
}

static const struct cm_stream_handlers handlers = {
    .on_message = on_message,
    .on_end = on_end,
    .on_closed = on_closed,
};

static void no_start(struct cm_timer *timer)
{
    struct cm_answer *answer = CM_CONTAINER(timer, struct cm_answer, start_timer);
    struct cm_error error;
    cm_fail(&error, CM_LATE, "answer.start", "no start within %d ms", CM_ANSWER_START_MS);
    finish(answer, CM_LATE, &error);
}

// Only who was asked has something to answer; more silent calls than credits aren't needed.
static enum cm_status let_in(struct cm_answer *answer, const struct cm_peer *peer,
                             struct cm_error *error)
{
    struct cm_sessions *sessions = answer->sessions;
    struct cm_signatory *node = NULL;
    enum cm_status status =
        cm_door_open(&node, sessions->options.gateway, NULL, peer, 1u << CM_ROLE_NODE, error);
    if (status) {
        return status;
    }
    struct cm_party *party = cm_sessions_party(sessions, cm_signatory_identity(node)->agency);
    answer->key_hash = cm_signatory_identity(node)->key_hash;
    cm_signatory_unref(node);
    if (!party || party->count == 0) {
        return cm_fail(error, CM_FORBIDDEN, "answer", "no node of this agency is attached");
    }
    if (party->unstarted >= party->count * CM_CREDITS) {
        cm_fail(error, CM_EXHAUSTED, "answer", "%u calls of this agency have sent nothing yet",
                party->unstarted);
        error->retry_after_ms = CM_ANSWER_START_MS;
        return CM_EXHAUSTED;
    }
    answer->unstarted = party;
    party->unstarted++;
    return CM_OK;
}

void cm_sessions_on_answer(void *context, struct cm_stream *stream)
{
    struct cm_sessions *sessions = context;
    struct cm_error error = {0};
    struct cm_answer *answer = calloc(1, sizeof *answer);
    if (!answer) {
        cm_door_refuse(stream, CM_MEMORY, NULL);
        return;
    }
    answer->sessions = sessions;
    answer->stream = stream;
    answer->start_timer.fire = no_start;
    enum cm_status status = let_in(answer, cm_stream_peer(stream), &error);
    if (status) {
        free(answer);
        cm_door_refuse(stream, status, &error);
        return;
    }
    cm_stream_accept(stream, &handlers, answer);
    if (cm_timer_set(sessions->options.loop, &answer->start_timer, CM_ANSWER_START_MS)) {
        finish(answer, CM_MEMORY, NULL);
    } else {
        cm_stream_read(stream);
    }
}
