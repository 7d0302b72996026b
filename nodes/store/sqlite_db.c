#include "nodes/store/sqlite_db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUSY_MS = 10000 };

enum cm_status cm_sqlite_fail(struct cm_error *error, int rc, const char *doing)
{
    return cm_fail(error, CM_UNAVAILABLE, "store", "SQLite failed while %s: %s", doing,
                   sqlite3_errstr(rc));
}

// SQLite gives -wal and -shm the mode of the file, so the file has to have it from the start.
static enum cm_status check_file(const char *path, struct cm_error *error)
{
    struct stat info;
    enum cm_status status = CM_OK;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0 || fstat(fd, &info) != 0) {
        status = cm_fail(error, CM_IO, path, "can't be opened: %s", strerror(errno));
        cm_error_hint(error, "check the folder and who owns it");
    } else if (!S_ISREG(info.st_mode)) {
        status = cm_fail(error, CM_INVALID, path, "is no regular file");
    } else if ((info.st_mode & 077) != 0) {
        status = cm_fail(error, CM_INVALID, path, "may be read or written by others");
        cm_error_hint(error, "chmod 600 %s", path);
    }
    if (fd >= 0) {
        close(fd);
    }
    return status;
}

enum cm_status cm_sqlite_connect(sqlite3 **out, const char *path, bool writes,
                                 struct cm_error *error)
{
    *out = NULL;
    enum cm_status status = writes ? check_file(path, error) : CM_OK;
    if (status != CM_OK) {
        return status;
    }
    sqlite3 *db = NULL;
    int rc = sqlite3_open_v2(
        path, &db, (writes ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_NOMUTEX,
        NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_busy_timeout(db, BUSY_MS);
    }
    if (rc == SQLITE_OK) {
        rc = sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    }
    if (rc == SQLITE_OK) {
        rc = sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    }
    if (rc != SQLITE_OK) {
        sqlite3_close(db);
        return cm_sqlite_fail(error, rc, "opening the store");
    }
    status = cm_sqlite_exec(db,
                            writes ? "PRAGMA journal_mode=WAL; PRAGMA secure_delete=ON;"
                                     "PRAGMA journal_size_limit=67108864; PRAGMA temp_store=MEMORY"
                                   : "PRAGMA temp_store=MEMORY",
                            error);
    if (status != CM_OK) {
        sqlite3_close(db);
        return status;
    }
    *out = db;
    return CM_OK;
}

enum cm_status cm_sqlite_exec(sqlite3 *db, const char *sql, struct cm_error *error)
{
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? CM_OK : cm_sqlite_fail(error, rc, "preparing");
}

enum cm_status cm_sqlite_prepare(sqlite3_stmt **out, sqlite3 *db, const char *sql,
                                 struct cm_error *error)
{
    int rc = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    return rc == SQLITE_OK ? CM_OK : cm_sqlite_fail(error, rc, "compiling a statement");
}

enum cm_status cm_sqlite_run(sqlite3_stmt *statement, struct cm_error *error)
{
    int rc = sqlite3_step(statement);
    sqlite3_reset(statement);
    return rc == SQLITE_DONE ? CM_OK : cm_sqlite_fail(error, rc, "writing");
}

enum cm_status cm_sqlite_end(sqlite3 *db, enum cm_status status, struct cm_error *error)
{
    if (status == CM_OK) {
        int rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
        if (rc == SQLITE_OK) {
            return CM_OK;
        }
        status = cm_sqlite_fail(error, rc, "committing");
    }
    if (sqlite3_get_autocommit(db) == 0) {
        (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    }
    return status;
}

// The first column of the first row as a number, 0 when there is none.
static enum cm_status number_of(int64_t *out, sqlite3 *db, const char *sql, struct cm_error *error)
{
    sqlite3_stmt *statement = NULL;
    enum cm_status status = cm_sqlite_prepare(&statement, db, sql, error);
    if (status == CM_OK) {
        int rc = sqlite3_step(statement);
        *out = rc == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
        if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
            status = cm_sqlite_fail(error, rc, "reading the schema");
        }
    }
    sqlite3_finalize(statement);
    return status;
}

static enum cm_status create_schema(sqlite3 *db, const char *schema, int application_id,
                                    const char *owner, struct cm_error *error)
{
    char pragmas[96];
    snprintf(pragmas, sizeof pragmas, "PRAGMA application_id=%d; PRAGMA user_version=%d",
             application_id, CM_STORE_VERSION);
    sqlite3_stmt *statement = NULL;
    enum cm_status status = cm_sqlite_exec(db, schema, error);
    if (status == CM_OK) {
        status = cm_sqlite_prepare(&statement, db, "INSERT INTO store(owner) VALUES (?1)", error);
    }
    if (status == CM_OK) {
        sqlite3_bind_text(statement, 1, owner, -1, SQLITE_STATIC);
        status = cm_sqlite_run(statement, error);
    }
    sqlite3_finalize(statement);
    return status == CM_OK ? cm_sqlite_exec(db, pragmas, error) : status;
}

static enum cm_status check_owner(sqlite3 *db, const char *owner, struct cm_error *error)
{
    sqlite3_stmt *statement = NULL;
    enum cm_status status = cm_sqlite_prepare(&statement, db, "SELECT owner FROM store", error);
    if (status == CM_OK && (sqlite3_step(statement) != SQLITE_ROW ||
                            strcmp((const char *)sqlite3_column_text(statement, 0), owner) != 0)) {
        status = cm_fail(error, CM_INVALID, "store", "belongs to another agency than %s", owner);
        cm_error_hint(error, "give each agency a file of its own");
    }
    sqlite3_finalize(statement);
    return status;
}

enum cm_status cm_sqlite_schema(sqlite3 *db, const char *schema, int application_id,
                                const char *owner, struct cm_error *error)
{
    int64_t version = 0, application = 0, objects = 0;
    enum cm_status status = cm_sqlite_exec(db, "BEGIN IMMEDIATE", error);
    if (status != CM_OK) {
        return status;
    }
    status = number_of(&objects, db, "SELECT count(*) FROM sqlite_schema", error);
    if (status == CM_OK) {
        status = number_of(&application, db, "PRAGMA application_id", error);
    }
    if (status == CM_OK) {
        status = number_of(&version, db, "PRAGMA user_version", error);
    }
    if (status == CM_OK && objects == 0) {
        status = create_schema(db, schema, application_id, owner, error);
    } else if (status == CM_OK && application != application_id) {
        status = cm_fail(error, CM_INVALID, "store", "is another program's database");
    } else if (status == CM_OK && version != CM_STORE_VERSION) {
        status =
            cm_fail(error, CM_INVALID, "store", "has schema version %lld, this program knows %d",
                    (long long)version, CM_STORE_VERSION);
        cm_error_hint(error, "run a newer Comity");
    } else if (status == CM_OK) {
        status = check_owner(db, owner, error);
    }
    return cm_sqlite_end(db, status, error);
}
