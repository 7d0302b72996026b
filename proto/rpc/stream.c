#include "proto/base/arena.h"
#include "proto/base/log.h"
#include "proto/codec/gateway.h"
#include "proto/rpc/call.h"
#include "proto/rpc/connections.h"
#include "proto/rpc/peer.h"

#include <ctype.h>
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/support/alloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRAILER "comity-error-bin"

enum {
    MAX_TRAILER = 1024,
    // What HTTP/2 and TLS add to a message, and a call's headers, in bytes at most.
    MESSAGE_CREDIT = 256,
    CALL_CREDIT = 1024,
};

struct cm_stream {
    struct cm_loop *loop;
    grpc_call *call;
    struct cm_call_maker maker;
    struct cm_stream_handlers handlers;
    void *owner;
    size_t max_message;
    gpr_timespec deadline;
    bool is_server;
    bool accepted;  // handlers are set
    bool opened;    // initial metadata is on its way
    bool reading;   // one read in flight
    bool writing;   // one write in flight
    bool finishing; // no more writes; the end goes out once `writing` is over
    bool end_sent;
    bool stopped; // nothing more is delivered but on_closed
    bool refused; // stopped by us, not by the owner's finish
    bool closed;  // gRPC said how it ended
    unsigned pending;

    struct cm_tag open_done;
    struct cm_tag read_done;
    struct cm_tag write_done;
    struct cm_tag end_done;
    struct cm_tag close_done;
    grpc_byte_buffer *incoming;
    grpc_byte_buffer *outgoing;
    grpc_metadata_array initial;

    // How it ended: a client's status, or whether a server's call was cancelled.
    grpc_metadata_array trailing;
    grpc_status_code code;
    grpc_slice details;
    int cancelled;

    // What a server ends it with.
    grpc_status_code end_code;
    grpc_slice end_text;
    grpc_metadata end_metadata;
    size_t end_metadata_count;

    struct cm_peer peer;
    struct cm_buf peer_store;
    struct cm_connection *connection; // of a server's call
};

static bool start(struct cm_stream *stream, const grpc_op *ops, size_t count, struct cm_tag *tag)
{
    grpc_call_error error = grpc_call_start_batch(stream->call, ops, count, tag, NULL);
    if (error == GRPC_CALL_OK) {
        stream->pending++;
        return true;
    }
    // No event follows. The call still ends, as cancelled.
    cm_log(CM_LOG_ERROR, "rpc-batch-refused", "op=%d error=%d", (int)ops[0].op, (int)error);
    cm_stream_cancel(stream);
    return false;
}

static void destroy(struct cm_stream *stream)
{
    grpc_call_unref(stream->call);
    grpc_metadata_array_destroy(&stream->initial);
    grpc_metadata_array_destroy(&stream->trailing);
    grpc_byte_buffer_destroy(stream->incoming);
    grpc_byte_buffer_destroy(stream->outgoing);
    grpc_slice_unref(stream->details);
    grpc_slice_unref(stream->end_text);
    if (stream->end_metadata_count) {
        grpc_slice_unref(stream->end_metadata.value);
    }
    cm_buf_clear(&stream->peer_store);
    cm_connection_unref(stream->connection);
    cm_loop_release(stream->loop);
    free(stream);
}

// The other side wrote it: only what can be shown on a terminal stays.
static void copy_text(char *out, size_t size, grpc_slice text)
{
    size_t len = GRPC_SLICE_LENGTH(text) < size ? GRPC_SLICE_LENGTH(text) : size - 1;
    const uint8_t *from = GRPC_SLICE_START_PTR(text);
    for (size_t i = 0; i < len; i++) {
        out[i] = isascii(from[i]) && isprint(from[i]) ? (char)from[i] : '?';
    }
    out[len] = '\0';
}

static bool trailer_error(const grpc_metadata_array *trailing, struct cm_error *error)
{
    for (size_t i = 0; i < trailing->count; i++) {
        grpc_slice value = trailing->metadata[i].value;
        if (grpc_slice_str_cmp(trailing->metadata[i].key, TRAILER) != 0) {
            continue;
        }
        struct cm_arena *arena = cm_arena_new((size_t)4 * MAX_TRAILER);
        struct cm_bytes bytes = {GRPC_SLICE_START_PTR(value), GRPC_SLICE_LENGTH(value)};
        bool decoded = arena && bytes.len <= MAX_TRAILER &&
                       cm_error_decode(error, arena, bytes, NULL) == CM_OK;
        cm_arena_free(arena);
        return decoded;
    }
    return false;
}

static void conclude_client(struct cm_stream *stream)
{
    enum cm_status status = cm_status_from_grpc((int)stream->code);
    if (status == CM_OK) {
        stream->handlers.on_closed(stream->owner, CM_OK, NULL);
        return;
    }
    struct cm_error error = {0};
    if (!trailer_error(&stream->trailing, &error)) {
        error = (struct cm_error){0};
        snprintf(error.where, sizeof error.where, "connection");
        copy_text(error.text, sizeof error.text, stream->details);
    }
    error.status = status;
    stream->handlers.on_closed(stream->owner, status, &error);
}

static void conclude_server(struct cm_stream *stream)
{
    bool finished = stream->end_sent && !stream->cancelled && !stream->refused;
    if (stream->accepted) {
        stream->handlers.on_closed(stream->owner, finished ? CM_OK : CM_CANCELLED, NULL);
    }
}

// Last in the handling of each event: the stream may be gone afterwards.
static void settle(struct cm_stream *stream)
{
    if (!stream->closed || stream->pending) {
        return;
    }
    if (stream->is_server) {
        conclude_server(stream);
    } else {
        conclude_client(stream);
    }
    struct cm_call_maker maker = stream->maker;
    destroy(stream);
    maker.gone(&maker);
}

static void on_open_done(struct cm_tag *tag, bool ok)
{
    struct cm_stream *stream = CM_CONTAINER(tag, struct cm_stream, open_done);
    (void)ok;
    stream->pending--;
    settle(stream);
}

static void on_close_done(struct cm_tag *tag, bool ok)
{
    struct cm_stream *stream = CM_CONTAINER(tag, struct cm_stream, close_done);
    (void)ok;
    stream->pending--;
    stream->closed = true;
    if (stream->is_server && stream->cancelled) {
        stream->stopped = true;
        if (!stream->refused) {
            cm_connection_gave_up(stream->connection);
        }
    }
    settle(stream);
}

static void refuse(struct cm_stream *stream, const char *text)
{
    struct cm_error error = {0};
    stream->refused = true;
    if (stream->is_server) {
        cm_stream_finish(stream, cm_fail(&error, CM_INVALID, "message", "%s", text), &error);
    } else {
        grpc_call_cancel_with_status(stream->call, GRPC_STATUS_INVALID_ARGUMENT, text, NULL);
    }
    stream->stopped = true;
}

static void deliver(struct cm_stream *stream, grpc_byte_buffer *buffer)
{
    // Never inflated: a small message could become an unbounded one.
    if (buffer->type != GRPC_BB_RAW || buffer->data.raw.compression != GRPC_COMPRESS_NONE) {
        refuse(stream, "is compressed");
        return;
    }
    if (grpc_byte_buffer_length(buffer) > stream->max_message) {
        refuse(stream, "is larger than this method takes");
        return;
    }
    size_t len = grpc_byte_buffer_length(buffer);
    cm_connection_credit(stream->connection, len + len / 8 + MESSAGE_CREDIT);
    grpc_byte_buffer_reader reader;
    if (!grpc_byte_buffer_reader_init(&reader, buffer)) {
        refuse(stream, "can't be read");
        return;
    }
    const grpc_slice_buffer *slices = &buffer->data.raw.slice_buffer;
    grpc_slice whole = slices->count == 1 ? grpc_slice_ref(slices->slices[0])
                                          : grpc_byte_buffer_reader_readall(&reader);
    if (stream->handlers.on_message) {
        struct cm_bytes message = {GRPC_SLICE_START_PTR(whole), GRPC_SLICE_LENGTH(whole)};
        stream->handlers.on_message(stream->owner, message);
    }
    grpc_slice_unref(whole);
    grpc_byte_buffer_reader_destroy(&reader);
}

// A server mustn't take a broken call for a complete one. A client has the status for that; there
// gRPC's answer says something else.
static bool ended_well(const struct cm_stream *stream, bool ok)
{
    return !stream->is_server || (ok && !grpc_call_failed_before_recv_message(stream->call));
}

static void on_read_done(struct cm_tag *tag, bool ok)
{
    struct cm_stream *stream = CM_CONTAINER(tag, struct cm_stream, read_done);
    stream->pending--;
    stream->reading = false;
    grpc_byte_buffer *buffer = stream->incoming;
    stream->incoming = NULL;
    if (!stream->stopped && buffer) {
        deliver(stream, buffer);
    } else if (!stream->stopped && ended_well(stream, ok) && stream->handlers.on_end) {
        stream->handlers.on_end(stream->owner);
    }
    grpc_byte_buffer_destroy(buffer);
    settle(stream);
}

static void send_end(struct cm_stream *stream)
{
    grpc_op ops[2] = {0};
    size_t count = 0;
    stream->end_sent = true;
    if (!stream->opened) {
        ops[count++].op = GRPC_OP_SEND_INITIAL_METADATA;
    }
    stream->opened = true;
    if (stream->is_server) {
        ops[count].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
        ops[count].data.send_status_from_server.status = stream->end_code;
        ops[count].data.send_status_from_server.status_details = &stream->end_text;
        ops[count].data.send_status_from_server.trailing_metadata = &stream->end_metadata;
        ops[count].data.send_status_from_server.trailing_metadata_count =
            stream->end_metadata_count;
    } else {
        ops[count].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
    }
    start(stream, ops, count + 1, &stream->end_done);
}

static void on_write_done(struct cm_tag *tag, bool ok)
{
    struct cm_stream *stream = CM_CONTAINER(tag, struct cm_stream, write_done);
    stream->pending--;
    grpc_byte_buffer_destroy(stream->outgoing);
    stream->outgoing = NULL;
    // After a failed write the call is ending: it never becomes writable again.
    stream->writing = !ok;
    if (ok && stream->finishing && !stream->closed) {
        send_end(stream);
    } else if (ok && !stream->stopped && !stream->closed && stream->handlers.on_writable) {
        stream->handlers.on_writable(stream->owner);
    }
    settle(stream);
}

static void on_end_done(struct cm_tag *tag, bool ok)
{
    struct cm_stream *stream = CM_CONTAINER(tag, struct cm_stream, end_done);
    stream->pending--;
    stream->end_sent = ok;
    settle(stream);
}

static struct cm_stream *new_stream(const struct cm_call_setup *setup, bool is_server)
{
    struct cm_stream *stream = calloc(1, sizeof *stream);
    if (!stream) {
        return NULL;
    }
    stream->loop = setup->loop;
    stream->call = setup->call;
    stream->deadline = setup->deadline;
    stream->max_message = setup->max_message;
    stream->maker.gone = setup->gone;
    stream->maker.context = setup->context;
    stream->is_server = is_server;
    stream->open_done.run = on_open_done;
    stream->read_done.run = on_read_done;
    stream->write_done.run = on_write_done;
    stream->end_done.run = on_end_done;
    stream->close_done.run = on_close_done;
    stream->details = grpc_empty_slice();
    stream->end_text = grpc_empty_slice();
    grpc_metadata_array_init(&stream->initial);
    grpc_metadata_array_init(&stream->trailing);
    cm_loop_hold(stream->loop);
    return stream;
}

enum cm_status cm_stream_new_server(struct cm_stream **out, const struct cm_call_setup *setup)
{
    *out = NULL;
    struct cm_stream *stream = new_stream(setup, true);
    if (!stream) {
        grpc_call_unref(setup->call);
        return CM_MEMORY;
    }
    grpc_op close = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};
    close.data.recv_close_on_server.cancelled = &stream->cancelled;
    char *peer = grpc_call_get_peer(stream->call);
    stream->connection = cm_connection_find(peer);
    gpr_free(peer);
    cm_connection_credit(stream->connection, CALL_CREDIT);
    if (!start(stream, &close, 1, &stream->close_done)) {
        destroy(stream);
        return CM_INTERNAL;
    }
    if (cm_peer_of_call(&stream->peer, &stream->peer_store, stream->call)) {
        struct cm_error error = {0};
        cm_stream_finish(stream,
                         cm_fail(&error, CM_UNAUTHENTICATED, "certificate",
                                 "can't be read or is larger than %d bytes", CM_MAX_CERTIFICATE),
                         &error);
    }
    *out = stream;
    return CM_OK;
}

enum cm_status cm_stream_new_client(struct cm_stream **out, const struct cm_call_setup *setup,
                                    bool wait_ready, const struct cm_stream_handlers *handlers,
                                    void *owner)
{
    *out = NULL;
    struct cm_stream *stream = new_stream(setup, false);
    if (!stream) {
        grpc_call_unref(setup->call);
        return CM_MEMORY;
    }
    stream->handlers = *handlers;
    stream->owner = owner;
    stream->accepted = true;
    stream->opened = true;
    grpc_op close = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT};
    close.data.recv_status_on_client.trailing_metadata = &stream->trailing;
    close.data.recv_status_on_client.status = &stream->code;
    close.data.recv_status_on_client.status_details = &stream->details;
    grpc_op open[2] = {{.op = GRPC_OP_SEND_INITIAL_METADATA},
                       {.op = GRPC_OP_RECV_INITIAL_METADATA}};
    open[0].flags = GRPC_INITIAL_METADATA_WAIT_FOR_READY_EXPLICITLY_SET |
                    (wait_ready ? GRPC_INITIAL_METADATA_WAIT_FOR_READY : 0U);
    open[1].data.recv_initial_metadata.recv_initial_metadata = &stream->initial;
    if (!start(stream, &close, 1, &stream->close_done)) {
        destroy(stream);
        return CM_INTERNAL;
    }
    start(stream, open, 2, &stream->open_done);
    *out = stream;
    return CM_OK;
}

struct cm_call_maker *cm_stream_maker(struct cm_stream *stream)
{
    return &stream->maker;
}

struct cm_stream *cm_stream_of_maker(struct cm_call_maker *maker)
{
    return CM_CONTAINER(maker, struct cm_stream, maker);
}

bool cm_stream_taken(const struct cm_stream *stream)
{
    return stream->accepted || stream->finishing || stream->stopped;
}

void cm_stream_accept(struct cm_stream *stream, const struct cm_stream_handlers *handlers,
                      void *owner)
{
    stream->handlers = *handlers;
    stream->owner = owner;
    stream->accepted = true;
}

void cm_stream_read(struct cm_stream *stream)
{
    if (stream->reading || stream->stopped || stream->closed) {
        return;
    }
    grpc_op receive = {.op = GRPC_OP_RECV_MESSAGE};
    receive.data.recv_message.recv_message = &stream->incoming;
    stream->reading = start(stream, &receive, 1, &stream->read_done);
}

static bool ended(const struct cm_stream *stream)
{
    return stream->finishing || stream->stopped || stream->closed;
}

bool cm_stream_writable(const struct cm_stream *stream)
{
    return !stream->writing && !ended(stream);
}

enum cm_status cm_stream_write(struct cm_stream *stream, struct cm_bytes message)
{
    if (ended(stream)) {
        return CM_CANCELLED;
    }
    if (stream->writing) {
        return CM_EXHAUSTED;
    }
    grpc_slice slice = grpc_slice_from_copied_buffer((const char *)message.data, message.len);
    stream->outgoing = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    grpc_op ops[2] = {0};
    size_t count = 0;
    if (!stream->opened) {
        ops[count++].op = GRPC_OP_SEND_INITIAL_METADATA;
    }
    stream->opened = true;
    cm_connection_credit(stream->connection, message.len / 64 + MESSAGE_CREDIT);
    ops[count].op = GRPC_OP_SEND_MESSAGE;
    ops[count].data.send_message.send_message = stream->outgoing;
    stream->writing = true;
    return start(stream, ops, count + 1, &stream->write_done) ? CM_OK : CM_CANCELLED;
}

static void set_end(struct cm_stream *stream, enum cm_status status, const struct cm_error *error)
{
    stream->end_code = (grpc_status_code)cm_status_to_grpc(status);
    if (status == CM_OK) {
        return;
    }
    struct cm_buf trailer = {.max = MAX_TRAILER};
    if (error && cm_error_encode(&trailer, error) == CM_OK) {
        stream->end_metadata.key = grpc_slice_from_static_string(TRAILER);
        stream->end_metadata.value =
            grpc_slice_from_copied_buffer((const char *)trailer.data, trailer.len);
        stream->end_metadata_count = 1;
    }
    cm_buf_clear(&trailer);
    char text[512];
    stream->end_text =
        error ? grpc_slice_from_copied_string(cm_error_format(text, sizeof text, error))
              : grpc_slice_from_static_string(cm_status_name(status));
}

void cm_stream_finish(struct cm_stream *stream, enum cm_status status, const struct cm_error *error)
{
    if (ended(stream)) {
        return;
    }
    stream->finishing = true;
    if (stream->is_server) {
        stream->stopped = true;
        set_end(stream, status, error);
    }
    if (!stream->writing) {
        send_end(stream);
    }
}

void cm_stream_cancel(struct cm_stream *stream)
{
    stream->stopped = true;
    stream->refused = true;
    grpc_call_cancel(stream->call, NULL);
}

const struct cm_peer *cm_stream_peer(const struct cm_stream *stream)
{
    return &stream->peer;
}

int64_t cm_stream_remaining_ms(const struct cm_stream *stream)
{
    gpr_timespec forever = gpr_inf_future(stream->deadline.clock_type);
    if (gpr_time_cmp(stream->deadline, forever) == 0) {
        return INT64_MAX;
    }
    gpr_timespec left = gpr_time_sub(stream->deadline, gpr_now(stream->deadline.clock_type));
    int64_t ms = left.tv_sec * 1000 + left.tv_nsec / 1000000;
    return ms > 0 ? ms : 0;
}
