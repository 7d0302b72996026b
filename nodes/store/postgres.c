#include "nodes/store/columns.h"
#include "nodes/store/postgres_claims.h"
#include "nodes/store/postgres_schema.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUERY_MS = 10000, WRITE_MS = 60000, SCRATCH = 1024 * 1024 };

#define CM_COLUMNS                                                                                 \
    "event_id, captured_at, plate, plate_read, state, present, latitude, longitude, site, "        \
    "camera, heading, make, model, colour, body, year, vehicle_confidence, confidence, "           \
    "candidates, image_reference, image_sha256, expires_at, case_hold"

static const struct cm_pg_statement reader_statements[] = {
    {"begin", "BEGIN"},
    {"page", "SELECT " CM_COLUMNS " FROM detection WHERE plate = $1 AND ($2 = '' OR state = $2 OR "
             "state = '') AND captured_at >= $3 AND captured_at <= $4 AND (captured_at < $4 OR "
             "event_id > $5) ORDER BY captured_at DESC, event_id LIMIT $6"},
    {"count", "SELECT count(*) FROM detection"},
    {NULL, NULL},
};

static const struct cm_pg_statement writer_statements[] = {
    {"begin", "BEGIN"},
    {"insert", "INSERT INTO detection(" CM_COLUMNS
               ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, "
               "$17, $18, $19, $20, $21, $22, $23) ON CONFLICT DO NOTHING"},
    {"by_id", "SELECT " CM_COLUMNS " FROM detection WHERE event_id = $1"},
    {"delete_old",
     "DELETE FROM detection WHERE case_hold = '' AND ctid = ANY(ARRAY(SELECT ctid FROM detection "
     "WHERE captured_at < $1 AND case_hold = '' LIMIT $2 FOR UPDATE SKIP LOCKED))"},
    {"delete_expired",
     "DELETE FROM detection WHERE case_hold = '' AND ctid = ANY(ARRAY(SELECT ctid FROM detection "
     "WHERE expires_at IS NOT NULL AND expires_at <= $1 AND case_hold = '' LIMIT $2 FOR UPDATE "
     "SKIP LOCKED))"},
    {NULL, NULL},
};

struct postgres_store {
    struct cm_store base;
    char owner[CM_STORE_OWNER_SIZE];
    char *conninfo;
    pthread_mutex_t lock; // of the free readers
    pthread_cond_t freed;
    struct cm_pg *free;
    struct cm_pg *readers; // for questions and claims
    unsigned reader_count;
    pthread_mutex_t writer_lock;
    struct cm_pg writer;
    struct cm_arena *scratch; // the writer's
};

struct postgres_cursor {
    struct cm_cursor base;
    struct cm_position position;
};

static struct cm_pg *borrow(struct postgres_store *store)
{
    pthread_mutex_lock(&store->lock);
    while (store->free == NULL) {
        pthread_cond_wait(&store->freed, &store->lock);
    }
    struct cm_pg *reader = store->free;
    store->free = reader->next;
    pthread_mutex_unlock(&store->lock);
    return reader;
}

static void give_back(struct postgres_store *store, struct cm_pg *reader)
{
    pthread_mutex_lock(&store->lock);
    reader->next = store->free;
    store->free = reader;
    pthread_cond_signal(&store->freed);
    pthread_mutex_unlock(&store->lock);
}

static enum cm_status read_cell(struct cm_cell *cell, const PGresult *result, int row, int column)
{
    *cell = (struct cm_cell){.null = PQgetisnull(result, row, column) == 1};
    if (cell->null) {
        return CM_OK;
    }
    switch (cm_columns[column].kind) {
    case CM_COLUMN_TEXT:
    case CM_COLUMN_CANDIDATES:
    case CM_COLUMN_DIGEST:
        cell->bytes = cm_pg_bytes(result, row, column);
        return CM_OK;
    case CM_COLUMN_TIME:
        return cm_pg_time(&cell->whole, result, row, column);
    case CM_COLUMN_YEAR:
    case CM_COLUMN_FIELDS:
        return cm_pg_int4(&cell->whole, result, row, column);
    case CM_COLUMN_REAL:
        return cm_pg_real(&cell->real, result, row, column);
    case CM_COLUMN_NONE:
        break;
    }
    return CM_INTERNAL;
}

static enum cm_status read_row(struct cm_stored *row, const PGresult *result, int index,
                               struct cm_arena *arena)
{
    memset(row, 0, sizeof *row);
    if (PQnfields(result) != CM_COLUMN_COUNT) {
        return CM_INTERNAL;
    }
    for (int i = 0; i < CM_COLUMN_COUNT; i++) {
        struct cm_cell cell;
        enum cm_status status = read_cell(&cell, result, index, i);
        if (status == CM_OK) {
            status = cm_column_set(row, (size_t)i, &cell, arena);
        }
        if (status != CM_OK) {
            return status;
        }
    }
    return CM_OK;
}

static enum cm_status read_page(const PGresult *result, const char *owner, struct cm_arena *arena,
                                struct cm_detection *rows, size_t max, size_t *count,
                                struct cm_error *error)
{
    const char *owner_copy = cm_arena_string(arena, cm_bytes_of(owner));
    enum cm_status status = owner_copy != NULL ? CM_OK : CM_MEMORY;
    for (int i = 0; i < PQntuples(result) && *count < max && status == CM_OK; i++) {
        struct cm_stored stored;
        status = read_row(&stored, result, i, arena);
        if (status == CM_OK) {
            rows[*count] = stored.detection;
            rows[*count].owner = owner_copy;
            (*count)++;
        }
    }
    if (status != CM_OK) {
        *count = 0;
        cm_fail(error, status, "store",
                status == CM_MEMORY ? "rows take more memory than a query may"
                                    : "a stored row is damaged");
    }
    return status;
}

static enum cm_status next(struct cm_cursor *base, struct cm_arena *arena,
                           struct cm_detection *rows, size_t max, size_t *count,
                           struct cm_error *error)
{
    struct postgres_cursor *cursor = (struct postgres_cursor *)base;
    struct postgres_store *store = (struct postgres_store *)base->store;
    struct cm_position *position = &cursor->position;
    struct cm_pg_parameters p = {0};
    PGresult *result = NULL;
    *count = 0;
    if (position->done || max == 0) {
        return CM_OK;
    }
    cm_pg_add_text(&p, position->plate);
    cm_pg_add_text(&p, position->state);
    cm_pg_add_time(&p, position->from_ms);
    cm_pg_add_time(&p, position->last_ms);
    cm_pg_add_text(&p, position->last_id);
    cm_pg_add_int8(&p, max > INT64_MAX ? INT64_MAX : (int64_t)max);
    // A window before 1970 holds no row, and would be brought into it.
    bool empty = position->last_ms < 0;
    enum cm_status status = CM_OK;
    if (!empty) {
        struct cm_pg *reader = borrow(store);
        status = cm_pg_run_again(reader, &result, NULL, "page", &p, error);
        give_back(store, reader);
        if (status == CM_OK) {
            status = read_page(result, store->owner, arena, rows, max, count, error);
        }
        PQclear(result);
    }
    if (status == CM_OK) {
        cm_position_advance(position, rows, *count, max);
    }
    return status;
}

static void close_cursor(struct cm_cursor *base)
{
    free(base);
}

static enum cm_status find(struct cm_store *base, struct cm_cursor **out,
                           const struct cm_store_query *query, struct cm_error *error)
{
    *out = NULL;
    struct postgres_cursor *cursor = calloc(1, sizeof *cursor);
    if (cursor == NULL) {
        return cm_fail(error, CM_MEMORY, "store", "out of memory");
    }
    enum cm_status status = cm_position_init(&cursor->position, query, error);
    if (status != CM_OK) {
        free(cursor);
        return status;
    }
    cursor->base.store = base;
    *out = &cursor->base;
    return CM_OK;
}

static enum cm_status add_cell(struct cm_pg_parameters *p, const struct cm_cell *cell,
                               enum cm_column_kind kind)
{
    if (cell->null) {
        cm_pg_add_null(p);
        return CM_OK;
    }
    switch (kind) {
    case CM_COLUMN_TEXT:
    case CM_COLUMN_CANDIDATES:
    case CM_COLUMN_DIGEST:
        cm_pg_add_bytes(p, cell->bytes);
        return CM_OK;
    case CM_COLUMN_TIME:
        cm_pg_add_time(p, cell->whole);
        return CM_OK;
    case CM_COLUMN_YEAR:
    case CM_COLUMN_FIELDS:
        cm_pg_add_int4(p, (int32_t)cell->whole);
        return CM_OK;
    case CM_COLUMN_REAL:
        cm_pg_add_real(p, cell->real);
        return CM_OK;
    case CM_COLUMN_NONE:
        break;
    }
    return CM_INTERNAL;
}

static enum cm_status send_insert(struct postgres_store *store, const struct cm_stored *row,
                                  struct cm_error *error)
{
    struct cm_pg_parameters p = {0};
    for (int i = 0; i < CM_COLUMN_COUNT; i++) {
        struct cm_cell cell;
        enum cm_status status = cm_column_get(&cell, row, (size_t)i, store->scratch);
        if (status == CM_OK) {
            status = add_cell(&p, &cell, cm_columns[i].kind);
        }
        if (status != CM_OK) {
            return cm_fail(error, status, "store", "a row can't be bound");
        }
    }
    return cm_pg_pipeline_send(&store->writer, "insert", &p, error);
}

// inserted[i] for each of at most CM_PG_PIPELINE rows.
static enum cm_status insert_rows(struct postgres_store *store, const struct cm_stored *rows,
                                  size_t count, bool *inserted, struct cm_error *error)
{
    struct cm_pg *writer = &store->writer;
    enum cm_status status = cm_pg_pipeline_start(writer, error);
    if (status != CM_OK) {
        return status;
    }
    for (size_t i = 0; i < count && status == CM_OK; i++) {
        status = send_insert(store, &rows[i], error);
    }
    enum cm_status synced = cm_pg_pipeline_sync(writer, status == CM_OK ? error : NULL);
    status = status == CM_OK ? synced : status;
    for (size_t i = 0; i < count && status == CM_OK; i++) {
        PGresult *result = NULL;
        uint64_t affected = 0;
        status = cm_pg_pipeline_result(writer, &result, &affected, error);
        inserted[i] = affected == 1;
        PQclear(result);
    }
    return cm_pg_pipeline_finish(writer, status, error);
}

static enum cm_status compare_row(struct postgres_store *store, const struct cm_stored *row,
                                  const PGresult *result, bool *same, struct cm_error *error)
{
    struct cm_stored stored;
    if (PQntuples(result) != 1) {
        return cm_fail(error, CM_UNAVAILABLE, "store", "a row was deleted while it came again");
    }
    enum cm_status status = read_row(&stored, result, 0, store->scratch);
    if (status == CM_OK) {
        status = cm_columns_equal(same, row, &stored, store->scratch);
    }
    return status == CM_OK ? CM_OK
                           : cm_fail(error, status, "store", "a stored row can't be compared");
}

// same[i] for each row that was not inserted.
static enum cm_status compare_rows(struct postgres_store *store, const struct cm_stored *rows,
                                   size_t count, const bool *inserted, bool *same,
                                   struct cm_error *error)
{
    struct cm_pg *writer = &store->writer;
    enum cm_status status = cm_pg_pipeline_start(writer, error);
    if (status != CM_OK) {
        return status;
    }
    for (size_t i = 0; i < count && status == CM_OK; i++) {
        struct cm_pg_parameters p = {0};
        cm_pg_add_text(&p, rows[i].detection.event_id);
        status = inserted[i] ? CM_OK : cm_pg_pipeline_send(writer, "by_id", &p, error);
    }
    enum cm_status synced = cm_pg_pipeline_sync(writer, status == CM_OK ? error : NULL);
    status = status == CM_OK ? synced : status;
    for (size_t i = 0; i < count && status == CM_OK; i++) {
        PGresult *result = NULL;
        same[i] = true;
        if (!inserted[i]) {
            status = cm_pg_pipeline_result(writer, &result, NULL, error);
            if (status == CM_OK) {
                status = compare_row(store, &rows[i], result, &same[i], error);
            }
            PQclear(result);
        }
    }
    return cm_pg_pipeline_finish(writer, status, error);
}

static enum cm_status ingest_some(struct postgres_store *store, const struct cm_stored *rows,
                                  size_t count, struct cm_ingest_counts *counts, bool *conflict,
                                  struct cm_error *error)
{
    bool inserted[CM_PG_PIPELINE] = {false}, same[CM_PG_PIPELINE] = {false};
    bool all = true;
    cm_arena_reset(store->scratch);
    enum cm_status status = insert_rows(store, rows, count, inserted, error);
    for (size_t i = 0; i < count; i++) {
        all = all && inserted[i];
    }
    if (status == CM_OK && !all) {
        status = compare_rows(store, rows, count, inserted, same, error);
    }
    for (size_t i = 0; i < count && status == CM_OK; i++) {
        counts->accepted += inserted[i];
        counts->duplicates += !inserted[i] && same[i];
        counts->conflicts += !inserted[i] && !same[i];
        conflict[i] = !inserted[i] && !same[i];
    }
    return status;
}

static enum cm_status ingest(struct cm_store *base, const struct cm_stored *rows, size_t count,
                             struct cm_ingest_counts *counts, bool *conflict,
                             struct cm_error *error)
{
    struct postgres_store *store = (struct postgres_store *)base;
    struct cm_ingest_counts sums = {0};
    *counts = sums;
    enum cm_status status = cm_store_check_rows(rows, count, store->owner, error);
    if (status != CM_OK) {
        return status;
    }
    pthread_mutex_lock(&store->writer_lock);
    status = cm_pg_begin(&store->writer, error);
    if (status == CM_OK) {
        for (size_t i = 0; i < count && status == CM_OK; i += CM_PG_PIPELINE) {
            size_t some = count - i < CM_PG_PIPELINE ? count - i : CM_PG_PIPELINE;
            status = ingest_some(store, rows + i, some, &sums, conflict + i, error);
        }
        status = cm_pg_end(&store->writer, status, error);
    }
    pthread_mutex_unlock(&store->writer_lock);
    if (status == CM_OK) {
        *counts = sums;
    }
    return status;
}

static enum cm_status claim(struct cm_store *base, const struct cm_claim *wanted, int64_t now_ms,
                            struct cm_error *error)
{
    struct postgres_store *store = (struct postgres_store *)base;
    struct cm_pg *reader = borrow(store);
    enum cm_status status = cm_pg_claim(reader, wanted, now_ms, error);
    give_back(store, reader);
    return status;
}

static enum cm_status delete_some(struct cm_pg *writer, const char *name, int64_t before_ms,
                                  uint64_t max, uint64_t *deleted, struct cm_error *error)
{
    struct cm_pg_parameters p = {0};
    uint64_t affected = 0, left = max - *deleted;
    cm_pg_add_time(&p, before_ms);
    cm_pg_add_int8(&p, left > INT64_MAX ? INT64_MAX : (int64_t)left);
    enum cm_status status = cm_pg_run(writer, NULL, &affected, name, &p, error);
    *deleted += affected;
    return status;
}

static enum cm_status expire(struct cm_store *base, int64_t before_ms, int64_t now_ms, uint64_t max,
                             uint64_t *deleted, struct cm_error *error)
{
    struct postgres_store *store = (struct postgres_store *)base;
    uint64_t sum = 0;
    *deleted = 0;
    pthread_mutex_lock(&store->writer_lock);
    enum cm_status status = cm_pg_begin(&store->writer, error);
    if (status == CM_OK) {
        status = cm_pg_forget_claims(&store->writer, now_ms, max, error);
        if (status == CM_OK) {
            status = delete_some(&store->writer, "delete_old", before_ms, max, &sum, error);
        }
        if (status == CM_OK) {
            status = delete_some(&store->writer, "delete_expired", now_ms, max, &sum, error);
        }
        status = cm_pg_end(&store->writer, status, error);
    }
    pthread_mutex_unlock(&store->writer_lock);
    if (status == CM_OK) {
        *deleted = sum;
    }
    return status;
}

static enum cm_status count_rows(struct cm_store *base, uint64_t *rows, struct cm_error *error)
{
    static const struct cm_pg_parameters none;
    struct postgres_store *store = (struct postgres_store *)base;
    PGresult *result = NULL;
    int64_t counted = 0;
    struct cm_pg *reader = borrow(store);
    enum cm_status status = cm_pg_run_again(reader, &result, NULL, "count", &none, error);
    give_back(store, reader);
    if (status == CM_OK) {
        status = cm_pg_int8(&counted, result, 0, 0);
    }
    PQclear(result);
    *rows = (uint64_t)counted;
    return status;
}

static void close_store(struct cm_store *base)
{
    struct postgres_store *store = (struct postgres_store *)base;
    for (unsigned i = 0; i < store->reader_count; i++) {
        cm_pg_close(&store->readers[i]);
    }
    cm_pg_close(&store->writer);
    free(store->readers);
    if (store->conninfo != NULL) {
        cm_wipe(store->conninfo, strlen(store->conninfo));
    }
    free(store->conninfo);
    cm_arena_free(store->scratch);
    pthread_mutex_destroy(&store->lock);
    pthread_mutex_destroy(&store->writer_lock);
    pthread_cond_destroy(&store->freed);
    free(store);
}

static const struct cm_store_ops ops = {
    .name = "postgres",
    .next = next,
    .close_cursor = close_cursor,
    .find = find,
    .ingest = ingest,
    .claim = claim,
    .expire = expire,
    .count = count_rows,
    .close = close_store,
};

static enum cm_status open_connections(struct postgres_store *store, unsigned connections,
                                       struct cm_error *error)
{
    store->writer = (struct cm_pg){.conninfo = store->conninfo,
                                   .statements = {writer_statements, cm_pg_claim_statements},
                                   .timeout_ms = WRITE_MS};
    enum cm_status status = cm_pg_connect(&store->writer, error);
    for (unsigned i = 0; i < connections && status == CM_OK; i++) {
        store->readers[i] =
            (struct cm_pg){.conninfo = store->conninfo,
                           .statements = {reader_statements, cm_pg_claim_statements},
                           .timeout_ms = QUERY_MS};
        store->reader_count++;
        status = cm_pg_connect(&store->readers[i], error);
        give_back(store, &store->readers[i]);
    }
    return status;
}

enum cm_status cm_postgres_open(struct cm_store **out, const char *conninfo, const char *owner,
                                unsigned connections, struct cm_error *error)
{
    enum cm_status status = cm_pg_schema(conninfo, owner, WRITE_MS, error);
    if (status != CM_OK) {
        return status;
    }
    struct postgres_store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        return cm_fail(error, CM_MEMORY, "store", "out of memory");
    }
    store->base.ops = &ops;
    snprintf(store->owner, sizeof store->owner, "%s", owner);
    pthread_mutex_init(&store->lock, NULL);
    pthread_mutex_init(&store->writer_lock, NULL);
    pthread_cond_init(&store->freed, NULL);
    store->conninfo = strdup(conninfo);
    store->scratch = cm_arena_new(SCRATCH);
    store->readers = calloc(connections, sizeof *store->readers);
    if (store->conninfo == NULL || store->scratch == NULL || store->readers == NULL) {
        status = cm_fail(error, CM_MEMORY, "store", "out of memory");
    } else {
        status = open_connections(store, connections, error);
    }
    if (status != CM_OK) {
        close_store(&store->base);
        return status;
    }
    *out = &store->base;
    return CM_OK;
}
