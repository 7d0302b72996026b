#include "nodes/store/sqlite_claims.h"

#include "nodes/store/sqlite_db.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { APPLICATION_ID = 0x434d5443 }; // "CMTC"

static const char schema[] =
    "CREATE TABLE store(owner TEXT NOT NULL) STRICT;"
    "CREATE TABLE replay(key BLOB PRIMARY KEY, attempt INTEGER NOT NULL, query_digest BLOB NOT "
    "NULL, keep_until INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE INDEX replay_until ON replay(keep_until);"
    "CREATE TABLE charged(key BLOB NOT NULL, query_digest BLOB NOT NULL, until INTEGER NOT NULL, "
    "PRIMARY KEY (key, query_digest)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX charged_until ON charged(until);"
    "CREATE TABLE used(key BLOB PRIMARY KEY, uses INTEGER NOT NULL, until INTEGER NOT NULL) "
    "STRICT, WITHOUT ROWID;"
    "CREATE INDEX used_until ON used(until);";

enum statement {
    REPLAY,
    CHARGE,
    COUNT,
    UNCHARGE,
    FORGET_REPLAY,
    FORGET_CHARGED,
    FORGET_USED,
    LAST
};

static const char *const sql[LAST] = {
    [REPLAY] = "INSERT INTO replay VALUES (?1, ?2, ?3, ?4) ON CONFLICT (key) DO UPDATE SET "
               "attempt = excluded.attempt WHERE replay.attempt < excluded.attempt AND "
               "replay.query_digest = excluded.query_digest",
    [CHARGE] = "INSERT INTO charged VALUES (?1, ?2, ?3) ON CONFLICT (key, query_digest) DO UPDATE "
               "SET until = excluded.until WHERE charged.until <= ?4",
    [COUNT] = "INSERT INTO used VALUES (?1, 1, ?2) ON CONFLICT (key) DO UPDATE SET uses = CASE "
              "WHEN used.until <= ?3 THEN 1 ELSE used.uses + 1 END, until = excluded.until WHERE "
              "used.until <= ?3 OR used.uses < ?4",
    [UNCHARGE] = "DELETE FROM charged WHERE key = ?1 AND query_digest = ?2",
    [FORGET_REPLAY] = "DELETE FROM replay WHERE key IN (SELECT key FROM replay WHERE keep_until <= "
                      "?1 LIMIT ?2)",
    [FORGET_CHARGED] = "DELETE FROM charged WHERE (key, query_digest) IN (SELECT key, query_digest "
                       "FROM charged WHERE until <= ?1 LIMIT ?2)",
    [FORGET_USED] = "DELETE FROM used WHERE key IN (SELECT key FROM used WHERE until <= ?1 LIMIT "
                    "?2)",
};

struct cm_sqlite_claims {
    pthread_mutex_t lock;
    sqlite3 *db;
    sqlite3_stmt *statements[LAST];
};

enum cm_status cm_sqlite_claims_open(struct cm_sqlite_claims **out, const char *path,
                                     const char *owner, struct cm_error *error)
{
    *out = NULL;
    struct cm_sqlite_claims *claims = calloc(1, sizeof *claims);
    if (claims == NULL) {
        return cm_fail(error, CM_MEMORY, "store", "out of memory");
    }
    pthread_mutex_init(&claims->lock, NULL);
    enum cm_status status = cm_sqlite_connect(&claims->db, path, true, error);
    if (status == CM_OK) {
        status = cm_sqlite_schema(claims->db, schema, APPLICATION_ID, owner, error);
    }
    for (int i = 0; i < LAST && status == CM_OK; i++) {
        status = cm_sqlite_prepare(&claims->statements[i], claims->db, sql[i], error);
    }
    if (status != CM_OK) {
        cm_sqlite_claims_close(claims);
        return status;
    }
    *out = claims;
    return CM_OK;
}

static enum cm_status vacuum_into(const char *path, const char *to, struct cm_error *error)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *copy = NULL;
    enum cm_status status = cm_sqlite_connect(&db, path, false, error);
    if (status == CM_OK) {
        status = cm_sqlite_prepare(&copy, db, "VACUUM INTO ?", error);
    }
    if (status == CM_OK) {
        const int rc = sqlite3_bind_text(copy, 1, to, -1, SQLITE_STATIC);
        status = rc == SQLITE_OK ? cm_sqlite_run(copy, error)
                                 : cm_sqlite_fail(error, rc, "copying what queries used up");
    }
    sqlite3_finalize(copy);
    sqlite3_close(db);
    return status;
}

enum cm_status cm_sqlite_claims_copy(const char *path, const char *to, struct cm_error *error)
{
    if (access(path, F_OK) != 0) {
        return CM_NOT_FOUND;
    }
    const int file = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) {
        return cm_fail(error, CM_IO, to, "can't be made: %s", strerror(errno));
    }
    enum cm_status status = vacuum_into(path, to, error);
    if (status == CM_OK && fsync(file) != 0) {
        status = cm_fail(error, CM_IO, to, "can't be made durable: %s", strerror(errno));
    }
    close(file);
    return status;
}

void cm_sqlite_claims_close(struct cm_sqlite_claims *claims)
{
    if (claims == NULL) {
        return;
    }
    for (int i = 0; i < LAST; i++) {
        sqlite3_finalize(claims->statements[i]);
    }
    sqlite3_close(claims->db);
    pthread_mutex_destroy(&claims->lock);
    free(claims);
}

static void bind_digest(sqlite3_stmt *statement, int index, const struct cm_digest *digest)
{
    sqlite3_bind_blob(statement, index, digest->b, CM_DIGEST_SIZE, SQLITE_STATIC);
}

static enum cm_status charge(struct cm_sqlite_claims *claims, const struct cm_claim *claim,
                             const struct cm_claim_use *use, bool *spent, int64_t now_ms,
                             struct cm_error *error)
{
    sqlite3_stmt *s = claims->statements[CHARGE];
    // What is over would start its count anew with each claim.
    *spent = use->most == 0 || use->until_ms <= now_ms;
    if (*spent) {
        return CM_OK;
    }
    bind_digest(s, 1, &use->key);
    bind_digest(s, 2, &claim->query_digest);
    sqlite3_bind_int64(s, 3, use->until_ms);
    sqlite3_bind_int64(s, 4, now_ms);
    enum cm_status status = cm_sqlite_run(s, error);
    if (status != CM_OK || sqlite3_changes(claims->db) == 0) {
        return status;
    }
    s = claims->statements[COUNT];
    bind_digest(s, 1, &use->key);
    sqlite3_bind_int64(s, 2, use->until_ms);
    sqlite3_bind_int64(s, 3, now_ms);
    sqlite3_bind_int64(s, 4, use->most > INT64_MAX ? INT64_MAX : (int64_t)use->most);
    status = cm_sqlite_run(s, error);
    if (status != CM_OK || sqlite3_changes(claims->db) != 0) {
        return status;
    }
    *spent = true;
    s = claims->statements[UNCHARGE];
    bind_digest(s, 1, &use->key);
    bind_digest(s, 2, &claim->query_digest);
    return cm_sqlite_run(s, error);
}

static enum cm_status claim_replay(struct cm_sqlite_claims *claims, const struct cm_claim *claim,
                                   struct cm_error *error)
{
    sqlite3_stmt *s = claims->statements[REPLAY];
    bind_digest(s, 1, &claim->replay_key);
    sqlite3_bind_int64(s, 2, claim->attempt);
    bind_digest(s, 3, &claim->query_digest);
    sqlite3_bind_int64(s, 4, claim->expires_ms + CM_CLAIM_GRACE_MS);
    enum cm_status status = cm_sqlite_run(s, error);
    if (status == CM_OK && sqlite3_changes(claims->db) == 0) {
        status = cm_fail(error, CM_REPLAYED, "query_id", "was seen before");
    }
    return status;
}

enum cm_status cm_sqlite_claims_claim(struct cm_sqlite_claims *claims, const struct cm_claim *claim,
                                      int64_t now_ms, struct cm_error *error)
{
    pthread_mutex_lock(&claims->lock);
    // A replay key alone is durable in the node's ledger: only what is charged pays for an fsync.
    enum cm_status status =
        cm_sqlite_exec(claims->db,
                       claim->use_count > 0 ? "PRAGMA synchronous=FULL; BEGIN IMMEDIATE"
                                            : "PRAGMA synchronous=NORMAL; BEGIN IMMEDIATE",
                       error);
    if (status == CM_OK) {
        status = claim_replay(claims, claim, error);
        for (size_t i = 0; i < claim->use_count && status == CM_OK; i++) {
            status = charge(claims, claim, &claim->uses[i], &claim->spent[i], now_ms, error);
        }
        status = cm_sqlite_end(claims->db, status, error);
    }
    pthread_mutex_unlock(&claims->lock);
    return status;
}

enum cm_status cm_sqlite_claims_forget(struct cm_sqlite_claims *claims, int64_t now_ms,
                                       uint64_t max, struct cm_error *error)
{
    pthread_mutex_lock(&claims->lock);
    enum cm_status status =
        cm_sqlite_exec(claims->db, "PRAGMA synchronous=NORMAL; BEGIN IMMEDIATE", error);
    if (status == CM_OK) {
        for (int i = FORGET_REPLAY; i <= FORGET_USED && status == CM_OK; i++) {
            sqlite3_bind_int64(claims->statements[i], 1, now_ms);
            sqlite3_bind_int64(claims->statements[i], 2,
                               max > INT64_MAX ? INT64_MAX : (int64_t)max);
            status = cm_sqlite_run(claims->statements[i], error);
        }
        status = cm_sqlite_end(claims->db, status, error);
    }
    pthread_mutex_unlock(&claims->lock);
    return status;
}
