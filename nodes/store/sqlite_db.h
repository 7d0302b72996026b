// One SQLite connection: opening it safely, statements, errors without data in them.
// One thread at a time.
#ifndef CM_NODES_STORE_SQLITE_DB_H
#define CM_NODES_STORE_SQLITE_DB_H

#include "nodes/store/backend.h"

#include <sqlite3.h>

// CM_UNAVAILABLE with SQLite's own word for rc; never a message that could hold data.
enum cm_status cm_sqlite_fail(struct cm_error *error, int rc, const char *doing);
// A connection that reads only, or one that writes: then the file is made, 0600, when there is
// none. CM_INVALID for a file that others may read or write.
enum cm_status cm_sqlite_connect(sqlite3 **out, const char *path, bool writes,
                                 struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_sqlite_exec(sqlite3 *db, const char *sql, struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_sqlite_prepare(sqlite3_stmt **out, sqlite3 *db, const char *sql,
                                 struct cm_error *error) CM_MUST_CHECK;
// Steps a statement that gives no rows, then resets it.
enum cm_status cm_sqlite_run(sqlite3_stmt *statement, struct cm_error *error) CM_MUST_CHECK;
// Commits when status is CM_OK, else rolls back; gives the status of it all.
enum cm_status cm_sqlite_end(sqlite3 *db, enum cm_status status,
                             struct cm_error *error) CM_MUST_CHECK;
// Runs schema on an empty file; else checks that the file is one of ours, its schema known and its
// owner this one. schema creates a table store(owner).
enum cm_status cm_sqlite_schema(sqlite3 *db, const char *schema, int application_id,
                                const char *owner, struct cm_error *error) CM_MUST_CHECK;

#endif
