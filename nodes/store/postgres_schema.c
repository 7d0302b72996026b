#include "nodes/store/postgres_schema.h"

#include "nodes/store/postgres_claims.h"

#include <string.h>

// An advisory lock of this number is held while the schema is made.
#define CM_SCHEMA_LOCK "4847369"

// An event id sorts by its bytes, as it does in a row's key: hence the collation.
static const char detections[] =
    "CREATE TABLE detection("
    "event_id text COLLATE \"C\" PRIMARY KEY, captured_at timestamptz NOT NULL, plate text COLLATE "
    "\"C\" NOT NULL, plate_read text NOT NULL, state text COLLATE \"C\" NOT NULL, present integer "
    "NOT NULL, latitude double precision, longitude double precision, site text, camera text, "
    "heading double precision, make text, model text, colour text, body text, year integer, "
    "vehicle_confidence double precision, confidence double precision, candidates json, "
    "image_reference text, image_sha256 bytea, expires_at timestamptz, case_hold text NOT NULL);"
    "CREATE INDEX detection_plate ON detection(plate, captured_at DESC, event_id);"
    "CREATE INDEX detection_age ON detection(captured_at) WHERE case_hold = '';"
    "CREATE INDEX detection_expiry ON detection(expires_at) "
    "WHERE expires_at IS NOT NULL AND case_hold = '';";

static const struct cm_pg_statement making[] = {
    {"begin", "BEGIN"},
    {"lock", "SELECT pg_advisory_xact_lock(" CM_SCHEMA_LOCK ")"},
    {"known", "SELECT (to_regclass('comity_store') IS NOT NULL)::int"},
    {NULL, NULL},
};

static const struct cm_pg_statement checking[] = {
    {"facts", "SELECT version, owner FROM comity_store"},
    {NULL, NULL},
};

static enum cm_status create(struct cm_pg *pg, const char *owner, struct cm_error *error)
{
    struct cm_buf sql = {0};
    char *literal = PQescapeLiteral(pg->connection, owner, strlen(owner));
    enum cm_status status =
        literal == NULL ? cm_fail(error, CM_INVALID, "owner", "can't be written as SQL") : CM_OK;
    if (status == CM_OK) {
        status = cm_buf_printf(&sql,
                               "CREATE TABLE comity_store(owner text NOT NULL, version integer NOT "
                               "NULL); INSERT INTO comity_store VALUES (%s, %d); %s %s",
                               literal, CM_STORE_VERSION, detections, cm_pg_claims_schema);
    }
    if (status == CM_OK) {
        status = cm_pg_exec(pg, (const char *)sql.data, error);
    }
    PQfreemem(literal);
    cm_buf_clear(&sql);
    return status;
}

static enum cm_status make(const char *conninfo, const char *owner, int timeout_ms,
                           struct cm_error *error)
{
    static const struct cm_pg_parameters none;
    struct cm_pg pg = {.conninfo = conninfo, .statements = {making}, .timeout_ms = timeout_ms};
    PGresult *result = NULL;
    int64_t known = 0;
    enum cm_status status = cm_pg_begin(&pg, error);
    if (status != CM_OK) {
        return status;
    }
    status = cm_pg_run(&pg, NULL, NULL, "lock", &none, error);
    if (status == CM_OK) {
        status = cm_pg_run(&pg, &result, NULL, "known", &none, error);
    }
    if (status == CM_OK) {
        status = cm_pg_int4(&known, result, 0, 0);
    }
    if (status == CM_OK && known == 0) {
        status = create(&pg, owner, error);
        if (status != CM_OK) {
            cm_error_hint(error, "may this role create tables in this database?");
        }
    }
    status = cm_pg_end(&pg, status, error);
    PQclear(result);
    cm_pg_close(&pg);
    return status;
}

static enum cm_status check(const char *conninfo, const char *owner, int timeout_ms,
                            struct cm_error *error)
{
    static const struct cm_pg_parameters none;
    struct cm_pg pg = {.conninfo = conninfo, .statements = {checking}, .timeout_ms = timeout_ms};
    PGresult *result = NULL;
    int64_t version = 0;
    enum cm_status status = cm_pg_run_again(&pg, &result, NULL, "facts", &none, error);
    if (status == CM_OK && PQntuples(result) != 1) {
        status = cm_fail(error, CM_INVALID, "store", "is damaged: comity_store needs one row");
    }
    if (status == CM_OK) {
        status = cm_pg_int4(&version, result, 0, 0);
    }
    if (status == CM_OK && version != CM_STORE_VERSION) {
        status =
            cm_fail(error, CM_INVALID, "store", "has schema version %lld, this program knows %d",
                    (long long)version, CM_STORE_VERSION);
        cm_error_hint(error, "run a newer Comity");
    }
    if (status == CM_OK && !cm_bytes_equal(cm_pg_bytes(result, 0, 1), cm_bytes_of(owner))) {
        status = cm_fail(error, CM_INVALID, "store", "belongs to another agency than %s", owner);
        cm_error_hint(error, "give each agency a database or a schema of its own");
    }
    PQclear(result);
    cm_pg_close(&pg);
    return status;
}

enum cm_status cm_pg_schema(const char *conninfo, const char *owner, int timeout_ms,
                            struct cm_error *error)
{
    enum cm_status status = make(conninfo, owner, timeout_ms, error);
    return status == CM_OK ? check(conninfo, owner, timeout_ms, error) : status;
}
