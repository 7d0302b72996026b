#include "tests/bench/load.h"

#include "proto/base/arena.h"
#include "proto/base/clock.h"
#include "proto/codec/gateway.h"
#include "proto/envelope/dsse.h"

#include <stdio.h>
#include <string.h>

enum {
    ARENA_CAP = 8 * 1024 * 1024,
    SIGNED_FOR_MS = 60000,
    MAX_MESSAGE = CM_MAX_LOOKUP_RESPONSE,
};

struct load;

// One query in flight.
struct slot {
    struct load *load;
    struct cm_stream *stream;
    struct cm_buf message;
    const struct cm_bench_plate *plate;
    int64_t begun_ns;
    uint64_t rows;
    bool ended; // its manifest came and fits
};

struct load {
    const struct cm_load_options *options;
    struct cm_load_result *result;
    const struct cm_directory *directory;
    struct cm_channel *channel;
    struct cm_arena *arena; // for one message
    struct cm_error *error;
    enum cm_status status;
    size_t begun;
    unsigned running;
    int64_t until_ns;
    struct slot slots[CM_BENCH_IN_FLIGHT];
};

static enum cm_status sign(struct cm_buf *envelope, const struct load *load,
                           const struct cm_bench_plate *plate)
{
    const struct cm_load_options *options = load->options;
    const int64_t now_ms = cm_wall_ms(cm_clock_system());
    struct cm_buf payload = {0};
    struct cm_query query = {
        .issued_ms = now_ms,
        .expires_ms = now_ms + SIGNED_FOR_MS,
        .federation = load->directory->federation,
        .gateway = options->settings->gateways[0],
        .agency_count = 1,
        .agencies = &options->agency,
        .signer = options->settings->identity.spiffe,
        .key_hash = options->settings->identity.key_hash,
        .action = CM_ACTION_LOOKUP,
        .plate = {.plate = plate->text, .state = ""},
        .window = options->window,
        .purpose = "vehicle-theft",
        .case_number = "26-1234",
        .reason = "stolen from the harbour car park",
        .on_behalf_of = "",
        .court_order = "",
        .evidence_kinds = 1u << CM_EVIDENCE_CASE,
        .limit = CM_DEFAULT_LIMIT,
        .order = CM_ORDER_TIME_DESCENDING,
        .deadline_ms = CM_DEFAULT_DEADLINE_MS,
    };
    enum cm_status status = cm_random(query.query_id, sizeof query.query_id);
    if (status == CM_OK) {
        status = cm_random(query.blind, sizeof query.blind);
    }
    if (status == CM_OK) {
        status = cm_query_encode(&payload, &query, load->error);
    }
    if (status == CM_OK) {
        status = cm_dsse_sign(envelope, CM_FAMILY_QUERY, cm_buf_bytes(&payload),
                              options->settings->signer, true);
    }
    cm_buf_clear(&payload);
    return status;
}

static enum cm_status make_request(struct slot *slot)
{
    struct load *load = slot->load;
    struct cm_buf envelope = {0};
    struct cm_lookup_request request = {.directory_serial = load->directory->serial};
    enum cm_status status = sign(&envelope, load, slot->plate);
    load->result->envelope_bytes = envelope.len;
    cm_arena_reset(load->arena);
    if (status == CM_OK) {
        status =
            cm_envelope_decode(&request.query, load->arena, cm_buf_bytes(&envelope), load->error);
    }
    slot->message.len = 0;
    if (status == CM_OK) {
        status = cm_lookup_request_encode(&slot->message, &request);
    }
    cm_buf_clear(&envelope);
    return status;
}

static void give_up(struct load *load, enum cm_status status)
{
    if (load->status == CM_OK) {
        load->status = status;
    }
}

static enum cm_status take_manifest(struct slot *slot, const struct cm_envelope *envelope)
{
    struct load *load = slot->load;
    struct cm_manifest manifest;
    enum cm_status status =
        cm_manifest_decode(&manifest, load->arena, envelope->payload, load->error);
    if (status != CM_OK) {
        return status;
    }
    if (manifest.counts[CM_OUTCOME_ANSWERED] != 1 || slot->rows != slot->plate->rows) {
        return cm_fail(load->error, CM_INVALID, "answer",
                       "%llu rows of %u agencies came instead of %llu of 1",
                       (unsigned long long)slot->rows, manifest.counts[CM_OUTCOME_ANSWERED],
                       (unsigned long long)slot->plate->rows);
    }
    slot->ended = true;
    return CM_OK;
}

static void on_message(void *owner, struct cm_bytes message)
{
    struct slot *slot = owner;
    struct load *load = slot->load;
    struct cm_lookup_response response;
    cm_arena_reset(load->arena);
    enum cm_status status = cm_lookup_response_decode(&response, load->arena, message, load->error);
    if (status == CM_OK && response.kind == CM_LOOKUP_BATCH) {
        slot->rows += response.u.batch.row_count;
        load->result->batches++;
    }
    if (status == CM_OK && response.kind == CM_LOOKUP_MANIFEST) {
        status = take_manifest(slot, &response.u.envelope);
    }
    if (status != CM_OK) {
        give_up(load, status);
        cm_stream_cancel(slot->stream);
        return;
    }
    cm_stream_read(slot->stream);
}

static void begin(struct slot *slot);

static void on_closed(void *owner, enum cm_status status, const struct cm_error *error)
{
    struct slot *slot = owner;
    struct load *load = slot->load;
    slot->stream = NULL;
    load->running--;
    if (status != CM_OK || !slot->ended) {
        if (load->status == CM_OK && error != NULL) {
            *load->error = *error;
        }
        give_up(load, status != CM_OK ? status : CM_UNAVAILABLE);
    } else {
        cm_samples_add(&load->result->latency, cm_bench_wall_ns() - slot->begun_ns);
        load->result->queries++;
        load->result->rows += slot->rows;
    }
    begin(slot);
    if (load->running == 0) {
        cm_loop_stop(load->options->loop);
    }
}

static enum cm_status ask(struct slot *slot)
{
    static const struct cm_stream_handlers handlers = {.on_message = on_message,
                                                       .on_closed = on_closed};
    struct load *load = slot->load;
    enum cm_status status = make_request(slot);
    if (status != CM_OK) {
        return status;
    }
    slot->begun_ns = cm_bench_wall_ns();
    status = cm_channel_call(&slot->stream, load->channel, CM_METHOD_LOOKUP,
                             CM_DEFAULT_DEADLINE_MS + CM_CLIENT_GRACE_MS, true, &handlers, slot);
    if (status != CM_OK) {
        return status;
    }
    load->running++;
    status = cm_stream_write(slot->stream, cm_buf_bytes(&slot->message));
    if (status != CM_OK) {
        give_up(load, status);
        cm_stream_cancel(slot->stream);
        return CM_OK;
    }
    cm_stream_finish(slot->stream, CM_OK, NULL);
    cm_stream_read(slot->stream);
    return CM_OK;
}

static void begin(struct slot *slot)
{
    struct load *load = slot->load;
    if (load->status != CM_OK || load->begun == load->options->queries ||
        cm_bench_wall_ns() > load->until_ns) {
        return;
    }
    slot->plate = &load->options->plates[load->begun % load->options->plate_count];
    slot->rows = 0;
    slot->ended = false;
    load->begun++;
    enum cm_status status = ask(slot);
    if (status != CM_OK) {
        give_up(load, status);
    }
}

static enum cm_status judge(void *context, struct cm_bytes leaf)
{
    (void)context;
    (void)leaf;
    return CM_OK;
}

static enum cm_status open_channel(struct load *load)
{
    const struct cm_settings *settings = load->options->settings;
    const struct cm_gateway_entry *entry =
        cm_directory_gateway(load->directory, settings->gateways[0]);
    char name[CM_MAX_ID + sizeof "gateway."];
    if (entry == NULL || entry->address_count == 0) {
        return cm_fail(load->error, CM_UNAVAILABLE, settings->gateways[0],
                       "the directory has no such gateway");
    }
    snprintf(name, sizeof name, "gateway.%s", load->directory->federation);
    const struct cm_channel_options options = {
        .address = entry->addresses[0],
        .server_name = name,
        .tls = settings->tls,
        .passphrase = settings->passphrase,
        .judge = judge,
        .max_message = MAX_MESSAGE,
    };
    return cm_channel_new(&load->channel, load->options->loop, &options, load->error);
}

static void run(struct load *load)
{
    const int64_t begun_ns = cm_bench_wall_ns();
    load->until_ns = begun_ns + load->options->most_ms * 1000000;
    for (unsigned i = 0; i < load->options->in_flight; i++) {
        load->slots[i].load = load;
        begin(&load->slots[i]);
    }
    if (load->running > 0) {
        cm_loop_run(load->options->loop);
    }
    load->result->wall_ns = cm_bench_wall_ns() - begun_ns;
}

enum cm_status cm_load_run(struct cm_load_result *result, const struct cm_load_options *options,
                           struct cm_error *error)
{
    struct load load = {.options = options, .result = result, .error = error};
    struct cm_trust *trust =
        cm_directory_store_snapshot(options->settings->store, cm_wall_ms(cm_clock_system()));
    if (trust == NULL || options->settings->gateway_count == 0) {
        cm_trust_unref(trust);
        return cm_fail(error, CM_STALE, "directory", "there is none, or no gateway is named");
    }
    load.directory = cm_trust_directory(trust);
    load.arena = cm_arena_new(ARENA_CAP);
    load.status = load.arena != NULL ? open_channel(&load) : CM_MEMORY;
    if (load.status == CM_OK) {
        run(&load);
    }
    for (unsigned i = 0; i < options->in_flight; i++) {
        cm_buf_clear(&load.slots[i].message);
    }
    cm_channel_free(load.channel);
    cm_arena_free(load.arena);
    cm_trust_unref(trust);
    return load.status;
}
