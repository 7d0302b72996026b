#include "nodes/store/sqlite_claims.h"
#include "nodes/store/store.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWNER "ca.northport.pd"

static char folder[32], path[48], claims[72], where[72];
static struct cm_store *store;
static struct cm_error error;

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/comity-sqlite-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/n.db", folder);
    snprintf(claims, sizeof claims, "%s.claims", path);
    snprintf(where, sizeof where, "sqlite:%s", path);
}

static void remove_folder(void)
{
    cm_store_close(store);
    unlink(path);
    unlink(claims);
    cr_expect_eq(rmdir(folder), 0, "something was left behind");
}

TestSuite(sqlite, .init = make_folder, .fini = remove_folder);

static void run_sql(const char *sql)
{
    sqlite3 *db = NULL;
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

static mode_t mode_of(const char *suffix)
{
    char name[80];
    struct stat info;
    snprintf(name, sizeof name, "%s%s", path, suffix);
    cr_assert_eq(stat(name, &info), 0, "%s", name);
    return info.st_mode & 0777;
}

Test(sqlite, all_its_files_are_for_their_owner_alone)
{
    struct cm_claim claim = {.expires_ms = 1};
    umask(0);
    cr_assert_eq(cm_store_open(&store, where, OWNER, 1, NULL), CM_OK);
    cr_assert_eq(store->ops->claim(store, &claim, 0, NULL), CM_OK);
    cr_expect_eq(mode_of(""), 0600);
    cr_expect_eq(mode_of("-wal"), 0600);
    cr_expect_eq(mode_of("-shm"), 0600);
    cr_expect_eq(mode_of(".claims"), 0600);
    cr_expect_eq(mode_of(".claims-wal"), 0600);
}

// A backup of a node that runs: its copy holds what was claimed, without the files beside it.
Test(sqlite, claims_are_copied_while_they_are_used)
{
    char copy[96];
    const struct cm_claim claim = {.replay_key = {{1}}, .attempt = 1, .expires_ms = 1000};
    snprintf(copy, sizeof copy, "%s/copy.claims", folder);
    cr_expect_eq(cm_sqlite_claims_copy(claims, copy, NULL), CM_NOT_FOUND);
    cr_assert_eq(cm_store_open(&store, where, OWNER, 1, NULL), CM_OK);
    cr_assert_eq(store->ops->claim(store, &claim, 0, NULL), CM_OK);
    umask(0);
    cr_assert_eq(cm_sqlite_claims_copy(claims, copy, &error), CM_OK, "%s", error.text);
    cr_expect_eq(cm_sqlite_claims_copy(claims, copy, NULL), CM_IO, "never over another file");
    cm_store_close(store);
    store = NULL;
    cr_assert_eq(rename(copy, claims), 0);
    cr_expect_eq(mode_of(".claims"), 0600);
    cr_assert_eq(cm_store_open(&store, where, OWNER, 1, NULL), CM_OK);
    cr_expect_eq(store->ops->claim(store, &claim, 0, NULL), CM_REPLAYED);
}

Test(sqlite, refuses_a_file_that_others_may_read)
{
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    cr_assert_eq(fchmod(fd, 0640), 0);
    close(fd);
    cr_expect_eq(cm_store_open(&store, where, OWNER, 1, &error), CM_INVALID);
    cr_expect_not_null(strstr(error.hint, "chmod 600"));
}

Test(sqlite, refuses_another_agency)
{
    cr_assert_eq(cm_store_open(&store, where, OWNER, 1, NULL), CM_OK);
    cm_store_close(store);
    cr_expect_eq(cm_store_open(&store, where, "ca.southgate.pd", 1, &error), CM_INVALID);
    cr_expect_not_null(strstr(error.text, "another agency"));
}

Test(sqlite, refuses_a_newer_schema)
{
    cr_assert_eq(cm_store_open(&store, where, OWNER, 1, NULL), CM_OK);
    cm_store_close(store);
    run_sql("PRAGMA user_version=99");
    cr_expect_eq(cm_store_open(&store, where, OWNER, 1, &error), CM_INVALID);
    cr_expect_not_null(strstr(error.text, "99"));
}

Test(sqlite, refuses_another_programs_database)
{
    umask(077);
    run_sql("CREATE TABLE t(x)");
    cr_expect_eq(cm_store_open(&store, where, OWNER, 1, &error), CM_INVALID);
    cr_expect_not_null(strstr(error.text, "another program"));
}

Test(sqlite, refuses_what_is_no_database)
{
    FILE *file = fopen(path, "w");
    fchmod(fileno(file), 0600);
    for (int i = 0; i < 1000; i++) {
        fputs("this is not a database\n", file);
    }
    fclose(file);
    cr_expect_neq(cm_store_open(&store, where, OWNER, 1, &error), CM_OK);
    cr_expect_null(store);
}

Test(sqlite, a_missing_folder_is_named)
{
    char missing[96];
    snprintf(missing, sizeof missing, "sqlite:%s/none/n.db", folder);
    cr_expect_eq(cm_store_open(&store, missing, OWNER, 1, &error), CM_IO);
    cr_expect_not_null(strstr(error.where, "none/n.db"));
}

Test(sqlite, a_lookup_uses_the_index_and_sorts_nothing)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *plan = NULL;
    char steps[512] = "";
    cr_assert_eq(cm_store_open(&store, where, OWNER, 1, NULL), CM_OK);
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_prepare_v2(db,
                                    "EXPLAIN QUERY PLAN SELECT event_id, site FROM detection WHERE "
                                    "plate = ?1 AND (?2 = '' OR state = ?2 OR state = '') AND "
                                    "captured_at >= ?3 AND captured_at <= ?4 AND (captured_at < ?4 "
                                    "OR event_id > ?5) ORDER BY captured_at DESC, event_id LIMIT 9",
                                    -1, &plan, NULL),
                 SQLITE_OK);
    while (sqlite3_step(plan) == SQLITE_ROW) {
        size_t used = strlen(steps);
        snprintf(steps + used, sizeof steps - used, "%s;", sqlite3_column_text(plan, 3));
    }
    cr_expect_not_null(strstr(steps, "USING INDEX detection_plate (plate=? AND captured_at>? AND"),
                       "%s", steps);
    cr_expect_null(strstr(steps, "B-TREE"), "%s", steps);
    sqlite3_finalize(plan);
    sqlite3_close(db);
}
