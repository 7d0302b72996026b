// What a session's queries ask of it: the answer's own call, refusals, the gateway's checkpoint.
#include "nodes/attach_internal.h"

#include "proto/base/log.h"

#include <string.h>

static struct cm_attach *of_asker(struct cm_asker *asker)
{
    return CM_CONTAINER(asker, struct cm_attach, asker);
}

static struct cm_stream *stream_of(const struct cm_node_query *query)
{
    return *cm_node_query_answer((struct cm_node_query *)(uintptr_t)query);
}

static void refuse(struct cm_asker *asker, uint64_t ask, struct cm_bytes envelope,
                   const struct cm_record *record)
{
    struct cm_attach *attach = of_asker(asker);
    struct cm_attach_up up = {.kind = CM_UP_REFUSE, .ask = ask};
    if (record) {
        up.record = *record;
    }
    struct cm_arena *arena = cm_arena_new(MESSAGE_ARENA_CAP);
    enum cm_status status =
        arena ? cm_envelope_decode(&up.envelope, arena, envelope, NULL) : CM_MEMORY;
    if (!status && attach->phase == CM_ATTACH_ATTACHED) {
        status = cm_attach_queue(attach, &up);
    }
    if (status) {
        cm_log(CM_LOG_ERROR, "refusal-not-sent", "gateway=%s status=%s", asker->gateway,
               cm_status_name(status));
    }
    cm_arena_free(arena);
}

static void withdraw(struct cm_asker *asker, uint64_t ask, uint64_t rules_sequence)
{
    struct cm_attach *attach = of_asker(asker);
    const struct cm_attach_up up = {
        .kind = CM_UP_WITHDRAW, .ask = ask, .rules_sequence = rules_sequence};
    if (attach->phase == CM_ATTACH_ATTACHED && cm_attach_queue(attach, &up)) {
        cm_attach_break(attach, "a withdrawal could not be sent");
    }
}

static void keep(struct cm_asker *asker, struct cm_keep *wait, uint64_t size, struct cm_bytes note)
{
    cm_head_store_keep(&of_asker(asker)->heads, wait, size, note);
}

static void judged(struct cm_asker *asker)
{
    cm_attach_judge_checkpoint(of_asker(asker));
}

static void answer_writable(void *owner)
{
    cm_node_query_writable(owner);
}

static void answer_closed(void *owner, enum cm_status status, const struct cm_error *error)
{
    (void)error;
    if (status && status != CM_CANCELLED) {
        cm_log(CM_LOG_DEBUG, "answer-ended", "status=%s", cm_status_name(status));
    }
    cm_node_query_closed(owner, status);
}

static const struct cm_stream_handlers answer_handlers = {
    .on_writable = answer_writable,
    .on_closed = answer_closed,
};

static enum cm_status open_answer(struct cm_asker *asker, struct cm_node_query *query)
{
    struct cm_attach *attach = of_asker(asker);
    const struct cm_ask *ask = cm_node_query_ask(query);
    if (attach->phase != CM_ATTACH_ATTACHED) {
        return CM_CANCELLED;
    }
    struct cm_answer_request request = {
        .is_start = true, .start = {.ask = ask->ask, .record = *cm_node_query_record_of(query)}};
    memcpy(request.start.session, attach->session, sizeof attach->session);
    memcpy(request.start.token, ask->token, sizeof ask->token);
    struct cm_buf bytes = {0};
    struct cm_stream *stream = NULL;
    enum cm_status status = cm_answer_request_encode(&bytes, &request);
    if (!status) {
        status = cm_channel_call(&stream, attach->channel, CM_METHOD_ANSWER,
                                 cm_node_query_left_ms(query), false, &answer_handlers, query);
    }
    if (!status) {
        *cm_node_query_answer(query) = stream;
        if (cm_stream_write(stream, cm_buf_bytes(&bytes))) {
            cm_stream_cancel(stream);
        } else {
            cm_stream_read(stream); // else the status never comes after the answer's message
        }
    }
    cm_wipe(&request, sizeof request);
    cm_wipe(bytes.data, bytes.len);
    cm_buf_clear(&bytes);
    return status;
}

static bool writable(const struct cm_node_query *query)
{
    const struct cm_stream *stream = stream_of(query);
    return stream && cm_stream_writable(stream);
}

static enum cm_status write_batch(struct cm_node_query *query, struct cm_bytes message)
{
    return cm_stream_write(stream_of(query), message);
}

static void finish(struct cm_node_query *query)
{
    cm_stream_finish(stream_of(query), CM_OK, NULL);
}

static void cancel(struct cm_node_query *query)
{
    if (stream_of(query)) {
        cm_stream_cancel(stream_of(query));
    }
}

static void ended(struct cm_asker *asker)
{
    struct cm_attach *attach = of_asker(asker);
    if (attach->phase != CM_ATTACH_ATTACHED) {
        return;
    }
    attach->credits++;
    cm_attach_pump(attach);
}

const struct cm_asker_ops cm_attach_asker_ops = {
    .refuse = refuse,
    .withdraw = withdraw,
    .keep = keep,
    .judged = judged,
    .open = open_answer,
    .writable = writable,
    .write = write_batch,
    .finish = finish,
    .cancel = cancel,
    .ended = ended,
};
