// A server and its clients on a loop each, in threads of their own; workers answer; clients cancel,
// run into deadlines, reload and go away under load, and the server shuts down while calls are
// open. Bounded by counts. Exits 0, or says what was wrong.
#include "proto/base/workers.h"
#include "proto/rpc/channel.h"
#include "proto/rpc/server.h"
#include "tests/support/pki.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 4, CALLS = 400, AT_ONCE = 40, MESSAGES = 5, MESSAGE = 2000, WORKERS = 3 };

#define CHECK(that)                                                                                \
    ((that) ? (void)0                                                                              \
            : (fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #that), abort()))

static struct cm_tls_files files_of(const struct pki *pki, const struct pki_identity *identity)
{
    return (struct cm_tls_files){identity->key_path, identity->chain_path, pki->root_path};
}

struct side {
    struct cm_loop *loop;
    struct cm_server *server;
    struct cm_workers *workers;
    unsigned open;
    bool down;
};

// One message on its way through a worker; the call outlives it.
struct served {
    struct side *side;
    struct cm_stream *stream; // NULL once closed
    struct cm_job job;
    bool working;
    struct cm_buf message;
    struct cm_digest digest;
};

static void served_free(struct served *served)
{
    cm_buf_clear(&served->message);
    free(served);
}

static void digest_message(struct cm_job *job)
{
    struct served *served = CM_CONTAINER(job, struct served, job);
    cm_sha256_of(&served->digest, cm_buf_bytes(&served->message));
}

static void send_digest(struct cm_job *job)
{
    struct served *served = CM_CONTAINER(job, struct served, job);
    served->working = false;
    if (!served->stream) {
        served_free(served);
        return;
    }
    if (cm_stream_write(served->stream, cm_bytes_digest(&served->digest))) {
        cm_stream_cancel(served->stream);
    }
}

static void served_message(void *owner, struct cm_bytes message)
{
    struct served *served = owner;
    served->message.len = 0;
    CHECK(cm_buf_add(&served->message, message.data, message.len) == CM_OK);
    served->job = (struct cm_job){.work = digest_message, .done = send_digest};
    served->working = cm_workers_submit(served->side->workers, &served->job) == CM_OK;
    if (!served->working) {
        cm_stream_finish(served->stream, CM_EXHAUSTED, NULL);
    }
}

static void served_end(void *owner)
{
    struct served *served = owner;
    cm_stream_finish(served->stream, CM_OK, NULL);
}

static void served_writable(void *owner)
{
    struct served *served = owner;
    cm_stream_read(served->stream);
}

static void served_closed(void *owner, enum cm_status status, const struct cm_error *error)
{
    struct served *served = owner;
    (void)status;
    (void)error;
    served->stream = NULL;
    served->side->open--;
    if (!served->working) {
        served_free(served);
    }
}

static void open_digest(void *context, struct cm_stream *stream)
{
    static const struct cm_stream_handlers handlers = {served_message, served_end, served_writable,
                                                       served_closed};
    struct served *served = calloc(1, sizeof *served);
    CHECK(served && cm_stream_peer(stream)->count == 2);
    served->side = context;
    served->side->open++;
    served->stream = stream;
    cm_stream_accept(stream, &handlers, served);
    cm_stream_read(stream);
}

static void server_down(void *context)
{
    struct side *side = context;
    side->down = true;
    cm_loop_stop(side->loop);
}

struct stop {
    struct cm_task task;
    struct side *side;
    bool early;
    bool posted;
};

static void shut_down(struct cm_task *task)
{
    struct stop *stop = CM_CONTAINER(task, struct stop, task);
    cm_server_shutdown(stop->side->server, 20, server_down, stop->side);
}

static void *serve(void *context)
{
    struct side *side = context;
    while (!side->down) {
        cm_loop_run(side->loop);
    }
    CHECK(side->open == 0);
    // What a worker still has comes back before the loop goes.
    cm_workers_free(side->workers);
    while (cm_loop_step(side->loop, 0)) {
        continue;
    }
    cm_server_free(side->server);
    cm_loop_free(side->loop);
    return NULL;
}

struct client {
    struct cm_loop *loop;
    struct cm_channel *channel;
    atomic_uint judged; // on gRPC's threads
    unsigned open;
    unsigned started;
    unsigned by_status[CM_LATE + 1];
};

struct call {
    struct client *client;
    struct cm_stream *stream;
    unsigned number;
    unsigned sent;
    unsigned received;
};

static void call_send(struct call *call)
{
    static const uint8_t message[MESSAGE];
    // The answer may come before the word that the question went out.
    if (call->received < call->sent || !cm_stream_writable(call->stream)) {
        return;
    }
    if (call->sent == MESSAGES) {
        cm_stream_finish(call->stream, CM_OK, NULL);
        return;
    }
    call->sent++;
    CHECK(cm_stream_write(call->stream, (struct cm_bytes){message, sizeof message}) == CM_OK);
}

static void call_message(void *owner, struct cm_bytes message)
{
    struct call *call = owner;
    CHECK(message.len == CM_DIGEST_SIZE);
    call->received++;
    // Every fifth gives up in the middle.
    if (call->number % 5 == 0 && call->received == 3) {
        cm_stream_cancel(call->stream);
        return;
    }
    call_send(call);
    cm_stream_read(call->stream);
}

static void call_writable(void *owner)
{
    call_send(owner);
}

static void call_closed(void *owner, enum cm_status status, const struct cm_error *error)
{
    struct call *call = owner;
    (void)error;
    CHECK(status != CM_OK || call->received == MESSAGES);
    call->client->by_status[status]++;
    call->client->open--;
    free(call);
}

static void start_call(struct client *client)
{
    static const struct cm_stream_handlers handlers = {call_message, NULL, call_writable,
                                                       call_closed};
    struct call *call = calloc(1, sizeof *call);
    CHECK(call);
    call->client = client;
    call->number = client->started++;
    // Every seventh has no time.
    int64_t deadline = call->number % 7 == 0 ? 1 : 30000;
    CHECK(cm_channel_call(&call->stream, client->channel, "/test/Digest", deadline, true, &handlers,
                          call) == CM_OK);
    client->open++;
    call_send(call);
    cm_stream_read(call->stream);
}

static enum cm_status judge(void *context, struct cm_bytes leaf)
{
    struct client *client = context;
    atomic_fetch_add(&client->judged, 1);
    return leaf.len ? CM_OK : CM_FORBIDDEN;
}

static void run_calls(struct client *client, struct side *side, struct stop *stop)
{
    int64_t end_ms = INT64_MAX;
    while ((client->started < CALLS || client->open) && cm_mono_ms(cm_clock_system()) < end_ms) {
        while (client->started < CALLS && client->open < AT_ONCE) {
            start_call(client);
        }
        if (stop->early && client->started > CALLS / 2 && !stop->posted) {
            cm_post(cm_loop_poster(side->loop), &stop->task);
            stop->posted = true;
            end_ms = cm_mono_ms(cm_clock_system()) + 100;
        }
        cm_loop_step(client->loop, 20);
    }
}

// Odd rounds end the server under load, and a little later the client.
static void one_round(struct pki *pki, unsigned round)
{
    const struct pki_identity *gateway = pki_identity(pki, "_", CM_ROLE_GATEWAY, "gw-1");
    const struct pki_identity *node = pki_identity(pki, "ca.northport.pd", CM_ROLE_NODE, "n1");
    struct side side = {0};
    struct client client = {0};
    struct cm_error error = {0};
    const struct cm_method method = {"/test/Digest", open_digest, &side, 4096, 1000};
    struct cm_server_options server = {.address = "127.0.0.1:0",
                                       .tls = files_of(pki, gateway),
                                       .methods = &method,
                                       .method_count = 1,
                                       .max_connections = 100};
    CHECK(cm_loop_new(&side.loop, &error) == CM_OK && cm_loop_new(&client.loop, &error) == CM_OK);
    CHECK(cm_workers_new(&side.workers, WORKERS, 1000, cm_loop_poster(side.loop)) == CM_OK);
    CHECK(cm_server_new(&side.server, side.loop, &server, &error) == CM_OK);
    char address[32];
    snprintf(address, sizeof address, "127.0.0.1:%d", cm_server_port(side.server));
    struct cm_channel_options channel = {.address = address,
                                         .server_name = "gateway.valley.test",
                                         .tls = files_of(pki, node),
                                         .judge = judge,
                                         .context = &client,
                                         .max_message = 4096};
    CHECK(cm_channel_new(&client.channel, client.loop, &channel, &error) == CM_OK);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, serve, &side) == 0);
    struct stop stop = {{shut_down, NULL}, &side, round % 2, false};
    run_calls(&client, &side, &stop);
    cm_channel_free(client.channel);
    if (!stop.posted) {
        cm_post(cm_loop_poster(side.loop), &stop.task);
    }
    pthread_join(thread, NULL);
    cm_loop_free(client.loop);
    CHECK(client.open == 0 && client.judged > 0);
    printf("round %u: %u calls, %u complete, %u late, %u cancelled, %u unavailable\n", round,
           client.started, client.by_status[CM_OK], client.by_status[CM_LATE],
           client.by_status[CM_CANCELLED], client.by_status[CM_UNAVAILABLE]);
    if (round % 2 == 0) {
        CHECK(client.by_status[CM_OK] > CALLS / 2);
    }
}

int main(void)
{
    struct pki *pki = pki_new();
    pki_agency(pki, "ca.northport.pd");
    for (unsigned i = 0; i < ROUNDS; i++) {
        one_round(pki, i);
    }
    pki_free(pki);
    return 0;
}
