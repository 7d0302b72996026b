#include "gateway/lookup.h"

#include "proto/base/log.h"

#include <stdlib.h>

struct cm_caller {
    struct cm_callers *callers;
    struct cm_caller *prev, *next;
    struct cm_stream *stream;       // NULL once closed
    struct cm_gateway_query *query; // NULL until its request has come
    struct cm_admission place;      // until then
    bool reach;
    struct cm_timer timer;
};

static void free_caller(struct cm_caller *caller)
{
    struct cm_callers *callers = caller->callers;
    cm_timer_cancel(callers->loop, &caller->timer);
    cm_door_pass(callers->gateway, &caller->place);
    if (caller->prev) {
        caller->prev->next = caller->next;
    } else {
        callers->first = caller->next;
    }
    if (caller->next) {
        caller->next->prev = caller->prev;
    }
    cm_gateway_query_free(caller->query);
    free(caller);
}

static void on_message(void *owner, struct cm_bytes message)
{
    struct cm_caller *caller = owner;
    struct cm_callers *callers = caller->callers;
    struct cm_error error = {0};
    cm_timer_cancel(callers->loop, &caller->timer);
    cm_door_pass(callers->gateway, &caller->place);
    enum cm_status status =
        cm_gateway_query_new(&caller->query, callers->gateway, caller, caller->reach, &error);
    if (status) {
        cm_stream_finish(caller->stream, status, &error);
    } else {
        cm_gateway_query_request(caller->query, message, cm_stream_peer(caller->stream));
    }
}

static void on_end(void *owner)
{
    struct cm_caller *caller = owner;
    struct cm_error error;
    cm_fail(&error, CM_INVALID, "query", "the call ended without a request");
    cm_stream_finish(caller->stream, CM_INVALID, &error);
}

static void on_writable(void *owner)
{
    struct cm_caller *caller = owner;
    if (caller->query) {
        cm_gateway_query_writable(caller->query);
    }
}

static void on_closed(void *owner, enum cm_status status, const struct cm_error *error)
{
    struct cm_caller *caller = owner;
    (void)status;
    (void)error;
    caller->stream = NULL;
    if (caller->query) {
        cm_gateway_query_gone(caller->query);
    } else {
        free_caller(caller);
    }
}

static const struct cm_stream_handlers handlers = {
    .on_message = on_message,
    .on_end = on_end,
    .on_writable = on_writable,
    .on_closed = on_closed,
};

static void wake(struct cm_timer *timer)
{
    struct cm_caller *caller = CM_CONTAINER(timer, struct cm_caller, timer);
    if (caller->query) {
        cm_gateway_query_wake(caller->query);
        return;
    }
    struct cm_error error;
    cm_fail(&error, CM_LATE, "query", "no request came within %d ms", CM_DOOR_MS);
    cm_door_pass(caller->callers->gateway, &caller->place);
    cm_stream_finish(caller->stream, CM_LATE, &error);
}

static void add_caller(struct cm_callers *callers, struct cm_caller *caller)
{
    caller->callers = callers;
    caller->next = callers->first;
    if (caller->next) {
        caller->next->prev = caller;
    }
    callers->first = caller;
}

static void open_call(struct cm_callers *callers, struct cm_stream *stream, bool reach)
{
    enum cm_family family = reach ? CM_FAMILY_REACH : CM_FAMILY_QUERY;
    struct cm_error error = {0};
    struct cm_caller *caller = calloc(1, sizeof *caller);
    if (!caller) {
        cm_door_refuse(stream, CM_MEMORY, NULL);
        return;
    }
    enum cm_status status =
        cm_door_open(NULL, callers->gateway, &caller->place, cm_stream_peer(stream),
                     cm_family_facts(family)->signer_roles, &error);
    if (status) {
        free(caller);
        cm_door_refuse(stream, status, &error);
        return;
    }
    caller->stream = stream;
    caller->reach = reach;
    caller->timer.fire = wake;
    add_caller(callers, caller);
    cm_stream_accept(stream, &handlers, caller);
    if (cm_timer_set(callers->loop, &caller->timer, CM_DOOR_MS)) {
        cm_stream_finish(stream, CM_MEMORY, NULL);
    } else {
        cm_stream_read(stream);
    }
}

void cm_callers_on_lookup(void *context, struct cm_stream *stream)
{
    open_call(context, stream, false);
}

void cm_callers_on_reach(void *context, struct cm_stream *stream)
{
    open_call(context, stream, true);
}

void cm_callers_retrust(struct cm_callers *callers, struct cm_trust *trust)
{
    // Refusing one ends its call later: nobody leaves the list meanwhile.
    for (struct cm_caller *caller = callers->first; caller; caller = caller->next) {
        if (caller->query && caller->stream) {
            cm_gateway_query_retrust(caller->query, trust);
        }
    }
}

bool cm_caller_writable(struct cm_gateway_query *query)
{
    struct cm_caller *caller = cm_gateway_query_caller(query);
    return caller->stream && cm_stream_writable(caller->stream);
}

enum cm_status cm_caller_write(struct cm_gateway_query *query, struct cm_bytes message)
{
    struct cm_caller *caller = cm_gateway_query_caller(query);
    return caller->stream ? cm_stream_write(caller->stream, message) : CM_CANCELLED;
}

void cm_caller_finish(struct cm_gateway_query *query, enum cm_status status,
                      const struct cm_error *error)
{
    struct cm_caller *caller = cm_gateway_query_caller(query);
    if (caller->stream) {
        cm_stream_finish(caller->stream, status, error);
    }
}

void cm_caller_wake_at(struct cm_gateway_query *query, int64_t mono_ms)
{
    struct cm_caller *caller = cm_gateway_query_caller(query);
    struct cm_callers *callers = caller->callers;
    int64_t now = cm_mono_ms(callers->gateway->ports->clock);
    if (cm_timer_set(callers->loop, &caller->timer, mono_ms - now)) {
        cm_log(CM_LOG_ERROR, "timer-not-set", NULL);
    }
}

void cm_caller_settled(struct cm_gateway_query *query)
{
    free_caller(cm_gateway_query_caller(query));
}
