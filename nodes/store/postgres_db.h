// One PostgreSQL connection: prepared statements with binary parameters, a bounded wait for every
// answer, one reconnect when the server went away. One thread at a time.
#ifndef CM_NODES_STORE_POSTGRES_DB_H
#define CM_NODES_STORE_POSTGRES_DB_H

#include "nodes/store/backend.h"

#include <libpq-fe.h>

enum { CM_PG_PARAMETERS = 24 };

struct cm_pg_statement {
    const char *name;
    const char *sql;
};

struct cm_pg {
    PGconn *connection; // NULL while down
    const char *conninfo;
    // Prepared at each connect; each list ends with a NULL name, the second may be NULL.
    const struct cm_pg_statement *statements[2];
    int timeout_ms;     // for each answer
    struct cm_pg *next; // its owner's list
};

// Appended in order; text and bytes are borrowed until the statement has run.
struct cm_pg_parameters {
    int count;
    const char *values[CM_PG_PARAMETERS];
    int lengths[CM_PG_PARAMETERS];
    uint8_t numbers[CM_PG_PARAMETERS][8];
};

void cm_pg_add_null(struct cm_pg_parameters *parameters);
void cm_pg_add_bytes(struct cm_pg_parameters *parameters, struct cm_bytes bytes);
void cm_pg_add_text(struct cm_pg_parameters *parameters, const char *text);
void cm_pg_add_int4(struct cm_pg_parameters *parameters, int32_t value);
void cm_pg_add_int8(struct cm_pg_parameters *parameters, int64_t value);
void cm_pg_add_real(struct cm_pg_parameters *parameters, double value);
// timestamptz from UTC milliseconds, which are brought into 1970 to 9999.
void cm_pg_add_time(struct cm_pg_parameters *parameters, int64_t ms);

// A cell of a binary result. CM_INTERNAL for a length that doesn't fit.
enum cm_status cm_pg_int4(int64_t *out, const PGresult *result, int row, int column) CM_MUST_CHECK;
enum cm_status cm_pg_int8(int64_t *out, const PGresult *result, int row, int column) CM_MUST_CHECK;
enum cm_status cm_pg_real(double *out, const PGresult *result, int row, int column) CM_MUST_CHECK;
enum cm_status cm_pg_time(int64_t *ms, const PGresult *result, int row, int column) CM_MUST_CHECK;
struct cm_bytes cm_pg_bytes(const PGresult *result, int row, int column);

void cm_pg_close(struct cm_pg *pg);
// Connects when it is down. CM_UNAVAILABLE with the server's word for it.
enum cm_status cm_pg_connect(struct cm_pg *pg, struct cm_error *error) CM_MUST_CHECK;
// SQL without parameters or rows. CM_UNAVAILABLE with the SQLSTATE, never the server's text, which
// may quote data.
enum cm_status cm_pg_exec(struct cm_pg *pg, const char *sql, struct cm_error *error) CM_MUST_CHECK;
// A prepared statement; *affected rows. result may be NULL, else the caller clears it.
enum cm_status cm_pg_run(struct cm_pg *pg, PGresult **result, uint64_t *affected, const char *name,
                         const struct cm_pg_parameters *parameters,
                         struct cm_error *error) CM_MUST_CHECK;
// The same for what may be sent twice: on a lost connection it reconnects and runs it once more.
enum cm_status cm_pg_run_again(struct cm_pg *pg, PGresult **result, uint64_t *affected,
                               const char *name, const struct cm_pg_parameters *parameters,
                               struct cm_error *error) CM_MUST_CHECK;
// BEGIN, with the same reconnect.
enum cm_status cm_pg_begin(struct cm_pg *pg, struct cm_error *error) CM_MUST_CHECK;
// COMMIT when status is CM_OK, else ROLLBACK; gives the status of it all.
enum cm_status cm_pg_end(struct cm_pg *pg, enum cm_status status,
                         struct cm_error *error) CM_MUST_CHECK;

// Many runs of a statement with one round trip. Between start and finish: send, at most
// CM_PG_PIPELINE of them, sync, then one result for each.
enum { CM_PG_PIPELINE = 64 };
enum cm_status cm_pg_pipeline_send(struct cm_pg *pg, const char *name,
                                   const struct cm_pg_parameters *parameters,
                                   struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_pg_pipeline_start(struct cm_pg *pg, struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_pg_pipeline_sync(struct cm_pg *pg, struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_pg_pipeline_result(struct cm_pg *pg, PGresult **result, uint64_t *affected,
                                     struct cm_error *error) CM_MUST_CHECK;
// Reads to the sync point, also after an error.
enum cm_status cm_pg_pipeline_finish(struct cm_pg *pg, enum cm_status status,
                                     struct cm_error *error) CM_MUST_CHECK;

#endif
