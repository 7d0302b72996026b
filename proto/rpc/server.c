#include "proto/base/log.h"
#include "proto/rpc/accept_guard.h"
#include "proto/rpc/backlog.h"
#include "proto/rpc/call.h"
#include "proto/rpc/connections.h"
#include "proto/rpc/health.h"
#include "proto/rpc/tls.h"

#include <stdlib.h>
#include <string.h>

enum {
    ARMED = 8,                   // calls of a method that gRPC may hand over at once
    MAX_STREAMS = 128,           // of a connection: more than the credits of a session
    HANDSHAKES_PER_SECOND = 256, // a quarter of a core
    HANDSHAKE_MS = 5000,
    IDLE_MS = 5 * 60 * 1000, // without a call
    KEEPALIVE_MS = 5000,
    FORGET_MS = 250, // calls that ended before the loop saw them
    MIN_PING_MS = 500,
    RETRY_MS = 1000,
    MIN_RECEIVE = 1024,
};

struct method;

// One request to gRPC for the next call of a method.
struct slot {
    struct cm_tag tag;
    struct method *method;
    grpc_call *call;
    gpr_timespec deadline;
    grpc_metadata_array metadata;
    grpc_call_details details; // of an unknown method
};

struct method {
    struct cm_method is; // path owned by us; without on_open: any other path
    struct cm_server *server;
    void *handle;
    unsigned in_flight;
    struct slot slots[ARMED];
};

struct cm_server {
    struct cm_loop *loop;
    struct cm_tls_server *tls;
    struct cm_health *health;
    struct cm_backlog *backlog;
    grpc_server *core;
    int port;
    struct method *methods;
    size_t method_count;
    unsigned armed;
    unsigned live; // streams
    bool closing;
    bool core_closed;
    bool done;
    struct cm_tag closed;
    struct cm_timer grace;
    struct cm_timer forget;
    void (*on_done)(void *context);
    void *done_context;
};

static void arm(struct slot *slot)
{
    struct cm_server *server = slot->method->server;
    grpc_completion_queue *queue = cm_loop_queue(server->loop);
    grpc_metadata_array_init(&slot->metadata);
    grpc_call_error error;
    if (slot->method->handle) {
        error = grpc_server_request_registered_call(server->core, slot->method->handle, &slot->call,
                                                    &slot->deadline, &slot->metadata, NULL, queue,
                                                    queue, &slot->tag);
    } else {
        grpc_call_details_init(&slot->details);
        error = grpc_server_request_call(server->core, &slot->call, &slot->details, &slot->metadata,
                                         queue, queue, &slot->tag);
    }
    if (error == GRPC_CALL_OK) {
        server->armed++;
    } else {
        cm_log(CM_LOG_ERROR, "rpc-arm-refused", "error=%d", (int)error);
    }
}

static void disarm(struct slot *slot)
{
    grpc_metadata_array_destroy(&slot->metadata);
    if (!slot->method->handle) {
        grpc_call_details_destroy(&slot->details);
    }
}

// Last in the handling of each event: the server may be gone afterwards.
static void settle(struct cm_server *server)
{
    if (!server->core_closed || server->armed || server->live || server->done) {
        return;
    }
    cm_timer_cancel(server->loop, &server->grace);
    cm_timer_cancel(server->loop, &server->forget);
    server->done = true;
    if (server->on_done) {
        server->on_done(server->done_context);
    }
}

static void on_gone(struct cm_call_maker *maker)
{
    struct method *method = maker->context;
    method->in_flight--;
    method->server->live--;
    settle(method->server);
}

static void open_call(struct method *method, grpc_call *call, gpr_timespec deadline)
{
    struct cm_stream *stream;
    struct cm_error error = {0};
    struct cm_call_setup setup = {method->server->loop,   call,    deadline,
                                  method->is.max_message, on_gone, method};
    if (cm_stream_new_server(&stream, &setup)) {
        cm_log(CM_LOG_ERROR, "rpc-call-dropped", NULL);
        return;
    }
    method->in_flight++;
    method->server->live++;
    if (cm_stream_taken(stream)) {
        return;
    }
    if (!method->is.on_open) {
        cm_fail(&error, CM_NOT_SERVED, "method", "this server has no such method");
    } else if (method->in_flight > method->is.max_calls) {
        cm_fail(&error, CM_EXHAUSTED, "calls", "%u calls of this method are open already",
                method->is.max_calls);
        error.retry_after_ms = RETRY_MS;
    } else {
        method->is.on_open(method->is.context, stream);
        if (cm_stream_taken(stream)) {
            return;
        }
        cm_fail(&error, CM_INTERNAL, "method", "the call was not taken up");
    }
    cm_stream_finish(stream, error.status, &error);
}

static void on_call(struct cm_tag *tag, bool ok)
{
    struct slot *slot = CM_CONTAINER(tag, struct slot, tag);
    struct method *method = slot->method;
    struct cm_server *server = method->server;
    server->armed--;
    if (!ok) {
        disarm(slot);
        settle(server);
        return;
    }
    grpc_call *call = slot->call;
    gpr_timespec deadline = method->handle ? slot->deadline : slot->details.deadline;
    cm_backlog_taken(server->backlog, call);
    disarm(slot);
    if (!server->closing) {
        arm(slot);
    }
    open_call(method, call, deadline);
}

static void on_core_closed(struct cm_tag *tag, bool ok)
{
    struct cm_server *server = CM_CONTAINER(tag, struct cm_server, closed);
    (void)ok;
    server->core_closed = true;
    settle(server);
}

static void on_grace_over(struct cm_timer *timer)
{
    struct cm_server *server = CM_CONTAINER(timer, struct cm_server, grace);
    grpc_server_cancel_all_calls(server->core);
}

static void on_forget(struct cm_timer *timer)
{
    struct cm_server *server = CM_CONTAINER(timer, struct cm_server, forget);
    cm_backlog_reset(server->backlog);
    // A slot in the heap that was just given up: there is room.
    if (cm_timer_set(server->loop, timer, FORGET_MS)) {
        cm_log(CM_LOG_ERROR, "backlog-not-reset", NULL);
    }
}

static enum cm_status add_method(struct cm_server *server, const struct cm_method *is)
{
    struct method *method = &server->methods[server->method_count++];
    method->is = *is;
    method->server = server;
    for (size_t i = 0; i < ARMED; i++) {
        method->slots[i].tag.run = on_call;
        method->slots[i].method = method;
    }
    if (!is->path) {
        return CM_OK;
    }
    method->is.path = strdup(is->path);
    if (!method->is.path) {
        return CM_MEMORY;
    }
    method->handle =
        grpc_server_register_method(server->core, method->is.path, NULL, GRPC_SRM_PAYLOAD_NONE, 0);
    return method->handle ? CM_OK : CM_INVALID;
}

static enum cm_status add_methods(struct cm_server *server, const struct cm_method *methods,
                                  size_t count)
{
    struct cm_method health[CM_HEALTH_METHODS];
    struct cm_method unknown = {.max_calls = 0};
    cm_health_methods(health, server->health);
    server->methods = calloc(count + CM_HEALTH_METHODS + 1, sizeof *server->methods);
    if (!server->methods) {
        return CM_MEMORY;
    }
    enum cm_status status = add_method(server, &unknown);
    for (size_t i = 0; i < CM_HEALTH_METHODS && status == CM_OK; i++) {
        status = add_method(server, &health[i]);
    }
    for (size_t i = 0; i < count && status == CM_OK; i++) {
        status = add_method(server, &methods[i]);
    }
    return status;
}

static grpc_server *new_core(const struct cm_server_options *options)
{
    size_t receive = MIN_RECEIVE;
    for (size_t i = 0; i < options->method_count; i++) {
        if (options->methods[i].max_message > receive) {
            receive = options->methods[i].max_message;
        }
    }
    grpc_arg args[] = {
        cm_arg_int(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, (int)receive),
        cm_arg_int(GRPC_ARG_MAX_CONCURRENT_STREAMS, MAX_STREAMS),
        cm_arg_int(GRPC_ARG_ALLOW_REUSEPORT, 0),
        cm_arg_int(GRPC_ARG_TCP_READ_CHUNK_SIZE, 8192),
        cm_arg_int(GRPC_ARG_TCP_MAX_READ_CHUNK_SIZE, 16384),
        cm_arg_int(GRPC_ARG_HTTP2_BDP_PROBE, 0),
        cm_arg_int(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1),
        cm_arg_int(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0),
        cm_arg_int(GRPC_ARG_ENABLE_CHANNELZ, 0),
        cm_arg_int(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, HANDSHAKE_MS),
        cm_arg_int(GRPC_ARG_MAX_CONNECTION_IDLE_MS, IDLE_MS),
        cm_arg_int(GRPC_ARG_KEEPALIVE_TIME_MS, KEEPALIVE_MS),
        cm_arg_int(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, KEEPALIVE_MS),
        cm_arg_int(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0),
        cm_arg_int(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, MIN_PING_MS),
    };
    grpc_channel_args all = {sizeof args / sizeof args[0], args};
    return grpc_server_create(&all, NULL);
}

static enum cm_status bind_address(struct cm_server *server,
                                   const struct cm_server_options *options, struct cm_error *error)
{
    cm_backlog_guard(server->backlog, cm_tls_server_credentials(server->tls));
    server->port = grpc_server_add_http2_port(server->core, options->address,
                                              cm_tls_server_credentials(server->tls));
    if (server->port > 0) {
        return CM_OK;
    }
    cm_fail(error, CM_IO, options->address, "can't listen here");
    cm_error_hint(error, "is another program on this port, or the address not this machine's?");
    return CM_IO;
}

enum cm_status cm_server_new(struct cm_server **out, struct cm_loop *loop,
                             const struct cm_server_options *options, struct cm_error *error)
{
    *out = NULL;
    enum cm_status status =
        cm_accept_guard_set(options->max_connections, HANDSHAKES_PER_SECOND, error);
    if (status == CM_OK) {
        status = cm_connections_watch_start(error);
    }
    if (status) {
        return status;
    }
    struct cm_server *server = calloc(1, sizeof *server);
    struct cm_health *health = cm_health_new();
    struct cm_backlog *backlog = cm_backlog_new();
    if (!server || !health || !backlog) {
        free(server);
        cm_health_free(health);
        cm_backlog_free(backlog);
        cm_connections_watch_stop();
        return cm_fail(error, CM_MEMORY, "server", "out of memory");
    }
    server->health = health;
    server->backlog = backlog;
    server->loop = loop;
    server->closed.run = on_core_closed;
    server->grace.fire = on_grace_over;
    server->forget.fire = on_forget;
    cm_loop_hold(loop);
    server->core = new_core(options);
    grpc_server_register_completion_queue(server->core, cm_loop_queue(loop), NULL);
    status = add_methods(server, options->methods, options->method_count);
    if (status) {
        cm_fail(error, status, "server", "can't register its methods");
    }
    if (status == CM_OK) {
        status = cm_tls_server_new(&server->tls, &options->tls, error);
    }
    if (status == CM_OK && cm_timer_set(loop, &server->forget, FORGET_MS)) {
        status = cm_fail(error, CM_MEMORY, "server", "out of memory");
    }
    if (status == CM_OK) {
        status = bind_address(server, options, error);
    }
    if (status) {
        cm_server_free(server);
        return status;
    }
    grpc_server_start(server->core);
    for (size_t i = 0; i < server->method_count; i++) {
        for (size_t j = 0; j < ARMED; j++) {
            arm(&server->methods[i].slots[j]);
        }
    }
    *out = server;
    return CM_OK;
}

int cm_server_port(const struct cm_server *server)
{
    return server->port;
}

void cm_server_set_healthy(struct cm_server *server, bool healthy)
{
    if (!server->closing) {
        cm_health_set(server->health, healthy);
    }
}

void cm_server_shutdown(struct cm_server *server, int64_t grace_ms, void (*done)(void *context),
                        void *context)
{
    if (server->closing) {
        return;
    }
    server->closing = true;
    server->on_done = done;
    server->done_context = context;
    cm_health_close(server->health);
    grpc_server_shutdown_and_notify(server->core, cm_loop_queue(server->loop), &server->closed);
    if (grace_ms <= 0 || cm_timer_set(server->loop, &server->grace, grace_ms)) {
        grpc_server_cancel_all_calls(server->core);
    }
}

void cm_server_free(struct cm_server *server)
{
    if (!server) {
        return;
    }
    if (!server->closing) {
        cm_server_shutdown(server, 0, NULL, NULL);
    }
    while (!server->done) {
        cm_loop_step(server->loop, INT32_MAX);
    }
    grpc_server_destroy(server->core);
    cm_tls_server_free(server->tls);
    cm_health_free(server->health);
    cm_backlog_free(server->backlog);
    for (size_t i = 0; i < server->method_count; i++) {
        free((char *)server->methods[i].is.path);
    }
    free(server->methods);
    cm_loop_release(server->loop);
    cm_connections_watch_stop();
    free(server);
}
