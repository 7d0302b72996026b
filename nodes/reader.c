#include "nodes/reader.h"

#include "proto/envelope/dsse.h"
#include "proto/ledger/merkle.h"

#include <stdlib.h>
#include <string.h>

enum {
    CHUNK = 64,                     // rows asked of the store at a time
    CHUNK_MEMORY = 2 * 1024 * 1024, // their strings at most
    HEADER_MEMORY = 64 * 1024,
    MESSAGE_OVERHEAD = 12 * 1024, // header and chain
    ROW_OVERHEAD = 16,            // tags and lengths
};

// What the view was asked about a row, and showed.
struct shown {
    size_t camera; // place of its name
    int64_t age_s;
    cm_fields visible;
};

// One row of a batch: places in the batch's bytes, since these move as they grow.
struct place {
    size_t key, key_len;
    size_t row, row_len;
    struct shown shown;
};

struct batch {
    struct cm_buf bytes;   // keys and rows
    struct cm_buf cameras; // names, each with its 0
    size_t count;
    struct place places[CM_MAX_BATCH_ROWS];
    struct cm_digest leaves[CM_MAX_BATCH_ROWS];
};

struct cm_reader {
    struct cm_reader_options options;
    struct cm_cursor *cursor;
    struct cm_arena *chunk_arena;
    struct cm_arena *header_arena;
    struct cm_detection chunk[CHUNK];
    size_t chunk_count;
    size_t chunk_next;
    bool store_ended;
    int64_t visible_from_ms;
    struct cm_buf next_key, next_row, next_camera;
    struct shown next_shown;
    bool next_held;
    struct cm_buf last_key;
    uint64_t sent;
    bool first_sent;
    struct cm_digest previous;
    struct batch batch;
};

enum cm_status cm_reader_new(struct cm_reader **out, const struct cm_reader_options *options)
{
    struct cm_reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        return CM_MEMORY;
    }
    reader->options = *options;
    reader->chunk_arena = cm_arena_new(CHUNK_MEMORY);
    reader->header_arena = cm_arena_new(HEADER_MEMORY);
    const int64_t age_s = cm_view_max_age_s(options->view);
    // The oldest time whose age in whole seconds is still age_s.
    if (age_s >= 0 && age_s < options->now_ms / 1000) {
        reader->visible_from_ms = options->now_ms - (age_s + 1) * 1000 + 1;
    }
    if (!reader->chunk_arena || !reader->header_arena) {
        cm_reader_free(reader);
        return CM_MEMORY;
    }
    *out = reader;
    return CM_OK;
}

void cm_reader_free(struct cm_reader *reader)
{
    if (!reader) {
        return;
    }
    if (reader->cursor) {
        reader->options.store->ops->close_cursor(reader->cursor);
    }
    cm_arena_free(reader->chunk_arena);
    cm_arena_free(reader->header_arena);
    cm_buf_clear(&reader->next_key);
    cm_buf_clear(&reader->next_row);
    cm_buf_clear(&reader->next_camera);
    cm_buf_clear(&reader->last_key);
    cm_buf_clear(&reader->batch.bytes);
    cm_buf_clear(&reader->batch.cameras);
    free(reader);
}

static enum cm_status open_cursor(struct cm_reader *reader, struct cm_error *error)
{
    const struct cm_query *query = reader->options.query;
    const int64_t now = reader->options.now_ms;
    struct cm_store_query wanted = {
        .plate = query->plate.plate, .state = query->plate.state, .window = query->window};
    if (wanted.window.from_ms < reader->visible_from_ms) {
        wanted.window.from_ms = reader->visible_from_ms;
    }
    if (wanted.window.to_ms > now) {
        wanted.window.to_ms = now;
    }
    if (wanted.window.from_ms >= wanted.window.to_ms) {
        reader->store_ended = true;
        return CM_OK;
    }
    struct cm_store *store = reader->options.store;
    return store->ops->find(store, &reader->cursor, &wanted, error);
}

static enum cm_status refill(struct cm_reader *reader, struct cm_error *error)
{
    cm_arena_reset(reader->chunk_arena);
    reader->chunk_next = reader->chunk_count = 0;
    const enum cm_status status = reader->options.store->ops->next(
        reader->cursor, reader->chunk_arena, reader->chunk, CHUNK, &reader->chunk_count, error);
    reader->store_ended = !status && reader->chunk_count == 0;
    return status;
}

// Encodes the row that was found visible, and holds the store to its order.
static enum cm_status hold(struct cm_reader *reader, const struct cm_detection *row,
                           struct shown shown, struct cm_error *error)
{
    const cm_fields asked =
        reader->options.query->fields ? reader->options.query->fields : CM_FIELDS_ALL;
    reader->next_key.len = reader->next_row.len = reader->next_camera.len = 0;
    reader->next_shown = shown;
    enum cm_status status =
        cm_row_key(&reader->next_key, row->captured_at_ms, reader->options.agency, row->event_id);
    if (!status) {
        status = cm_row_encode(&reader->next_row, row, shown.visible & asked & CM_FIELDS_ALL);
    }
    if (!status) {
        status = cm_buf_add(&reader->next_camera, row->camera, strlen(row->camera) + 1);
    }
    if (status || reader->next_row.len > CM_MAX_ROW) {
        return cm_fail(error, CM_INTERNAL, "store", "a stored row is past the bounds");
    }
    if (strcmp(row->owner, reader->options.agency) != 0 ||
        (reader->last_key.len > 0 &&
         cm_bytes_compare(cm_buf_bytes(&reader->last_key), cm_buf_bytes(&reader->next_key)) >= 0)) {
        return cm_fail(error, CM_INTERNAL, "store", "a stored row is another's or out of order");
    }
    reader->last_key.len = 0;
    status = cm_buf_add(&reader->last_key, reader->next_key.data, reader->next_key.len);
    reader->next_held = !status;
    return status;
}

// Looks for the next visible row; next_held stays false at the end.
static enum cm_status seek(struct cm_reader *reader, struct cm_error *error)
{
    while (!reader->next_held && !reader->store_ended) {
        if (reader->chunk_next == reader->chunk_count) {
            const enum cm_status status = refill(reader, error);
            if (status) {
                return status;
            }
            continue;
        }
        const struct cm_detection *row = &reader->chunk[reader->chunk_next++];
        const int64_t age_ms = reader->options.now_ms - row->captured_at_ms;
        struct shown shown = {.age_s = age_ms > 0 ? age_ms / 1000 : 0};
        shown.visible = cm_view_row(reader->options.view, row->camera, shown.age_s);
        if (!(shown.visible & 1u << CM_FIELD_NONE)) {
            continue;
        }
        const enum cm_status status = hold(reader, row, shown, error);
        if (status) {
            return status;
        }
    }
    return CM_OK;
}

static enum cm_status take(struct cm_reader *reader)
{
    struct batch *batch = &reader->batch;
    struct place *place = &batch->places[batch->count];
    const struct cm_bytes key = cm_buf_bytes(&reader->next_key);
    const struct cm_bytes row = cm_buf_bytes(&reader->next_row);
    *place = (struct place){.key = batch->bytes.len,
                            .key_len = key.len,
                            .row = batch->bytes.len + key.len,
                            .row_len = row.len,
                            .shown = reader->next_shown};
    place->shown.camera = batch->cameras.len;
    enum cm_status status = cm_buf_add(&batch->bytes, key.data, key.len);
    if (!status) {
        status = cm_buf_add(&batch->bytes, row.data, row.len);
    }
    if (!status) {
        status = cm_buf_add(&batch->cameras, reader->next_camera.data, reader->next_camera.len);
    }
    if (status) {
        return status;
    }
    cm_row_leaf(&batch->leaves[batch->count], key, row);
    batch->count++;
    reader->next_held = false;
    return CM_OK;
}

// Whether the row that is held still goes into this batch.
static bool fits(const struct cm_reader *reader)
{
    const struct batch *batch = &reader->batch;
    const size_t most = reader->first_sent ? CM_MAX_BATCH_ROWS : CM_FIRST_BATCH_ROWS;
    const size_t bytes = batch->bytes.len + reader->next_key.len + reader->next_row.len;
    const size_t message = bytes + (batch->count + 1) * ROW_OVERHEAD + MESSAGE_OVERHEAD;
    return batch->count < most && reader->sent + batch->count < reader->options.limit &&
           bytes <= CM_MAX_BATCH && message <= CM_MAX_BATCH_MESSAGE;
}

static enum cm_status fill(struct cm_reader *reader, struct cm_error *error)
{
    struct batch *batch = &reader->batch;
    batch->bytes.len = batch->cameras.len = batch->count = 0;
    for (;;) {
        enum cm_status status = seek(reader, error);
        if (status) {
            return status;
        }
        if (!reader->next_held || !fits(reader)) {
            return CM_OK;
        }
        status = take(reader);
        if (status) {
            return cm_fail(error, status, "reader", "out of memory");
        }
    }
}

static struct cm_bytes key_of(const struct batch *batch, size_t index)
{
    const struct place *place = &batch->places[index];
    return (struct cm_bytes){batch->bytes.data + place->key, place->key_len};
}

static struct cm_header header_of(struct cm_reader *reader, bool final)
{
    const struct cm_reader_options *options = &reader->options;
    const struct batch *batch = &reader->batch;
    const cm_fields asked = options->query->fields ? options->query->fields : CM_FIELDS_ALL;
    struct cm_header header = {
        .query_digest = options->query_digest,
        .agency = options->agency,
        .attempt = options->attempt,
        .key_hash = options->query->key_hash,
        .rules_digest = options->rules_digest,
        .previous = reader->previous,
        .first_index = reader->sent,
        .count = (uint32_t)batch->count,
        .final = final,
        .total = final ? reader->sent + batch->count : 0,
        .more_matched = final && reader->next_held,
        .visible_from_ms = reader->visible_from_ms,
        .fields_withheld = cm_view_withheld(options->view) & asked & CM_FIELDS_ALL,
        .rows_withheld = cm_view_hides_rows(options->view),
    };
    cm_merkle_root_of(&header.root, batch->leaves, batch->count);
    if (batch->count > 0) {
        header.first_key = key_of(batch, 0);
        header.last_key = key_of(batch, batch->count - 1);
    }
    return header;
}

// The certificate chain goes with the first header only.
static enum cm_status sign(struct cm_envelope *out, struct cm_buf *envelope,
                           struct cm_reader *reader, const struct cm_header *header,
                           struct cm_error *error)
{
    struct cm_buf payload = {0};
    enum cm_status status = cm_header_encode(&payload, header);
    if (!status) {
        status = cm_dsse_sign(envelope, CM_FAMILY_HEADER, cm_buf_bytes(&payload),
                              reader->options.signer, !reader->first_sent);
    }
    if (!status) {
        cm_sha256_of(&reader->previous, cm_buf_bytes(&payload));
    }
    cm_buf_clear(&payload);
    if (status) {
        return cm_fail(error, status, "reader", "a header can't be signed");
    }
    cm_arena_reset(reader->header_arena);
    return cm_envelope_decode(out, reader->header_arena, cm_buf_bytes(envelope), error);
}

static enum cm_status pack(struct cm_buf *message, const struct batch *batch,
                           const struct cm_envelope *header)
{
    struct cm_row *rows = calloc(batch->count ? batch->count : 1, sizeof *rows);
    if (!rows) {
        return CM_MEMORY;
    }
    for (size_t i = 0; i < batch->count; i++) {
        const struct place *place = &batch->places[i];
        rows[i].key = key_of(batch, i);
        rows[i].row = (struct cm_bytes){batch->bytes.data + place->row, place->row_len};
    }
    const struct cm_answer_request request = {
        .batch = {.header = *header, .row_count = batch->count, .rows = rows}};
    message->len = 0;
    const enum cm_status status = cm_answer_request_encode(message, &request);
    free(rows);
    return status;
}

enum cm_status cm_reader_next(struct cm_buf *message, bool *final, struct cm_reader *reader,
                              struct cm_error *error)
{
    struct cm_buf envelope_bytes = {0};
    struct cm_envelope envelope;
    enum cm_status status = CM_OK;
    if (!reader->cursor && !reader->store_ended) {
        status = open_cursor(reader, error);
    }
    if (!status) {
        status = fill(reader, error);
    }
    if (status) {
        return status;
    }
    *final = !reader->next_held || reader->sent + reader->batch.count == reader->options.limit;
    const struct cm_header header = header_of(reader, *final);
    status = sign(&envelope, &envelope_bytes, reader, &header, error);
    if (!status) {
        status = pack(message, &reader->batch, &envelope);
        if (status) {
            cm_fail(error, status, "reader", "a batch can't be packed");
        }
    }
    cm_buf_clear(&envelope_bytes);
    reader->sent += reader->batch.count;
    reader->first_sent = true;
    return status;
}

static bool shows(const struct cm_view *view, const struct cm_buf *cameras,
                  const struct shown *shown)
{
    const char *camera = (const char *)cameras->data + shown->camera;
    return !(shown->visible & ~cm_view_row(view, camera, shown->age_s));
}

bool cm_reader_shown_by(const struct cm_reader *reader, const struct cm_view *view)
{
    const struct batch *batch = &reader->batch;
    for (size_t i = 0; i < batch->count; i++) {
        if (!shows(view, &batch->cameras, &batch->places[i].shown)) {
            return false;
        }
    }
    return !reader->next_held || shows(view, &reader->next_camera, &reader->next_shown);
}

void cm_reader_made(uint64_t *rows, struct cm_digest *header, const struct cm_reader *reader)
{
    *rows = reader->sent;
    *header = reader->previous;
}
