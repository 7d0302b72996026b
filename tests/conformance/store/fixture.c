#include "tests/conformance/store/fixture.h"

#include <criterion/criterion.h>
#include <libpq-fe.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct cm_store *store;
struct cm_arena *arena;
static char folder[32];
static char where[512];

bool fixture_on_postgres(void)
{
    return getenv("CM_TEST_POSTGRES") != NULL;
}

static void open_store(void)
{
    struct cm_error error = {0};
    enum cm_status status = cm_store_open(&store, where, OWNER, 3, &error);
    cr_assert_eq(status, CM_OK, "%s: %s", error.where, error.text);
}

// A schema of its own is an empty store on the one server.
static void make_schema(void)
{
    PGconn *connection = PQconnectdb(getenv("CM_TEST_POSTGRES"));
    char sql[64];
    snprintf(sql, sizeof sql, "CREATE SCHEMA test_%d", (int)getpid());
    PGresult *result = PQexec(connection, sql);
    cr_assert_eq(PQresultStatus(result), PGRES_COMMAND_OK, "%s", PQerrorMessage(connection));
    PQclear(result);
    PQfinish(connection);
    snprintf(where, sizeof where, "postgres:%s options='-c search_path=test_%d'",
             getenv("CM_TEST_POSTGRES"), (int)getpid());
}

void fixture_open(void)
{
    arena = cm_arena_new(64u << 20);
    if (fixture_on_postgres()) {
        make_schema();
    } else {
        snprintf(folder, sizeof folder, "/tmp/comity-store-XXXXXX");
        cr_assert_not_null(mkdtemp(folder));
        snprintf(where, sizeof where, "sqlite:%s/n.db", folder);
    }
    open_store();
}

void fixture_close(void)
{
    cm_store_close(store);
    cm_arena_free(arena);
    if (!fixture_on_postgres()) {
        char path[64];
        snprintf(path, sizeof path, "%s/n.db", folder);
        unlink(path);
        snprintf(path, sizeof path, "%s/n.db.claims", folder);
        unlink(path);
        cr_expect_eq(rmdir(folder), 0, "the store leaves files behind when it is closed");
    }
}

void fixture_reopen(void)
{
    cm_store_close(store);
    open_store();
}

struct cm_store *fixture_second(void)
{
    struct cm_store *second = NULL;
    if (fixture_on_postgres()) {
        cr_assert_eq(cm_store_open(&second, where, OWNER, 1, NULL), CM_OK);
    }
    return second;
}

const char *text(const char *format, ...)
{
    char out[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(out, sizeof out, format, args);
    va_end(args);
    return cm_arena_string(arena, cm_bytes_of(out));
}

struct cm_stored plain_row(const char *event_id, int64_t at_ms, const char *plate)
{
    return (struct cm_stored){
        .detection = {.event_id = event_id,
                      .owner = OWNER,
                      .captured_at_ms = at_ms,
                      .plate_read = plate,
                      .plate = plate,
                      .state = "",
                      .site = "",
                      .camera = "",
                      .make = "",
                      .model = "",
                      .colour = "",
                      .body = "",
                      .image_reference = ""},
        .case_hold = "",
    };
}

struct cm_stored full_row(const char *event_id, int64_t at_ms, const char *plate)
{
    static const struct cm_candidate candidates[] = {{"8ABC123", 0.875}, {"BABC123", 0.1}};
    struct cm_stored row = plain_row(event_id, at_ms, plate);
    struct cm_detection *d = &row.detection;
    d->plate_read = "8abc-123";
    d->state = "CA";
    d->present = CM_FIELDS_ALL;
    d->latitude = 37.1 / 3;
    d->longitude = -121.987654321;
    d->site = "Harbour, pier “4”";
    d->camera = "cam-07";
    d->heading = 359.5;
    d->make = "Färdig";
    d->model = "Model; DROP TABLE detection;--";
    d->colour = "bl'ue";
    d->body = "\"sedan\" \\ $1 ?1 %s";
    d->year = 2019;
    d->vehicle_confidence = 1.0 / 3;
    d->confidence = 0.9371;
    d->candidate_count = 2;
    d->candidates = candidates;
    d->image_reference = "img/2026/11/é.jpg";
    memset(d->image_sha256.b, 0xa5, CM_DIGEST_SIZE);
    d->image_sha256.b[0] = 0;
    return row;
}

void put(const struct cm_stored *rows, size_t count)
{
    struct cm_ingest_counts counts;
    struct cm_error error = {0};
    bool *conflict = calloc(count, sizeof *conflict);
    enum cm_status status = store->ops->ingest(store, rows, count, &counts, conflict, &error);
    free(conflict);
    cr_assert_eq(status, CM_OK, "%s: %s", error.where, error.text);
    cr_assert_eq(counts.accepted, count);
}

const char *ids(const char *plate, const char *state, int64_t from_ms, int64_t to_ms, size_t page)
{
    struct cm_cursor *cursor = NULL;
    struct cm_error error = {0};
    const struct cm_store_query query = {plate, state, {from_ms, to_ms}};
    struct cm_detection *rows = calloc(page, sizeof *rows);
    struct cm_buf out = {0};
    cr_assert_eq(store->ops->find(store, &cursor, &query, &error), CM_OK, "%s", error.text);
    size_t count;
    do {
        enum cm_status status = store->ops->next(cursor, arena, rows, page, &count, &error);
        cr_assert_eq(status, CM_OK, "%s: %s", error.where, error.text);
        for (size_t i = 0; i < count; i++) {
            cr_assert_eq(cm_buf_printf(&out, "%s%s", out.len > 0 ? "," : "", rows[i].event_id),
                         CM_OK);
        }
    } while (count > 0);
    store->ops->close_cursor(cursor);
    const char *joined = cm_arena_string(arena, cm_buf_bytes(&out));
    cm_buf_clear(&out);
    free(rows);
    return joined;
}

uint64_t rows_stored(void)
{
    uint64_t rows = 0;
    cr_assert_eq(store->ops->count(store, &rows, NULL), CM_OK);
    return rows;
}
