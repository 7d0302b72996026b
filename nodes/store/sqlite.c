#include "nodes/store/columns.h"
#include "nodes/store/sqlite_claims.h"
#include "nodes/store/sqlite_db.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { APPLICATION_ID = 0x434d5444, SCRATCH = 64 * 1024 }; // "CMTD"

static const char schema[] =
    "CREATE TABLE store(owner TEXT NOT NULL) STRICT;"
    "CREATE TABLE detection("
    "event_id TEXT NOT NULL UNIQUE, captured_at INTEGER NOT NULL, plate TEXT NOT NULL, "
    "plate_read TEXT NOT NULL, state TEXT NOT NULL, present INTEGER NOT NULL, latitude REAL, "
    "longitude REAL, site TEXT, camera TEXT, heading REAL, make TEXT, model TEXT, colour TEXT, "
    "body TEXT, year INTEGER, vehicle_confidence REAL, confidence REAL, candidates TEXT, "
    "image_reference TEXT, image_sha256 BLOB, expires_at INTEGER, case_hold TEXT NOT NULL) STRICT;"
    "CREATE INDEX detection_plate ON detection(plate, captured_at DESC, event_id);"
    "CREATE INDEX detection_age ON detection(captured_at) WHERE case_hold = '';"
    "CREATE INDEX detection_expiry ON detection(expires_at) "
    "WHERE expires_at IS NOT NULL AND case_hold = '';";

static const char page_where[] =
    " FROM detection WHERE plate = ?1 AND (?2 = '' OR state = ?2 OR state = '') "
    "AND captured_at >= ?3 AND captured_at <= ?4 AND (captured_at < ?4 OR event_id > ?5) "
    "ORDER BY captured_at DESC, event_id LIMIT ?6";

struct reader {
    sqlite3 *db;
    sqlite3_stmt *page;
    sqlite3_stmt *count;
    struct reader *next; // of those that are free
};

struct writer {
    pthread_mutex_t lock;
    sqlite3 *db;
    sqlite3_stmt *insert;
    sqlite3_stmt *by_id;
    sqlite3_stmt *delete_old;
    sqlite3_stmt *delete_expired;
    struct cm_arena *scratch;
};

struct sqlite_store {
    struct cm_store base;
    char owner[CM_STORE_OWNER_SIZE];
    struct cm_sqlite_claims *claims;
    struct writer writer;
    pthread_mutex_t lock; // of the free readers
    pthread_cond_t freed;
    struct reader *free;
    unsigned reader_count;
    struct reader *readers;
};

struct sqlite_cursor {
    struct cm_cursor base;
    struct cm_position position;
};

static struct reader *borrow(struct sqlite_store *store)
{
    pthread_mutex_lock(&store->lock);
    while (store->free == NULL) {
        pthread_cond_wait(&store->freed, &store->lock);
    }
    struct reader *reader = store->free;
    store->free = reader->next;
    pthread_mutex_unlock(&store->lock);
    return reader;
}

static void give_back(struct sqlite_store *store, struct reader *reader)
{
    pthread_mutex_lock(&store->lock);
    reader->next = store->free;
    store->free = reader;
    pthread_cond_signal(&store->freed);
    pthread_mutex_unlock(&store->lock);
}

static void bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

static enum cm_status bind_cell(sqlite3_stmt *statement, int index, const struct cm_cell *cell,
                                enum cm_column_kind kind)
{
    int rc = SQLITE_MISUSE;
    if (cell->null) {
        rc = sqlite3_bind_null(statement, index);
        return rc == SQLITE_OK ? CM_OK : CM_INTERNAL;
    }
    switch (kind) {
    case CM_COLUMN_TEXT:
    case CM_COLUMN_CANDIDATES:
        rc = sqlite3_bind_text(statement, index, (const char *)cell->bytes.data,
                               (int)cell->bytes.len, SQLITE_STATIC);
        break;
    case CM_COLUMN_TIME:
    case CM_COLUMN_YEAR:
    case CM_COLUMN_FIELDS:
        rc = sqlite3_bind_int64(statement, index, cell->whole);
        break;
    case CM_COLUMN_REAL:
        rc = sqlite3_bind_double(statement, index, cell->real);
        break;
    case CM_COLUMN_DIGEST:
        rc = sqlite3_bind_blob(statement, index, cell->bytes.data, (int)cell->bytes.len,
                               SQLITE_STATIC);
        break;
    case CM_COLUMN_NONE:
        break;
    }
    return rc == SQLITE_OK ? CM_OK : CM_INTERNAL;
}

static enum cm_status read_row(struct cm_stored *row, sqlite3_stmt *statement,
                               struct cm_arena *arena)
{
    memset(row, 0, sizeof *row);
    for (int i = 0; i < CM_COLUMN_COUNT; i++) {
        const void *bytes = sqlite3_column_blob(statement, i);
        struct cm_cell cell = {
            .null = sqlite3_column_type(statement, i) == SQLITE_NULL,
            .bytes = {bytes, bytes != NULL ? (size_t)sqlite3_column_bytes(statement, i) : 0},
        };
        if (cm_columns[i].kind == CM_COLUMN_REAL) {
            cell.real = sqlite3_column_double(statement, i);
        } else {
            cell.whole = sqlite3_column_int64(statement, i);
        }
        enum cm_status status = cm_column_set(row, (size_t)i, &cell, arena);
        if (status != CM_OK) {
            return status;
        }
    }
    return CM_OK;
}

static enum cm_status read_page(sqlite3_stmt *statement, const char *owner, struct cm_arena *arena,
                                struct cm_detection *rows, size_t max, size_t *count,
                                struct cm_error *error)
{
    const char *owner_copy = cm_arena_string(arena, cm_bytes_of(owner));
    if (owner_copy == NULL) {
        return cm_fail(error, CM_MEMORY, "store", "rows take more memory than a query may");
    }
    int rc;
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW && *count < max) {
        struct cm_stored stored;
        enum cm_status status = read_row(&stored, statement, arena);
        if (status != CM_OK) {
            return cm_fail(error, status, "store",
                           status == CM_MEMORY ? "rows take more memory than a query may"
                                               : "a stored row is damaged");
        }
        rows[*count] = stored.detection;
        rows[*count].owner = owner_copy;
        (*count)++;
    }
    return rc == SQLITE_DONE ? CM_OK : cm_sqlite_fail(error, rc, "reading");
}

static enum cm_status next(struct cm_cursor *base, struct cm_arena *arena,
                           struct cm_detection *rows, size_t max, size_t *count,
                           struct cm_error *error)
{
    struct sqlite_cursor *cursor = (struct sqlite_cursor *)base;
    struct sqlite_store *store = (struct sqlite_store *)base->store;
    struct cm_position *position = &cursor->position;
    *count = 0;
    if (position->done || max == 0) {
        return CM_OK;
    }
    struct reader *reader = borrow(store);
    bind_text(reader->page, 1, position->plate);
    bind_text(reader->page, 2, position->state);
    sqlite3_bind_int64(reader->page, 3, position->from_ms);
    sqlite3_bind_int64(reader->page, 4, position->last_ms);
    bind_text(reader->page, 5, position->last_id);
    sqlite3_bind_int64(reader->page, 6, max > INT64_MAX ? INT64_MAX : (int64_t)max);
    enum cm_status status = read_page(reader->page, store->owner, arena, rows, max, count, error);
    sqlite3_reset(reader->page);
    sqlite3_clear_bindings(reader->page);
    give_back(store, reader);
    if (status != CM_OK) {
        *count = 0;
        return status;
    }
    cm_position_advance(position, rows, *count, max);
    return CM_OK;
}

static void close_cursor(struct cm_cursor *base)
{
    free(base);
}

static enum cm_status find(struct cm_store *base, struct cm_cursor **out,
                           const struct cm_store_query *query, struct cm_error *error)
{
    *out = NULL;
    struct sqlite_cursor *cursor = calloc(1, sizeof *cursor);
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

static enum cm_status insert_row(struct writer *writer, const struct cm_stored *row, bool *inserted,
                                 struct cm_error *error)
{
    for (int i = 0; i < CM_COLUMN_COUNT; i++) {
        struct cm_cell cell;
        enum cm_status status = cm_column_get(&cell, row, (size_t)i, writer->scratch);
        if (status == CM_OK) {
            status = bind_cell(writer->insert, i + 1, &cell, cm_columns[i].kind);
        }
        if (status != CM_OK) {
            return cm_fail(error, status, "store", "a row can't be bound");
        }
    }
    enum cm_status status = cm_sqlite_run(writer->insert, error);
    *inserted = sqlite3_changes(writer->db) != 0;
    return status;
}

static enum cm_status same_as_stored(struct writer *writer, const struct cm_stored *row, bool *same,
                                     struct cm_error *error)
{
    bind_text(writer->by_id, 1, row->detection.event_id);
    int rc = sqlite3_step(writer->by_id);
    enum cm_status status = CM_OK;
    if (rc == SQLITE_ROW) {
        struct cm_stored stored;
        status = read_row(&stored, writer->by_id, writer->scratch);
        if (status == CM_OK) {
            status = cm_columns_equal(same, row, &stored, writer->scratch);
        }
        if (status != CM_OK) {
            cm_fail(error, status, "store", "a stored row can't be compared");
        }
    } else {
        status = cm_sqlite_fail(error, rc, "reading");
    }
    sqlite3_reset(writer->by_id);
    return status;
}

static enum cm_status ingest_rows(struct writer *writer, const struct cm_stored *rows, size_t count,
                                  struct cm_ingest_counts *counts, bool *conflict,
                                  struct cm_error *error)
{
    for (size_t i = 0; i < count; i++) {
        bool inserted = false, same = true;
        cm_arena_reset(writer->scratch);
        enum cm_status status = insert_row(writer, &rows[i], &inserted, error);
        if (status == CM_OK && !inserted) {
            status = same_as_stored(writer, &rows[i], &same, error);
        }
        if (status != CM_OK) {
            return status;
        }
        counts->accepted += inserted;
        counts->duplicates += !inserted && same;
        counts->conflicts += !same;
        conflict[i] = !same;
    }
    return CM_OK;
}

static enum cm_status ingest(struct cm_store *base, const struct cm_stored *rows, size_t count,
                             struct cm_ingest_counts *counts, bool *conflict,
                             struct cm_error *error)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    struct writer *writer = &store->writer;
    struct cm_ingest_counts sums = {0};
    *counts = sums;
    enum cm_status status = cm_store_check_rows(rows, count, store->owner, error);
    if (status != CM_OK) {
        return status;
    }
    pthread_mutex_lock(&writer->lock);
    status = cm_sqlite_exec(writer->db, "BEGIN IMMEDIATE", error);
    if (status == CM_OK) {
        status = ingest_rows(writer, rows, count, &sums, conflict, error);
        sqlite3_clear_bindings(writer->insert);
        sqlite3_clear_bindings(writer->by_id);
        status = cm_sqlite_end(writer->db, status, error);
    }
    pthread_mutex_unlock(&writer->lock);
    if (status == CM_OK) {
        *counts = sums;
    }
    return status;
}

static enum cm_status claim(struct cm_store *base, const struct cm_claim *wanted, int64_t now_ms,
                            struct cm_error *error)
{
    return cm_sqlite_claims_claim(((struct sqlite_store *)base)->claims, wanted, now_ms, error);
}

static enum cm_status delete_some(struct writer *writer, sqlite3_stmt *statement, int64_t before_ms,
                                  uint64_t max, uint64_t *deleted, struct cm_error *error)
{
    uint64_t left = max - *deleted;
    sqlite3_bind_int64(statement, 1, before_ms);
    sqlite3_bind_int64(statement, 2, left > INT64_MAX ? INT64_MAX : (int64_t)left);
    enum cm_status status = cm_sqlite_run(statement, error);
    if (status == CM_OK) {
        *deleted += (uint64_t)sqlite3_changes64(writer->db);
    }
    return status;
}

static enum cm_status expire(struct cm_store *base, int64_t before_ms, int64_t now_ms, uint64_t max,
                             uint64_t *deleted, struct cm_error *error)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    struct writer *writer = &store->writer;
    uint64_t sum = 0;
    *deleted = 0;
    enum cm_status status = cm_sqlite_claims_forget(store->claims, now_ms, max, error);
    if (status != CM_OK) {
        return status;
    }
    pthread_mutex_lock(&writer->lock);
    status = cm_sqlite_exec(writer->db, "BEGIN IMMEDIATE", error);
    if (status == CM_OK) {
        status = delete_some(writer, writer->delete_old, before_ms, max, &sum, error);
        if (status == CM_OK) {
            status = delete_some(writer, writer->delete_expired, now_ms, max, &sum, error);
        }
        status = cm_sqlite_end(writer->db, status, error);
    }
    pthread_mutex_unlock(&writer->lock);
    if (status == CM_OK) {
        *deleted = sum;
    }
    return status;
}

static enum cm_status count_rows(struct cm_store *base, uint64_t *rows, struct cm_error *error)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    struct reader *reader = borrow(store);
    int rc = sqlite3_step(reader->count);
    *rows = rc == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(reader->count, 0) : 0;
    sqlite3_reset(reader->count);
    give_back(store, reader);
    return rc == SQLITE_ROW ? CM_OK : cm_sqlite_fail(error, rc, "counting");
}

static void close_store(struct cm_store *base)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    for (unsigned i = 0; i < store->reader_count; i++) {
        sqlite3_finalize(store->readers[i].page);
        sqlite3_finalize(store->readers[i].count);
        sqlite3_close(store->readers[i].db);
    }
    free(store->readers);
    cm_sqlite_claims_close(store->claims);
    sqlite3_finalize(store->writer.insert);
    sqlite3_finalize(store->writer.by_id);
    sqlite3_finalize(store->writer.delete_old);
    sqlite3_finalize(store->writer.delete_expired);
    sqlite3_close(store->writer.db);
    cm_arena_free(store->writer.scratch);
    pthread_mutex_destroy(&store->writer.lock);
    pthread_mutex_destroy(&store->lock);
    pthread_cond_destroy(&store->freed);
    free(store);
}

static const struct cm_store_ops ops = {
    .name = "sqlite",
    .next = next,
    .close_cursor = close_cursor,
    .find = find,
    .ingest = ingest,
    .claim = claim,
    .expire = expire,
    .count = count_rows,
    .close = close_store,
};

static enum cm_status open_writer(struct writer *writer, const char *path, const char *owner,
                                  struct cm_error *error)
{
    char insert[1024], by_id[1024];
    snprintf(insert, sizeof insert,
             "INSERT INTO detection(%s) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "
             "?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23) ON CONFLICT DO NOTHING",
             cm_column_list);
    snprintf(by_id, sizeof by_id, "SELECT %s FROM detection WHERE event_id = ?1", cm_column_list);
    writer->scratch = cm_arena_new(SCRATCH);
    enum cm_status status = writer->scratch != NULL
                                ? cm_sqlite_connect(&writer->db, path, true, error)
                                : cm_fail(error, CM_MEMORY, "store", "out of memory");
    if (status == CM_OK) {
        // What an ingest reported as kept must outlive a power cut; a batch pays one fsync.
        status = cm_sqlite_exec(writer->db, "PRAGMA synchronous=FULL", error);
    }
    if (status == CM_OK) {
        status = cm_sqlite_schema(writer->db, schema, APPLICATION_ID, owner, error);
    }
    if (status == CM_OK) {
        status = cm_sqlite_prepare(&writer->insert, writer->db, insert, error);
    }
    if (status == CM_OK) {
        status = cm_sqlite_prepare(&writer->by_id, writer->db, by_id, error);
    }
    if (status == CM_OK) {
        status = cm_sqlite_prepare(&writer->delete_old, writer->db,
                                   "DELETE FROM detection WHERE rowid IN (SELECT rowid FROM "
                                   "detection WHERE captured_at < ?1 AND case_hold = '' LIMIT ?2)",
                                   error);
    }
    if (status == CM_OK) {
        status = cm_sqlite_prepare(
            &writer->delete_expired, writer->db,
            "DELETE FROM detection WHERE rowid IN (SELECT rowid FROM detection WHERE expires_at IS "
            "NOT NULL AND expires_at <= ?1 AND case_hold = '' LIMIT ?2)",
            error);
    }
    return status;
}

static enum cm_status open_readers(struct sqlite_store *store, const char *path,
                                   unsigned connections, struct cm_error *error)
{
    char page[1024];
    snprintf(page, sizeof page, "SELECT %s%s", cm_column_list, page_where);
    store->readers = calloc(connections, sizeof *store->readers);
    if (store->readers == NULL) {
        return cm_fail(error, CM_MEMORY, "store", "out of memory");
    }
    enum cm_status status = CM_OK;
    for (unsigned i = 0; i < connections && status == CM_OK; i++) {
        struct reader *reader = &store->readers[i];
        store->reader_count++;
        status = cm_sqlite_connect(&reader->db, path, false, error);
        if (status == CM_OK) {
            status = cm_sqlite_prepare(&reader->page, reader->db, page, error);
        }
        if (status == CM_OK) {
            status = cm_sqlite_prepare(&reader->count, reader->db, "SELECT count(*) FROM detection",
                                       error);
        }
        if (status == CM_OK) {
            give_back(store, reader);
        }
    }
    return status;
}

enum cm_status cm_sqlite_open(struct cm_store **out, const char *path, const char *owner,
                              unsigned connections, struct cm_error *error)
{
    char claims[4096];
    if (path[0] == '\0' ||
        snprintf(claims, sizeof claims, "%s" CM_STORE_CLAIMS, path) >= (int)sizeof claims) {
        return cm_fail(error, CM_INVALID, "store", "needs a path after sqlite:");
    }
    struct sqlite_store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        return cm_fail(error, CM_MEMORY, "store", "out of memory");
    }
    store->base.ops = &ops;
    snprintf(store->owner, sizeof store->owner, "%s", owner);
    pthread_mutex_init(&store->writer.lock, NULL);
    pthread_mutex_init(&store->lock, NULL);
    pthread_cond_init(&store->freed, NULL);
    enum cm_status status = open_writer(&store->writer, path, owner, error);
    if (status == CM_OK) {
        status = cm_sqlite_claims_open(&store->claims, claims, owner, error);
    }
    if (status == CM_OK) {
        status = open_readers(store, path, connections, error);
    }
    if (status != CM_OK) {
        close_store(&store->base);
        return status;
    }
    *out = &store->base;
    return CM_OK;
}
