// One node process's Attach call: what it sends up, what goes down, in its order.
#include "gateway/session_internal.h"

#include "proto/base/log.h"

#include <stdlib.h>
#include <string.h>

enum { LARGE = 64 * 1024, UP_ARENA_CAP = 4 * LARGE, ASK_ARENA_CAP = 256 * 1024 };

static void list_add(struct cm_call_list *list, struct cm_call *call)
{
    call->next = NULL;
    call->prev = list->last;
    if (list->last) {
        list->last->next = call;
    } else {
        list->first = call;
    }
    list->last = call;
}

static void list_remove(struct cm_call_list *list, struct cm_call *call)
{
    if (call->prev) {
        call->prev->next = call->next;
    } else {
        list->first = call->next;
    }
    if (call->next) {
        call->next->prev = call->prev;
    } else {
        list->last = call->prev;
    }
    call->prev = call->next = NULL;
}

void cm_session_enqueue(struct cm_session *session, struct cm_call *call)
{
    call->session = session;
    call->tried = session->serial;
    call->sent = call->spent = false;
    list_add(&session->queued, call);
    session->load++;
}

void cm_session_detach(struct cm_call *call)
{
    struct cm_session *session = call->session;
    if (call->answer) {
        cm_answer_unbind(call->answer, false);
    }
    if (!session) {
        return;
    }
    list_remove(call->sent ? &session->sent : &session->queued, call);
    session->load--;
    cm_map_remove(&session->sessions->calls, &call->by_id);
    cm_wipe(call->token, sizeof call->token);
    call->session = NULL;
}

static void lose(struct cm_call *call)
{
    bool started = call->spent;
    cm_session_detach(call);
    call->handlers->lost(call, started);
}

static void leave_party(struct cm_session *session)
{
    struct cm_session **link = &session->party->first;
    while (*link != session) {
        link = &(*link)->next;
    }
    *link = session->next;
    session->party->count--;
    session->sessions->count--;
    session->attached = false;
    const struct cm_session *other = session->party->first;
    cm_copies_detach(session->sessions->options.copies, session->party->id, session->serial,
                     other ? other->serial : 0);
    cm_log(CM_LOG_INFO, "node-detached", "agency=%s session=%llu", session->party->id,
           (unsigned long long)session->serial);
}

void cm_session_close(struct cm_session *session, enum cm_status status,
                      const struct cm_error *error)
{
    if (session->closed) {
        return;
    }
    session->closed = true;
    cm_session_push_end(session);
    cm_door_pass(session->sessions->options.gateway, &session->place);
    cm_desk_forget(session);
    cm_timer_cancel(session->sessions->options.loop, &session->hello_timer);
    if (session->stream) {
        cm_stream_finish(session->stream, status, error);
    }
    if (!session->attached) {
        return;
    }
    leave_party(session);
    while (session->sent.first) {
        lose(session->sent.first);
    }
    while (session->queued.first) {
        lose(session->queued.first);
    }
}

bool cm_session_write(struct cm_session *session, const struct cm_attach_down *down)
{
    struct cm_buf *out = &session->sessions->out;
    out->len = 0;
    enum cm_status status = cm_attach_down_encode(out, down);
    if (!status) {
        status = cm_stream_write(session->stream, cm_buf_bytes(out));
    }
    return status == CM_OK;
}

static bool send_welcome(struct cm_session *session)
{
    struct cm_attach_down down = {
        .kind = CM_DOWN_WELCOME,
        .welcome = {.gateway = session->sessions->options.gateway->name,
                    .protocol = CM_PROTOCOL,
                    .witnessed_size = session->witnessed_size},
    };
    memcpy(down.welcome.session, session->id, sizeof session->id);
    session->welcome_due = false;
    return cm_session_write(session, &down);
}

static bool send_cancel(struct cm_session *session)
{
    struct cm_attach_down down = {.kind = CM_DOWN_CANCEL,
                                  .cancel = session->cancels[session->cancel_first]};
    session->cancel_first = (session->cancel_first + 1) % CM_SESSION_CANCELS;
    session->cancel_count--;
    return cm_session_write(session, &down);
}

void cm_session_cancel(struct cm_session *session, uint64_t call)
{
    if (session->closed) {
        return;
    }
    if (session->cancel_count == CM_SESSION_CANCELS) {
        struct cm_error error;
        cm_fail(&error, CM_EXHAUSTED, "attach", "the node takes no messages");
        cm_session_close(session, CM_EXHAUSTED, &error);
        return;
    }
    session->cancels[(session->cancel_first + session->cancel_count++) % CM_SESSION_CANCELS] = call;
    cm_session_pump(session);
}

// The newest head covers every entry that is asked for, so heads on a stream never go back.
static enum cm_status prove(struct cm_ask *ask, struct cm_session *session,
                            const struct cm_call *call, struct cm_arena *arena)
{
    struct cm_ledger *ledger = session->sessions->options.ledger;
    const struct cm_tree_head *head = cm_ledger_head(ledger);
    ask->checkpoint = head->note;
    enum cm_status status = cm_ledger_prove_inclusion(
        &ask->inclusion, arena, ledger, call->facts->entry_index, head->checkpoint.size);
    if (status) {
        return status;
    }
    return cm_ledger_prove_consistency(&ask->consistency, arena, ledger, session->tree_size,
                                       head->checkpoint.size);
}

static void mark_reached(struct cm_call *call, const struct cm_session *session)
{
    if (call->reached_count < CM_CALL_ATTEMPTS) {
        memcpy(call->reached[call->reached_count++], session->instance, sizeof session->instance);
    }
}

static bool send_ask(struct cm_session *session)
{
    struct cm_call *call = session->queued.first;
    const struct cm_call_facts *facts = call->facts;
    int64_t left =
        facts->until_mono_ms - cm_mono_ms(session->sessions->options.gateway->ports->clock);
    struct cm_attach_down down = {.kind = CM_DOWN_ASK};
    struct cm_ask *ask = &down.ask;
    ask->ask = call->id;
    memcpy(ask->token, call->token, sizeof ask->token);
    ask->attempt = call->attempt;
    ask->remaining_ms = left > 1 ? (uint32_t)left : 1;
    ask->limit = facts->limit;
    ask->query = facts->query;
    ask->entry = facts->entry;
    ask->leaf = call->leaf;
    ask->leaf_index = call->leaf_index;
    ask->leaf_path_count = call->path_count;
    ask->leaf_path = call->path;
    mark_reached(call, session);
    struct cm_arena *arena = cm_arena_new(ASK_ARENA_CAP);
    bool sent =
        arena && prove(ask, session, call, arena) == CM_OK && cm_session_write(session, &down);
    if (sent) {
        session->tree_size = ask->inclusion.size;
    }
    cm_arena_free(arena);
    cm_wipe(ask->token, sizeof ask->token);
    if (!sent) {
        cm_log(CM_LOG_ERROR, "ask-not-sent", "digest=%s agency=%s", facts->log_id, call->agency);
        if (call == session->sessions->asking) {
            cm_session_detach(call);
        } else {
            lose(call);
        }
        return true;
    }
    list_remove(&session->queued, call);
    list_add(&session->sent, call);
    call->sent = true;
    session->credits--;
    call->handlers->sent(call);
    return true;
}

static bool send_part(struct cm_session *session)
{
    struct cm_attach_down down = {.kind = CM_DOWN_DIRECTORY};
    down.directory =
        cm_directory_part_at(cm_trust_bundle(session->pushed),
                             cm_trust_directory(session->pushed)->serial, session->part++);
    return cm_session_write(session, &down);
}

// What it takes slowly waits in the copies' own room.
static bool send_copy(struct cm_session *session)
{
    struct cm_bytes message;
    return cm_copies_take(&message, session->sessions->options.copies, session->party->id,
                          session->serial) &&
           cm_stream_write(session->stream, message) == CM_OK;
}

void cm_session_pump(struct cm_session *session)
{
    bool more = true;
    while (more && session->attached && session->stream && cm_stream_writable(session->stream)) {
        if (session->welcome_due) {
            more = send_welcome(session);
        } else if (session->cancel_count > 0) {
            more = send_cancel(session);
        } else if (cm_session_witness_waits(session)) {
            more = cm_session_witness_send(session);
            // A node judges by the newest directory: it goes before what is to be judged.
        } else if (session->part < session->parts) {
            more = send_part(session);
        } else if (session->queued.first && session->credits > 0 && !session->witness.due) {
            more = send_ask(session);
        } else {
            more = send_copy(session);
        }
    }
}

// The call that this session was asked, NULL when there is none (any more).
static struct cm_call *call_of(struct cm_session *session, uint64_t id)
{
    struct cm_call *call = cm_sessions_call(session->sessions, id);
    return call && call->session == session && call->sent ? call : NULL;
}

static enum cm_status take(struct cm_session *session, const struct cm_attach_up *up,
                           struct cm_error *error)
{
    struct cm_call *call;
    switch (up->kind) {
    case CM_UP_REFUSE:
        if ((call = call_of(session, up->ask))) {
            cm_session_detach(call);
            call->handlers->refused(call, &up->envelope, &up->record);
        }
        return CM_OK;
    case CM_UP_WITHDRAW:
        if ((call = call_of(session, up->ask))) {
            call->handlers->withdrawn(call);
        }
        return CM_OK;
    case CM_UP_CREDIT:
        session->credits = up->credits > CM_CREDITS - session->credits
                               ? CM_CREDITS
                               : session->credits + up->credits;
        session->keeps_only = session->keeps_only && session->credits == 0;
        return CM_OK;
    case CM_UP_RULES_CHANGED:
        cm_desk_changed(session->party, session, &up->envelope, &up->overlay);
        return CM_OK;
    case CM_UP_DIRECTORY:
        return cm_session_push(session, &up->directory, error);
    case CM_UP_CHECKPOINT:
        return cm_session_checkpoint(session, &up->checkpoint, error);
    case CM_UP_COSIGNATURE:
        return cm_session_cosignature(session, &up->cosignature, error);
    case CM_UP_COPIED:
        cm_copies_acknowledge(session->sessions->options.copies, session->party->id, up->copied);
        return CM_OK;
    case CM_UP_HELLO:
        return cm_fail(error, CM_INVALID, "attach.hello", "a second Hello");
    case CM_UP_NONE:
        break;
    }
    return cm_fail(error, CM_INVALID, "attach", "an empty message");
}

void cm_session_up(struct cm_session *session, const struct cm_attach_up *up, enum cm_status status,
                   struct cm_error *error)
{
    if (!status) {
        status = take(session, up, error);
    }
    if (status) {
        cm_log(CM_LOG_WARNING, "node-broke-protocol", "agency=%s field=%s error=\"%s\"",
               session->party->id, error->where, error->text);
        cm_session_close(session, status, error);
    }
    if (session->closed) {
        return;
    }
    cm_session_pump(session);
    cm_stream_read(session->stream);
}

static void on_message(void *owner, struct cm_bytes message)
{
    struct cm_session *session = owner;
    if (session->closed) {
        return;
    }
    if (!session->attached) {
        cm_session_hello(session, message);
        return;
    }
    if (message.len > LARGE) {
        cm_session_decode(session, message);
        return;
    }
    struct cm_error error = {0};
    struct cm_attach_up up = {0};
    struct cm_arena *arena = cm_arena_new(UP_ARENA_CAP);
    enum cm_status status = arena ? cm_attach_up_decode(&up, arena, message, &error)
                                  : cm_fail(&error, CM_MEMORY, "attach", "out of memory");
    cm_session_up(session, &up, status, &error);
    cm_arena_free(arena);
}

static void on_end(void *owner)
{
    struct cm_session *session = owner;
    if (session->attached) {
        session->party->detached = session->party->count == 1;
    }
    cm_session_close(session, CM_OK, NULL);
}

static void on_writable(void *owner)
{
    cm_session_pump(owner);
}

static void on_closed(void *owner, enum cm_status status, const struct cm_error *error)
{
    struct cm_session *session = owner;
    (void)error;
    session->stream = NULL;
    cm_session_close(session, status, NULL);
    if (!session->busy && !session->witness.busy) {
        cm_session_free(session);
    }
}

static const struct cm_stream_handlers handlers = {
    .on_message = on_message,
    .on_end = on_end,
    .on_writable = on_writable,
    .on_closed = on_closed,
};

static void no_hello(struct cm_timer *timer)
{
    struct cm_session *session = CM_CONTAINER(timer, struct cm_session, hello_timer);
    struct cm_error error;
    cm_fail(&error, CM_LATE, "attach.hello", "no Hello within %d ms", CM_HELLO_MS);
    cm_session_close(session, CM_LATE, &error);
}

static enum cm_status copy_chain(struct cm_session *session, const struct cm_peer *peer)
{
    size_t count = peer->count;
    if (count > CM_MAX_CHAIN) {
        count = CM_MAX_CHAIN;
    }
    for (size_t i = 0; i < count; i++) {
        if (cm_buf_add(&session->chain_bytes, peer->chain[i].data, peer->chain[i].len)) {
            return CM_MEMORY;
        }
    }
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        session->chain[i] = (struct cm_bytes){session->chain_bytes.data + at, peer->chain[i].len};
        at += peer->chain[i].len;
    }
    session->chain_count = count;
    return CM_OK;
}

static enum cm_status open_session(struct cm_session *session, struct cm_gateway *gateway,
                                   const struct cm_peer *peer, struct cm_error *error)
{
    enum cm_status status =
        cm_door_open(NULL, gateway, &session->place, peer, 1u << CM_ROLE_NODE, error);
    if (!status && (copy_chain(session, peer) || cm_random(session->id, sizeof session->id))) {
        cm_door_pass(gateway, &session->place);
        status = cm_fail(error, CM_MEMORY, "attach", "out of memory");
    }
    return status;
}

void cm_sessions_on_attach(void *context, struct cm_stream *stream)
{
    struct cm_sessions *sessions = context;
    struct cm_session *session = calloc(1, sizeof *session);
    struct cm_error error = {0};
    enum cm_status status =
        session ? open_session(session, sessions->options.gateway, cm_stream_peer(stream), &error)
                : cm_fail(&error, CM_MEMORY, "attach", "out of memory");
    if (status) {
        if (session) {
            cm_buf_clear(&session->chain_bytes);
        }
        free(session);
        cm_door_refuse(stream, status, &error);
        return;
    }
    session->sessions = sessions;
    session->stream = stream;
    session->serial = ++sessions->next_serial;
    session->opened_next = sessions->opened;
    sessions->opened = session;
    session->hello_timer.fire = no_hello;
    cm_stream_accept(stream, &handlers, session);
    if (cm_timer_set(sessions->options.loop, &session->hello_timer, CM_HELLO_MS)) {
        cm_session_close(session, CM_MEMORY, NULL);
    } else {
        cm_stream_read(stream);
    }
}
