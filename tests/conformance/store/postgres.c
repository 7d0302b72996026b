// What only a server can do: go away and come back.
#include "tests/conformance/store/fixture.h"

#include <criterion/criterion.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const int64_t t0 = 1790000000000;
static PGconn *admin;
static char database[32];
static struct cm_store *own;

// Each test has a database of its own, which it may cut off without harm to the others.
static void make_database(void)
{
    if (!fixture_on_postgres()) {
        cr_skip_test("needs PostgreSQL");
    }
    arena = cm_arena_new(1u << 20);
    admin = PQconnectdb(getenv("CM_TEST_POSTGRES"));
    snprintf(database, sizeof database, "own_%d", (int)getpid());
}

static void sql(const char *format)
{
    char statement[256];
    snprintf(statement, sizeof statement, format, database);
    PGresult *result = PQexec(admin, statement);
    ExecStatusType status = PQresultStatus(result);
    cr_assert(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK, "%s", PQerrorMessage(admin));
    PQclear(result);
}

static const char *where_is(const char *extra)
{
    return text("postgres:%s dbname=%s %s", getenv("CM_TEST_POSTGRES"), database, extra);
}

static void open_own(void)
{
    struct cm_error error = {0};
    sql("CREATE DATABASE %s TEMPLATE template0");
    cr_assert_eq(cm_store_open(&own, where_is(""), OWNER, 2, &error), CM_OK, "%s", error.text);
}

static void drop_database(void)
{
    cm_store_close(own);
    sql("DROP DATABASE IF EXISTS %s WITH (FORCE)");
    PQfinish(admin);
    cm_arena_free(arena);
}

TestSuite(postgres, .init = make_database, .fini = drop_database);

static void cut_all(void)
{
    sql("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '%s'");
}

static enum cm_status ask(uint64_t *rows)
{
    return own->ops->count(own, rows, NULL);
}

static enum cm_status write_one(const char *event_id)
{
    const struct cm_stored row = full_row(event_id, t0, "8ABC123");
    struct cm_ingest_counts counts;
    bool conflict;
    return own->ops->ingest(own, &row, 1, &counts, &conflict, NULL);
}

static enum cm_status claim_one(uint8_t key)
{
    struct cm_claim claim = {.expires_ms = t0};
    claim.replay_key.b[0] = key;
    return own->ops->claim(own, &claim, t0, NULL);
}

Test(postgres, a_cut_connection_is_made_again_unnoticed)
{
    uint64_t rows = 0;
    open_own();
    cr_expect_eq(write_one("a"), CM_OK);
    cut_all();
    cr_expect_eq(write_one("b"), CM_OK);
    cr_expect_eq(claim_one(1), CM_OK);
    cut_all();
    cr_expect_eq(claim_one(1), CM_REPLAYED);
    cr_expect_eq(ask(&rows), CM_OK);
    cr_expect_eq(rows, 2);
}

Test(postgres, while_it_is_down_the_answer_is_unavailable_and_then_it_works_again)
{
    uint64_t rows = 0;
    open_own();
    sql("ALTER DATABASE %s ALLOW_CONNECTIONS false");
    cut_all();
    for (int i = 0; i < 3; i++) {
        cr_expect_eq(ask(&rows), CM_UNAVAILABLE);
        cr_expect_eq(claim_one(1), CM_UNAVAILABLE);
        cr_expect_eq(write_one("a"), CM_UNAVAILABLE);
    }
    sql("ALTER DATABASE %s ALLOW_CONNECTIONS true");
    cr_expect_eq(write_one("a"), CM_OK);
    cr_expect_eq(claim_one(1), CM_OK);
    cr_expect_eq(ask(&rows), CM_OK);
    cr_expect_eq(rows, 1);
}

Test(postgres, a_server_that_is_not_there_is_said_so_without_the_password)
{
    struct cm_error error = {0};
    cr_expect_eq(
        cm_store_open(&own, "postgres:host=/nonexistent password=hunter2secret", OWNER, 1, &error),
        CM_UNAVAILABLE);
    cr_expect_null(own);
    cr_expect_not_null(strstr(error.text, "/nonexistent"), "%s", error.text);
    cr_expect_null(strstr(error.text, "hunter2secret"));
}

Test(postgres, refuses_a_newer_schema_and_another_agency)
{
    struct cm_error error = {0};
    struct cm_store *other = NULL;
    open_own();
    cr_expect_eq(cm_store_open(&other, where_is(""), "ca.southgate.pd", 1, &error), CM_INVALID);
    cr_expect_not_null(strstr(error.text, "another agency"), "%s", error.text);
    PGconn *inside = PQconnectdb(where_is("") + strlen("postgres:"));
    PQclear(PQexec(inside, "UPDATE comity_store SET version = 99"));
    PQfinish(inside);
    cr_expect_eq(cm_store_open(&other, where_is(""), OWNER, 1, &error), CM_INVALID);
    cr_expect_not_null(strstr(error.text, "99"), "%s", error.text);
    cr_expect_null(other);
}
