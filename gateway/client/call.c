#include "gateway/client/call.h"

#include "gateway/client/book_take.h"
#include "gateway/client/progress.h"
#include "gateway/client/reach_check.h"
#include "proto/base/cli.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_CAP = 8 * CM_MAX_LOOKUP_RESPONSE };

struct call {
    const struct cm_call_options *options;
    struct cm_call_result *result;
    struct cm_trust *trust;
    struct cm_stream *stream;
    struct cm_arena *arena; // for one message
    struct cm_directory_parts parts;
    struct cm_progress_view *progress;
    struct cm_digest digest;    // of the query
    struct cm_buf question;     // the envelope, as sent
    struct cm_transcript *kept; // NULL: nothing is
    enum cm_status status;
    bool ended;          // the manifest or reach came and holds
    bool finished;       // on_closed ran
    const char *address; // of the gateway
    // Whom TLS showed: written by the handshake, read after it.
    pthread_mutex_t lock;
    struct cm_signatory *gateway;
    uint8_t leaf[CM_MAX_CERTIFICATE];
    size_t leaf_len;
};

static int64_t now_ms(void)
{
    return cm_wall_ms(cm_clock_system());
}

static enum cm_status judge_leaf(struct cm_signatory **out, struct cm_trust *trust,
                                 struct cm_bytes leaf, const char *name, struct cm_error *error)
{
    enum cm_status status = cm_trust_chain(out, trust, &leaf, 1, now_ms(), error);
    if (status != CM_OK) {
        return status;
    }
    const struct cm_identity *identity = cm_signatory_identity(*out);
    if (identity->role != CM_ROLE_GATEWAY || strcmp(identity->name, name) != 0) {
        cm_signatory_unref(*out);
        *out = NULL;
        return cm_fail(error, CM_UNAUTHENTICATED, name, "another gateway answered at its address");
    }
    return CM_OK;
}

static enum cm_status judge(void *context, struct cm_bytes leaf)
{
    struct call *call = context;
    struct cm_signatory *gateway = NULL;
    if (leaf.len > sizeof call->leaf ||
        judge_leaf(&gateway, call->trust, leaf, call->options->gateway, NULL) != CM_OK) {
        return CM_UNAUTHENTICATED;
    }
    pthread_mutex_lock(&call->lock);
    cm_signatory_unref(call->gateway);
    call->gateway = gateway;
    memcpy(call->leaf, leaf.data, leaf.len);
    call->leaf_len = leaf.len;
    pthread_mutex_unlock(&call->lock);
    return CM_OK;
}

// Ends the call for what the other side got wrong.
static void give_up(struct call *call, enum cm_status status, bool dishonest)
{
    if (call->status == CM_OK) {
        call->status = status;
        // Want of memory or disk is our own fault.
        call->result->dishonest = dishonest && status != CM_MEMORY && status != CM_IO;
        cm_stream_cancel(call->stream);
    }
}

// The gateway holds a newer directory: it must verify, and the gateway must still be in it.
static void take_directory(struct call *call, const struct cm_directory_part *part)
{
    struct cm_error *error = &call->result->error;
    struct cm_directory_store *store = call->options->settings->store;
    struct cm_signatory *gateway = NULL;
    bool whole = false;
    enum cm_status status = call->result->accepted
                                ? cm_fail(error, CM_INVALID, "directory", "came too late")
                                : cm_directory_parts_add(&call->parts, &whole, part, error);
    if (status == CM_OK && !whole) {
        return;
    }
    if (status == CM_OK) {
        status = cm_directory_store_accept(store, NULL, cm_buf_bytes(&call->parts.data), now_ms(),
                                           error);
    }
    cm_directory_parts_clear(&call->parts);
    struct cm_trust *trust = status == CM_OK ? cm_directory_store_snapshot(store, now_ms()) : NULL;
    if (trust != NULL) {
        status = judge_leaf(&gateway, trust, (struct cm_bytes){call->leaf, call->leaf_len},
                            call->options->gateway, error);
    }
    if (trust == NULL || status != CM_OK) {
        cm_trust_unref(trust);
        give_up(call, status != CM_OK ? status : CM_STALE, true);
        return;
    }
    cm_signatory_unref(call->gateway);
    call->gateway = gateway;
    cm_trust_unref(call->trust);
    call->trust = trust;
}

// A row that can't be remembered or written ends the call: it could not be accounted for.
static void print_row(void *context, const struct cm_detection *row)
{
    struct call *call = context;
    struct cm_printer *printer = call->options->printer;
    struct cm_error *error = &call->result->error;
    bool fresh = true;
    if (call->status != CM_OK) {
        return;
    }
    cm_progress_erase(call->progress);
    enum cm_status status =
        cm_seen_add(call->options->seen, &fresh, row->captured_at_ms, row->owner, row->event_id);
    if (status != CM_OK) {
        cm_fail(error, status, "rows", "out of memory");
    } else if (fresh) {
        cm_printer_row(printer, row);
        if (ferror(printer->out)) {
            status =
                cm_fail(error, CM_IO, "output", "cannot be written, the rest was not asked for");
        }
    }
    if (status != CM_OK) {
        give_up(call, status, false);
    }
}

static void take_accepted(struct call *call, const struct cm_accepted *accepted)
{
    struct cm_error *error = &call->result->error;
    const struct cm_book_options options = {
        .trust = call->trust,
        .gateway = call->gateway,
        .query_digest = call->digest,
        .key_hash = call->options->settings->identity.key_hash,
        .limit = call->options->asking->query.limit,
        .order = call->options->asking->query.order,
        .agencies = call->options->asking->query.agencies,
        .agency_count = call->options->asking->query.agency_count,
        .clock = cm_clock_system(),
        .row = print_row,
        .context = call,
    };
    enum cm_status status = call->result->accepted
                                ? cm_fail(error, CM_INVALID, "accepted", "came twice")
                                : cm_book_new(&call->result->book, &options);
    if (status == CM_OK) {
        status = cm_book_accepted(call->result->book, accepted, error);
    }
    if (status == CM_OK) {
        status = cm_progress_new(&call->progress, call->options->terminal,
                                 cm_book_agencies(call->result->book), accepted->agency_count);
    }
    if (status != CM_OK) {
        give_up(call, status, true);
        return;
    }
    call->result->accepted = true;
    cm_seen_begin(call->options->seen);
    cm_progress_draw(call->progress);
}

static void take_response(struct call *call, const struct cm_lookup_response *response)
{
    struct cm_error *error = &call->result->error;
    if (response->kind == CM_LOOKUP_DIRECTORY) {
        take_directory(call, &response->u.directory);
        return;
    }
    if (response->kind == CM_LOOKUP_ACCEPTED) {
        take_accepted(call, &response->u.accepted);
        return;
    }
    if (!call->result->accepted || call->ended) {
        cm_fail(error, CM_INVALID, "answer", "came outside an accepted query");
        give_up(call, CM_INVALID, true);
        return;
    }
    enum cm_status status = cm_book_take(call->result->book, response, error);
    call->ended = status == CM_OK && response->kind == CM_LOOKUP_MANIFEST;
    if (response->kind == CM_LOOKUP_PROGRESS) {
        cm_progress_note(call->progress, &response->u.progress);
    }
    if (status != CM_OK) {
        give_up(call, status, true);
        return;
    }
    cm_progress_draw(call->progress);
}

// From the gateway's record on, before anything is judged: what lies is evidence too.
static void keep_response(struct call *call, enum cm_lookup_kind kind, struct cm_bytes message)
{
    if (kind == CM_LOOKUP_ACCEPTED && call->kept == NULL && call->options->answers != NULL) {
        const struct cm_transcript_head head = {
            .question = cm_buf_bytes(&call->question),
            .directory = cm_trust_bundle(call->trust),
            .gateway = {call->leaf, call->leaf_len},
            .owner = cm_signer_spki(call->options->settings->signer),
        };
        call->result->kept_status = cm_transcript_new(&call->kept, call->options->answers, &head,
                                                      &call->result->kept_error);
    }
    if (call->kept != NULL) {
        cm_transcript_add(call->kept, message);
    }
}

static void on_lookup_message(void *owner, struct cm_bytes message)
{
    struct call *call = owner;
    struct cm_lookup_response response;
    if (call->status != CM_OK) {
        return;
    }
    cm_arena_reset(call->arena);
    enum cm_status status =
        cm_lookup_response_decode(&response, call->arena, message, &call->result->error);
    if (status != CM_OK) {
        give_up(call, status, true);
        return;
    }
    keep_response(call, response.kind, message);
    take_response(call, &response);
    if (call->status == CM_OK) {
        cm_stream_read(call->stream);
    }
}

static enum cm_status take_reach(struct call *call, struct cm_bytes message)
{
    const struct cm_asking *asking = call->options->asking;
    struct cm_error *error = &call->result->error;
    struct cm_reach_response response;
    const struct cm_roll roll = {
        .directory = cm_trust_directory(call->trust),
        .named_count = asking->query.agency_count,
        .named = asking->query.agencies,
    };
    if (call->ended) {
        return cm_fail(error, CM_INVALID, "answer", "the gateway answered twice");
    }
    enum cm_status status = cm_reach_response_decode(&response, call->arena, message, error);
    if (status == CM_OK) {
        call->result->accepted = true;
        status = cm_reach_check(&response, call->arena, &roll, call->gateway, &call->digest, error);
    }
    return status == CM_OK ? cm_buf_add(&call->result->reach, message.data, message.len) : status;
}

static void on_reach_message(void *owner, struct cm_bytes message)
{
    struct call *call = owner;
    if (call->status != CM_OK) {
        return;
    }
    cm_arena_reset(call->arena);
    enum cm_status status = take_reach(call, message);
    if (status != CM_OK) {
        call->ended = false;
        give_up(call, status, status != CM_STALE);
        return;
    }
    call->ended = true;
    cm_stream_read(call->stream);
}

// What a person makes of how the call ended; detail: the gateway's words, or the transport's.
static void explain(struct call *call, const struct cm_error *detail)
{
    struct cm_error *error = &call->result->error;
    const char *gateway = call->options->gateway;
    bool transport =
        detail == NULL || detail->text[0] == '\0' || strcmp(detail->where, "connection") == 0;
    if (!transport) {
        *error = *detail;
    } else if (call->status == CM_LATE) {
        cm_fail(error, CM_LATE, gateway, "did not answer within %d s",
                (int)(call->options->asking->query.deadline_ms + CM_CLIENT_GRACE_MS) / 1000);
        cm_error_hint(error, "it or the network hangs: ask again, or tell its operator");
    } else if (call->result->accepted) {
        cm_fail(error, call->status, gateway, "broke off before its answer was whole");
        cm_error_hint(error, "ask again");
    } else {
        const char *text = detail != NULL ? detail->text : "";
        const char *last = strrchr(text, ':');
        cm_fail(error, call->status, gateway, "cannot be reached at %s:%.80s", call->address,
                last != NULL ? last + 1 : text);
        cm_error_hint(error, "check the network; if others reach it, tell its operator");
    }
}

static void on_closed(void *owner, enum cm_status status, const struct cm_error *error)
{
    struct call *call = owner;
    call->finished = true;
    call->stream = NULL;
    if (call->status == CM_OK && !call->ended) {
        call->status = status != CM_OK ? status : CM_UNAVAILABLE;
        explain(call, error);
    }
    cm_loop_stop(call->options->loop);
}

static enum cm_status send_question(struct call *call)
{
    struct cm_error *error = &call->result->error;
    const struct cm_directory *directory = cm_trust_directory(call->trust);
    struct cm_buf message = {0};
    struct cm_lookup_request request = {.directory_serial = directory->serial};
    enum cm_status status =
        cm_asking_sign(call->options->asking, &call->question, &call->digest,
                       call->options->settings, directory, call->options->gateway, error);
    if (status == CM_OK) {
        status =
            cm_envelope_decode(&request.query, call->arena, cm_buf_bytes(&call->question), error);
    }
    if (status == CM_OK) {
        status = cm_lookup_request_encode(&message, &request);
    }
    if (status == CM_OK) {
        status = cm_stream_write(call->stream, cm_buf_bytes(&message));
    }
    if (status == CM_OK) {
        cm_stream_finish(call->stream, CM_OK, NULL);
        cm_stream_read(call->stream);
    }
    if (message.data != NULL) {
        cm_wipe(message.data, message.len);
    }
    cm_buf_clear(&message);
    return status;
}

static enum cm_status open_channel(struct cm_channel **out, struct call *call)
{
    const struct cm_directory *directory = cm_trust_directory(call->trust);
    const struct cm_gateway_entry *entry = cm_directory_gateway(directory, call->options->gateway);
    char name[CM_MAX_ID + sizeof "gateway."];
    if (entry == NULL || entry->address_count == 0) {
        cm_fail(&call->result->error, CM_UNAVAILABLE, call->options->gateway,
                "the directory has no such gateway");
        cm_error_hint(&call->result->error, "mend its name in [gateways] of client.ini");
        return CM_UNAVAILABLE;
    }
    call->address = entry->addresses[0];
    snprintf(name, sizeof name, "gateway.%s", directory->federation);
    const struct cm_channel_options options = {
        .address = call->address,
        .server_name = name,
        .tls = call->options->settings->tls,
        .passphrase = call->options->settings->passphrase,
        .judge = judge,
        .context = call,
        .max_message = CM_MAX_LOOKUP_RESPONSE,
    };
    return cm_channel_new(out, call->options->loop, &options, &call->result->error);
}

static enum cm_status run(struct call *call, const char *path,
                          const struct cm_stream_handlers *handlers)
{
    struct cm_channel *channel = NULL;
    int64_t deadline_ms = call->options->asking->query.deadline_ms + CM_CLIENT_GRACE_MS;
    // An expired one still tells its gateways: they hand out the newer. Nobody else is believed by
    // it.
    call->trust = cm_directory_store_newest(call->options->settings->store);
    enum cm_status status = open_channel(&channel, call);
    if (status == CM_OK) {
        status = cm_channel_call(&call->stream, channel, path, deadline_ms, false, handlers, call);
    }
    if (status == CM_OK) {
        status = send_question(call);
        if (status != CM_OK) {
            give_up(call, status, false);
        }
        while (!call->finished) {
            cm_loop_run(call->options->loop);
            if (*call->options->interrupted && !call->finished && !call->ended) {
                cm_fail(&call->result->error, CM_CANCELLED, call->options->gateway, "interrupted");
                give_up(call, CM_CANCELLED, false);
            }
        }
        status = call->status;
    }
    cm_channel_free(channel);
    return status;
}

// What broke off is no answer; what lied is kept as well as what holds.
static void end_transcript(struct call *call, enum cm_status status)
{
    struct cm_call_result *result = call->result;
    if (call->kept != NULL && (status == CM_OK || result->dishonest)) {
        result->kept_status = cm_transcript_keep(call->kept, &result->kept, &result->kept_error);
    } else {
        cm_transcript_drop(call->kept);
    }
}

static enum cm_status call_gateway(struct cm_call_result *result,
                                   const struct cm_call_options *options, const char *path,
                                   void (*on_message)(void *owner, struct cm_bytes message))
{
    struct call call = {.options = options, .result = result};
    const struct cm_stream_handlers handlers = {.on_message = on_message, .on_closed = on_closed};
    *result = (struct cm_call_result){0};
    call.arena = cm_arena_new(MESSAGE_CAP);
    if (call.arena == NULL) {
        return cm_fail(&result->error, CM_MEMORY, "", "out of memory");
    }
    pthread_mutex_init(&call.lock, NULL);
    enum cm_status status = run(&call, path, &handlers);
    end_transcript(&call, status);
    cm_progress_erase(call.progress);
    cm_progress_free(call.progress);
    cm_directory_parts_clear(&call.parts);
    if (call.question.data != NULL) {
        cm_wipe(call.question.data, call.question.len);
    }
    cm_buf_clear(&call.question);
    cm_signatory_unref(call.gateway);
    cm_trust_unref(call.trust);
    cm_arena_free(call.arena);
    pthread_mutex_destroy(&call.lock);
    return status;
}

enum cm_status cm_call_lookup(struct cm_call_result *result, const struct cm_call_options *options)
{
    return call_gateway(result, options, CM_METHOD_LOOKUP, on_lookup_message);
}

enum cm_status cm_call_reach(struct cm_call_result *result, const struct cm_call_options *options)
{
    return call_gateway(result, options, CM_METHOD_REACH, on_reach_message);
}

void cm_call_result_clear(struct cm_call_result *result)
{
    cm_book_free(result->book);
    cm_buf_clear(&result->reach);
}
