#include "tests/bench/echo.h"

#include "proto/rpc/server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define METHOD "/comity.bench.Echo/Echo"

enum { SLOTS = 64, MAX_MESSAGE = 64 * 1024 };

// The server's side of one call.
static void serve_message(void *owner, struct cm_bytes message)
{
    struct cm_stream *stream = owner;
    if (cm_stream_write(stream, message) != CM_OK) {
        cm_stream_cancel(stream);
        return;
    }
    cm_stream_finish(stream, CM_OK, NULL);
}

static void serve_closed(void *owner, enum cm_status status, const struct cm_error *error)
{
    (void)owner;
    (void)status;
    (void)error;
}

static void serve(void *context, struct cm_stream *stream)
{
    static const struct cm_stream_handlers handlers = {.on_message = serve_message,
                                                       .on_closed = serve_closed};
    (void)context;
    cm_stream_accept(stream, &handlers, stream);
    cm_stream_read(stream);
}

// The child's whole life; returns only on failure.
static void run_server(const struct cm_tls_files *tls, int report)
{
    struct cm_loop *loop = NULL;
    struct cm_server *server = NULL;
    struct cm_error error = {0};
    const struct cm_method method = {
        .path = METHOD, .on_open = serve, .max_message = MAX_MESSAGE, .max_calls = 2 * SLOTS};
    const struct cm_server_options options = {
        .address = "127.0.0.1:0",
        .tls = *tls,
        .methods = &method,
        .method_count = 1,
        .max_connections = 16,
    };
    if (cm_loop_new(&loop, &error) != CM_OK ||
        cm_server_new(&server, loop, &options, &error) != CM_OK) {
        fprintf(stderr, "bench: %s: %s\n", error.where, error.text);
        return;
    }
    int port = cm_server_port(server);
    if (write(report, &port, sizeof port) == (ssize_t)sizeof port) {
        close(report);
        cm_loop_run(loop);
    }
}

enum cm_status cm_echo_start(struct cm_echo_server *out, const struct cm_tls_files *tls,
                             struct cm_error *error)
{
    int ends[2];
    const pid_t parent = getpid();
    *out = (struct cm_echo_server){0};
    if (pipe(ends) != 0) {
        return cm_fail(error, CM_IO, "echo", "no pipe");
    }
    out->pid = fork();
    if (out->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(ends[0]);
        if (getppid() == parent) {
            run_server(tls, ends[1]);
        }
        _exit(1);
    }
    close(ends[1]);
    const bool told =
        out->pid > 0 && read(ends[0], &out->port, sizeof out->port) == (ssize_t)sizeof out->port;
    close(ends[0]);
    if (!told) {
        cm_echo_stop(out);
        return cm_fail(error, CM_UNAVAILABLE, "echo", "the server did not start");
    }
    return CM_OK;
}

void cm_echo_stop(struct cm_echo_server *server)
{
    if (server->pid > 0) {
        kill(server->pid, SIGKILL);
        waitpid(server->pid, NULL, 0);
    }
    server->pid = 0;
}

struct echo {
    const struct cm_echo_options *options;
    struct cm_channel *channel;
    struct cm_bytes message;
    size_t begun;
    size_t ended;
    unsigned running;
    int64_t until_ns;
    enum cm_status status;
};

struct call {
    struct echo *echo;
    struct cm_stream *stream;
};

static void on_message(void *owner, struct cm_bytes message)
{
    struct call *call = owner;
    if (message.len != call->echo->message.len) {
        call->echo->status = CM_INVALID;
    }
    cm_stream_read(call->stream);
}

static void begin(struct call *call);

static void on_closed(void *owner, enum cm_status status, const struct cm_error *error)
{
    struct call *call = owner;
    struct echo *echo = call->echo;
    (void)error;
    echo->running--;
    echo->ended++;
    if (status != CM_OK) {
        echo->status = status;
    }
    begin(call);
    if (echo->running == 0) {
        cm_loop_stop(echo->options->loop);
    }
}

static void begin(struct call *call)
{
    static const struct cm_stream_handlers handlers = {.on_message = on_message,
                                                       .on_closed = on_closed};
    struct echo *echo = call->echo;
    if (echo->status != CM_OK || echo->begun == echo->options->calls ||
        cm_bench_wall_ns() > echo->until_ns) {
        return;
    }
    echo->status =
        cm_channel_call(&call->stream, echo->channel, METHOD, 10000, true, &handlers, call);
    if (echo->status != CM_OK) {
        return;
    }
    echo->begun++;
    echo->running++;
    echo->status = cm_stream_write(call->stream, echo->message);
    if (echo->status != CM_OK) {
        cm_stream_cancel(call->stream);
        return;
    }
    cm_stream_finish(call->stream, CM_OK, NULL);
    cm_stream_read(call->stream);
}

static enum cm_status judge(void *context, struct cm_bytes leaf)
{
    (void)context;
    (void)leaf;
    return CM_OK;
}

static enum cm_status run(struct echo *echo, size_t calls)
{
    struct call slots[SLOTS];
    struct cm_echo_options options = *echo->options;
    const struct cm_echo_options *given = echo->options;
    options.calls = calls;
    echo->options = &options;
    echo->begun = echo->ended = 0;
    echo->until_ns = cm_bench_wall_ns() + options.most_ms * 1000000;
    for (unsigned i = 0; i < options.in_flight; i++) {
        slots[i] = (struct call){.echo = echo};
        begin(&slots[i]);
    }
    if (echo->running > 0) {
        cm_loop_run(options.loop);
    }
    echo->options = given;
    return echo->status;
}

enum cm_status cm_echo_run(struct cm_echo_result *result, const struct cm_echo_server *server,
                           const struct cm_echo_options *options, struct cm_error *error)
{
    char address[32];
    struct echo echo = {.options = options};
    uint8_t *body = calloc(1, options->bytes);
    snprintf(address, sizeof address, "127.0.0.1:%d", server->port);
    const struct cm_channel_options channel = {
        .address = address,
        .server_name = options->server_name,
        .tls = options->tls,
        .passphrase = options->passphrase,
        .judge = judge,
        .max_message = MAX_MESSAGE,
    };
    enum cm_status status =
        body != NULL ? cm_channel_new(&echo.channel, options->loop, &channel, error) : CM_MEMORY;
    echo.message = (struct cm_bytes){body, options->bytes};
    if (status == CM_OK) {
        status = run(&echo, options->calls / 10 + 1); // connects, and warms both sides
    }
    if (status == CM_OK) {
        const int64_t server_ns = cm_bench_process_ns(server->pid);
        const int64_t client_ns = cm_bench_process_ns(getpid());
        status = run(&echo, options->calls);
        result->calls = echo.ended;
        result->server_ns = cm_bench_process_ns(server->pid) - server_ns;
        result->client_ns = cm_bench_process_ns(getpid()) - client_ns;
    }
    if (status == CM_OK && result->calls == 0) {
        status = CM_LATE;
    }
    cm_channel_free(echo.channel);
    free(body);
    return status == CM_OK ? CM_OK : cm_fail(error, status, "echo", "the bare calls failed");
}
