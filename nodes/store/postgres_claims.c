#include "nodes/store/postgres_claims.h"

#include <stdlib.h>
#include <string.h>

const char cm_pg_claims_schema[] =
    "CREATE TABLE claim_replay(key bytea PRIMARY KEY, attempt bigint NOT NULL, query_digest bytea "
    "NOT NULL, keep_until timestamptz NOT NULL);"
    "CREATE INDEX claim_replay_until ON claim_replay(keep_until);"
    "CREATE TABLE claim_charged(key bytea NOT NULL, query_digest bytea NOT NULL, until timestamptz "
    "NOT NULL, PRIMARY KEY (key, query_digest));"
    "CREATE INDEX claim_charged_until ON claim_charged(until);"
    "CREATE TABLE claim_used(key bytea PRIMARY KEY, uses bigint NOT NULL, until timestamptz NOT "
    "NULL);"
    "CREATE INDEX claim_used_until ON claim_used(until);";

const struct cm_pg_statement cm_pg_claim_statements[] = {
    {"replay", "INSERT INTO claim_replay VALUES ($1, $2, $3, $4) ON CONFLICT (key) DO UPDATE SET "
               "attempt = excluded.attempt WHERE claim_replay.attempt < excluded.attempt AND "
               "claim_replay.query_digest = excluded.query_digest"},
    {"charge", "INSERT INTO claim_charged VALUES ($1, $2, $3) ON CONFLICT (key, query_digest) DO "
               "UPDATE SET until = excluded.until WHERE claim_charged.until <= $4"},
    {"use", "INSERT INTO claim_used VALUES ($1, 1, $2) ON CONFLICT (key) DO UPDATE SET uses = CASE "
            "WHEN claim_used.until <= $3 THEN 1 ELSE claim_used.uses + 1 END, until = "
            "excluded.until WHERE claim_used.until <= $3 OR claim_used.uses < $4"},
    {"uncharge", "DELETE FROM claim_charged WHERE key = $1 AND query_digest = $2"},
    {"forget_replay",
     "DELETE FROM claim_replay WHERE ctid = ANY(ARRAY(SELECT ctid FROM claim_replay WHERE "
     "keep_until <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED))"},
    {"forget_charged",
     "DELETE FROM claim_charged WHERE ctid = ANY(ARRAY(SELECT ctid FROM claim_charged WHERE "
     "until <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED))"},
    {"forget_used", "DELETE FROM claim_used WHERE ctid = ANY(ARRAY(SELECT ctid FROM claim_used "
                    "WHERE until <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED))"},
    {NULL, NULL},
};

static enum cm_status claim_replay(struct cm_pg *pg, const struct cm_claim *claim,
                                   struct cm_error *error)
{
    struct cm_pg_parameters p = {0};
    uint64_t affected = 0;
    cm_pg_add_bytes(&p, cm_bytes_digest(&claim->replay_key));
    cm_pg_add_int8(&p, claim->attempt);
    cm_pg_add_bytes(&p, cm_bytes_digest(&claim->query_digest));
    cm_pg_add_time(&p, claim->expires_ms + CM_CLAIM_GRACE_MS);
    enum cm_status status = cm_pg_run(pg, NULL, &affected, "replay", &p, error);
    if (status == CM_OK && affected == 0) {
        status = cm_fail(error, CM_REPLAYED, "query_id", "was seen before");
    }
    return status;
}

static enum cm_status charge(struct cm_pg *pg, const struct cm_claim *claim,
                             const struct cm_claim_use *use, bool *spent, int64_t now_ms,
                             struct cm_error *error)
{
    struct cm_pg_parameters mark = {0}, count = {0}, unmark = {0};
    uint64_t affected = 0;
    // What is over would start its count anew with each claim.
    *spent = use->most == 0 || use->until_ms <= now_ms;
    if (*spent) {
        return CM_OK;
    }
    cm_pg_add_bytes(&mark, cm_bytes_digest(&use->key));
    cm_pg_add_bytes(&mark, cm_bytes_digest(&claim->query_digest));
    cm_pg_add_time(&mark, use->until_ms);
    cm_pg_add_time(&mark, now_ms);
    enum cm_status status = cm_pg_run(pg, NULL, &affected, "charge", &mark, error);
    if (status != CM_OK || affected == 0) {
        return status;
    }
    affected = 0;
    cm_pg_add_bytes(&count, cm_bytes_digest(&use->key));
    cm_pg_add_time(&count, use->until_ms);
    cm_pg_add_time(&count, now_ms);
    cm_pg_add_int8(&count, use->most > INT64_MAX ? INT64_MAX : (int64_t)use->most);
    status = cm_pg_run(pg, NULL, &affected, "use", &count, error);
    if (status != CM_OK || affected != 0) {
        return status;
    }
    *spent = true;
    cm_pg_add_bytes(&unmark, cm_bytes_digest(&use->key));
    cm_pg_add_bytes(&unmark, cm_bytes_digest(&claim->query_digest));
    return cm_pg_run(pg, NULL, NULL, "uncharge", &unmark, error);
}

static int by_key(const void *a, const void *b, void *uses)
{
    const struct cm_claim_use *all = uses;
    return memcmp(all[*(const size_t *)a].key.b, all[*(const size_t *)b].key.b, CM_DIGEST_SIZE);
}

// One order of locking for all processes, or two claims could wait for each other.
static size_t *locking_order(const struct cm_claim *claim)
{
    size_t *order = calloc(claim->use_count + 1, sizeof *order);
    if (order == NULL || claim->use_count == 0) {
        return order;
    }
    for (size_t i = 0; i < claim->use_count; i++) {
        order[i] = i;
    }
    qsort_r(order, claim->use_count, sizeof *order, by_key, (void *)(uintptr_t)claim->uses);
    return order;
}

enum cm_status cm_pg_claim(struct cm_pg *pg, const struct cm_claim *claim, int64_t now_ms,
                           struct cm_error *error)
{
    size_t *order = locking_order(claim);
    if (order == NULL) {
        return cm_fail(error, CM_MEMORY, "store", "out of memory");
    }
    enum cm_status status = cm_pg_begin(pg, error);
    if (status == CM_OK) {
        status = claim_replay(pg, claim, error);
        for (size_t i = 0; i < claim->use_count && status == CM_OK; i++) {
            size_t use = order[i];
            status = charge(pg, claim, &claim->uses[use], &claim->spent[use], now_ms, error);
        }
        status = cm_pg_end(pg, status, error);
    }
    free(order);
    return status;
}

enum cm_status cm_pg_forget_claims(struct cm_pg *pg, int64_t now_ms, uint64_t max,
                                   struct cm_error *error)
{
    static const char *const names[] = {"forget_replay", "forget_charged", "forget_used"};
    struct cm_pg_parameters p = {0};
    enum cm_status status = CM_OK;
    cm_pg_add_time(&p, now_ms);
    cm_pg_add_int8(&p, max > INT64_MAX ? INT64_MAX : (int64_t)max);
    for (size_t i = 0; i < 3 && status == CM_OK; i++) {
        status = cm_pg_run(pg, NULL, NULL, names[i], &p, error);
    }
    return status;
}
