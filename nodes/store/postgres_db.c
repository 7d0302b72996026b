#include "nodes/store/postgres_db.h"

#include "proto/base/clock.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t epoch_2000_ms = 946684800000;

static void add(struct cm_pg_parameters *p, const void *value, int length)
{
    p->values[p->count] = value;
    p->lengths[p->count] = length;
    p->count++;
}

void cm_pg_add_null(struct cm_pg_parameters *p)
{
    add(p, NULL, 0);
}

void cm_pg_add_bytes(struct cm_pg_parameters *p, struct cm_bytes bytes)
{
    add(p, bytes.len > 0 ? (const void *)bytes.data : "", (int)bytes.len);
}

void cm_pg_add_text(struct cm_pg_parameters *p, const char *text)
{
    cm_pg_add_bytes(p, cm_bytes_of(text));
}

void cm_pg_add_int4(struct cm_pg_parameters *p, int32_t value)
{
    uint32_t big = htobe32((uint32_t)value);
    add(p, memcpy(p->numbers[p->count], &big, sizeof big), sizeof big);
}

void cm_pg_add_int8(struct cm_pg_parameters *p, int64_t value)
{
    uint64_t big = htobe64((uint64_t)value);
    add(p, memcpy(p->numbers[p->count], &big, sizeof big), sizeof big);
}

void cm_pg_add_real(struct cm_pg_parameters *p, double value)
{
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    cm_pg_add_int8(p, bits);
}

void cm_pg_add_time(struct cm_pg_parameters *p, int64_t ms)
{
    int64_t held = ms < 0 ? 0 : ms > CM_MAX_TIME_MS ? CM_MAX_TIME_MS : ms;
    cm_pg_add_int8(p, (held - epoch_2000_ms) * 1000);
}

enum cm_status cm_pg_int4(int64_t *out, const PGresult *result, int row, int column)
{
    uint32_t big;
    if (PQgetlength(result, row, column) != sizeof big) {
        return CM_INTERNAL;
    }
    memcpy(&big, PQgetvalue(result, row, column), sizeof big);
    *out = (int32_t)be32toh(big);
    return CM_OK;
}

enum cm_status cm_pg_int8(int64_t *out, const PGresult *result, int row, int column)
{
    uint64_t big;
    if (PQgetlength(result, row, column) != sizeof big) {
        return CM_INTERNAL;
    }
    memcpy(&big, PQgetvalue(result, row, column), sizeof big);
    *out = (int64_t)be64toh(big);
    return CM_OK;
}

enum cm_status cm_pg_real(double *out, const PGresult *result, int row, int column)
{
    int64_t bits = 0;
    enum cm_status status = cm_pg_int8(&bits, result, row, column);
    memcpy(out, &bits, sizeof *out);
    return status;
}

enum cm_status cm_pg_time(int64_t *ms, const PGresult *result, int row, int column)
{
    int64_t us = 0;
    enum cm_status status = cm_pg_int8(&us, result, row, column);
    *ms = us / 1000 + epoch_2000_ms;
    return status;
}

struct cm_bytes cm_pg_bytes(const PGresult *result, int row, int column)
{
    return (struct cm_bytes){(const uint8_t *)PQgetvalue(result, row, column),
                             (size_t)PQgetlength(result, row, column)};
}

void cm_pg_close(struct cm_pg *pg)
{
    PQfinish(pg->connection);
    pg->connection = NULL;
}

static enum cm_status lost(struct cm_pg *pg, struct cm_error *error)
{
    cm_pg_close(pg);
    return cm_fail(error, CM_UNAVAILABLE, "store", "the connection to PostgreSQL is lost");
}

// CM_LATE when nothing came in time: the connection is then closed, for its answer would come later
// to somebody else.
static enum cm_status wait_result(struct cm_pg *pg, PGresult **out, struct cm_error *error)
{
    const struct cm_clock *clock = cm_clock_system();
    int64_t until = cm_mono_ms(clock) + pg->timeout_ms;
    *out = NULL;
    while (PQisBusy(pg->connection)) {
        int64_t left = until - cm_mono_ms(clock);
        struct pollfd ready = {.fd = PQsocket(pg->connection), .events = POLLIN};
        int count = left > 0 ? poll(&ready, 1, (int)left) : 0;
        if (count == 0) {
            cm_pg_close(pg);
            return cm_fail(error, CM_LATE, "store", "PostgreSQL did not answer in %d ms",
                           pg->timeout_ms);
        }
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0 || PQconsumeInput(pg->connection) != 1) {
            return lost(pg, error);
        }
    }
    *out = PQgetResult(pg->connection);
    return CM_OK;
}

static enum cm_status judge(const PGresult *result, uint64_t *affected, struct cm_error *error)
{
    ExecStatusType kind = PQresultStatus(result);
    if (kind != PGRES_COMMAND_OK && kind != PGRES_TUPLES_OK) {
        const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        return cm_fail(error, CM_UNAVAILABLE, "store",
                       "PostgreSQL refused a statement, SQLSTATE %s",
                       state != NULL ? state : "unknown");
    }
    if (affected != NULL) {
        *affected = strtoull(PQcmdTuples((PGresult *)(uintptr_t)result), NULL, 10);
    }
    return CM_OK;
}

// Reads all results of what was sent, the last of them into *out.
static enum cm_status finish(struct cm_pg *pg, PGresult **out, uint64_t *affected,
                             struct cm_error *error)
{
    PGresult *result = NULL, *last = NULL;
    enum cm_status status = CM_OK;
    for (;;) {
        enum cm_status waited = wait_result(pg, &result, error);
        if (waited != CM_OK) {
            PQclear(last);
            return waited;
        }
        if (result == NULL) {
            break;
        }
        if (status == CM_OK) {
            status = judge(result, affected, error);
        }
        PQclear(last);
        last = result;
    }
    if (PQstatus(pg->connection) != CONNECTION_OK) {
        status = lost(pg, error);
    }
    if (status == CM_OK && out != NULL) {
        *out = last;
        return CM_OK;
    }
    PQclear(last);
    return status;
}

enum cm_status cm_pg_exec(struct cm_pg *pg, const char *sql, struct cm_error *error)
{
    if (pg->connection == NULL || PQsendQuery(pg->connection, sql) != 1) {
        return lost(pg, error);
    }
    return finish(pg, NULL, NULL, error);
}

static void ignore_notice(void *context, const char *message)
{
    (void)context;
    (void)message;
}

static enum cm_status prepare_list(struct cm_pg *pg, const struct cm_pg_statement *list,
                                   struct cm_error *error)
{
    enum cm_status status = CM_OK;
    for (const struct cm_pg_statement *s = list; s->name != NULL && status == CM_OK; s++) {
        if (PQsendPrepare(pg->connection, s->name, s->sql, 0, NULL) != 1) {
            return lost(pg, error);
        }
        status = finish(pg, NULL, NULL, error);
    }
    return status;
}

static enum cm_status prepare(struct cm_pg *pg, struct cm_error *error)
{
    char setup[256];
    snprintf(setup, sizeof setup,
             "SET statement_timeout = %d; SET idle_in_transaction_session_timeout = %d; "
             "SET synchronous_commit = on; SET default_transaction_isolation = 'read committed'",
             pg->timeout_ms, pg->timeout_ms);
    enum cm_status status = cm_pg_exec(pg, setup, error);
    for (size_t i = 0; i < 2 && status == CM_OK && pg->statements[i] != NULL; i++) {
        status = prepare_list(pg, pg->statements[i], error);
    }
    return status;
}

enum cm_status cm_pg_connect(struct cm_pg *pg, struct cm_error *error)
{
    // What stands before dbname is a default, what stands after overrides the conninfo.
    static const char *const keys[] = {"connect_timeout", "tcp_user_timeout", "application_name",
                                       "dbname",          "client_encoding",  NULL};
    const char *const values[] = {"3", "10000", "comity", pg->conninfo, "UTF8", NULL};
    if (pg->connection != NULL) {
        return CM_OK;
    }
    pg->connection = PQconnectdbParams(keys, values, 1);
    if (PQstatus(pg->connection) != CONNECTION_OK) {
        const char *said = PQerrorMessage(pg->connection);
        enum cm_status status = cm_fail(error, CM_UNAVAILABLE, "store", "no connection: %.*s",
                                        (int)strcspn(said, "\n"), said);
        cm_pg_close(pg);
        return status;
    }
    PQsetNoticeProcessor(pg->connection, ignore_notice, NULL);
    enum cm_status status = prepare(pg, error);
    if (status != CM_OK) {
        cm_pg_close(pg);
    }
    return status;
}

static const int all_binary[CM_PG_PARAMETERS] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                                 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

static bool send_prepared(struct cm_pg *pg, const char *name, const struct cm_pg_parameters *p)
{
    return pg->connection != NULL && PQsendQueryPrepared(pg->connection, name, p->count, p->values,
                                                         p->lengths, all_binary, 1) == 1;
}

enum cm_status cm_pg_run(struct cm_pg *pg, PGresult **result, uint64_t *affected, const char *name,
                         const struct cm_pg_parameters *parameters, struct cm_error *error)
{
    enum cm_status status =
        send_prepared(pg, name, parameters) ? finish(pg, result, affected, error) : lost(pg, error);
    return status == CM_LATE ? CM_UNAVAILABLE : status;
}

enum cm_status cm_pg_run_again(struct cm_pg *pg, PGresult **result, uint64_t *affected,
                               const char *name, const struct cm_pg_parameters *parameters,
                               struct cm_error *error)
{
    enum cm_status status = CM_OK;
    for (int i = 0; i < 2; i++) {
        status = cm_pg_connect(pg, error);
        if (status != CM_OK) {
            break;
        }
        status = send_prepared(pg, name, parameters) ? finish(pg, result, affected, error)
                                                     : lost(pg, error);
        if (status == CM_OK || status == CM_LATE || pg->connection != NULL) {
            break;
        }
    }
    return status == CM_LATE ? CM_UNAVAILABLE : status;
}

enum cm_status cm_pg_begin(struct cm_pg *pg, struct cm_error *error)
{
    static const struct cm_pg_parameters none;
    return cm_pg_run_again(pg, NULL, NULL, "begin", &none, error);
}

enum cm_status cm_pg_end(struct cm_pg *pg, enum cm_status status, struct cm_error *error)
{
    if (status == CM_OK) {
        status = cm_pg_exec(pg, "COMMIT", error);
    } else if (pg->connection != NULL && cm_pg_exec(pg, "ROLLBACK", NULL) != CM_OK) {
        cm_pg_close(pg);
    }
    return status == CM_LATE ? CM_UNAVAILABLE : status;
}

enum cm_status cm_pg_pipeline_start(struct cm_pg *pg, struct cm_error *error)
{
    return pg->connection != NULL && PQenterPipelineMode(pg->connection) == 1 ? CM_OK
                                                                              : lost(pg, error);
}

enum cm_status cm_pg_pipeline_send(struct cm_pg *pg, const char *name,
                                   const struct cm_pg_parameters *parameters,
                                   struct cm_error *error)
{
    return send_prepared(pg, name, parameters) ? CM_OK : lost(pg, error);
}

enum cm_status cm_pg_pipeline_sync(struct cm_pg *pg, struct cm_error *error)
{
    return pg->connection != NULL && PQpipelineSync(pg->connection) == 1 ? CM_OK : lost(pg, error);
}

enum cm_status cm_pg_pipeline_result(struct cm_pg *pg, PGresult **result, uint64_t *affected,
                                     struct cm_error *error)
{
    PGresult *end = NULL;
    enum cm_status status = wait_result(pg, result, error);
    if (status == CM_OK) {
        status = judge(*result, affected, error);
    }
    if (status == CM_OK) {
        status = wait_result(pg, &end, error); // a NULL stands after each result
        PQclear(end);
    }
    if (status != CM_OK) {
        PQclear(*result);
        *result = NULL;
    }
    return status == CM_LATE ? CM_UNAVAILABLE : status;
}

enum cm_status cm_pg_pipeline_finish(struct cm_pg *pg, enum cm_status status,
                                     struct cm_error *error)
{
    bool synced = false;
    while (pg->connection != NULL && !synced) {
        PGresult *result = NULL;
        enum cm_status waited = wait_result(pg, &result, status == CM_OK ? error : NULL);
        if (waited != CM_OK) {
            return CM_UNAVAILABLE;
        }
        synced = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
        if (PQstatus(pg->connection) != CONNECTION_OK) {
            cm_pg_close(pg);
        }
        PQclear(result);
    }
    if (pg->connection == NULL || PQexitPipelineMode(pg->connection) != 1) {
        return lost(pg, status == CM_OK ? error : NULL);
    }
    return status;
}
