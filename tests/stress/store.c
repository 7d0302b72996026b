// Readers, an ingest, claims and expiry on one SQLite store at once: rows in order, none twice,
// caps held.
#include "nodes/store/store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OWNER "ca.northport.pd"

enum { READERS = 3, CLAIMERS = 3, BATCHES = 60, BATCH = 50, PAGE = 7, CLAIMS = 60, MOST = 40 };

static struct cm_store *store;
static atomic_bool over;
static atomic_uint passed;

static const int64_t t0 = 1790000000000;

static void must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "stress_store: %s\n", what);
        abort();
    }
}

static void *ingest(void *argument)
{
    (void)argument;
    for (int i = 0; i < BATCHES; i++) {
        char ids[BATCH][16];
        struct cm_stored rows[BATCH];
        bool conflict[BATCH];
        struct cm_ingest_counts counts;
        for (int j = 0; j < BATCH; j++) {
            snprintf(ids[j], sizeof ids[j], "e%d-%d", i, j);
            rows[j] = (struct cm_stored){.detection = {.event_id = ids[j],
                                                       .owner = OWNER,
                                                       .captured_at_ms = t0 - i * 10 + j % 3,
                                                       .plate_read = "8ABC123",
                                                       .plate = "8ABC123",
                                                       .state = ""},
                                         .case_hold = ""};
        }
        must(store->ops->ingest(store, rows, BATCH, &counts, conflict, NULL) == CM_OK, "ingest");
        must(counts.accepted == BATCH, "rows were not accepted");
    }
    atomic_store(&over, true);
    return NULL;
}

static size_t read_all(struct cm_arena *arena)
{
    const struct cm_store_query query = {"8ABC123", "", {0, t0 + 1000}};
    struct cm_cursor *cursor = NULL;
    struct cm_detection rows[PAGE];
    char last_id[32] = "";
    int64_t last_ms = INT64_MAX;
    size_t count = 0, seen = 0;
    must(store->ops->find(store, &cursor, &query, NULL) == CM_OK, "find");
    do {
        cm_arena_reset(arena);
        must(store->ops->next(cursor, arena, rows, PAGE, &count, NULL) == CM_OK, "next");
        for (size_t i = 0; i < count; i++, seen++) {
            bool after =
                rows[i].captured_at_ms < last_ms ||
                (rows[i].captured_at_ms == last_ms && strcmp(rows[i].event_id, last_id) > 0);
            must(after, "rows out of order, or one twice");
            last_ms = rows[i].captured_at_ms;
            snprintf(last_id, sizeof last_id, "%s", rows[i].event_id);
        }
    } while (count > 0);
    store->ops->close_cursor(cursor);
    return seen;
}

static void *reads(void *argument)
{
    (void)argument;
    struct cm_arena *arena = cm_arena_new(1 << 20);
    must(arena != NULL, "memory");
    while (!atomic_load(&over)) {
        read_all(arena);
    }
    must(read_all(arena) == (size_t)BATCHES * BATCH, "rows are missing at the end");
    cm_arena_free(arena);
    return NULL;
}

static void *claims(void *argument)
{
    unsigned first = *(unsigned *)argument * CLAIMS;
    for (unsigned i = 0; i < CLAIMS; i++) {
        struct cm_claim_use use = {{{9}}, t0 + 1000, MOST};
        bool spent = true;
        struct cm_claim claim = {
            .expires_ms = t0 + 60000, .use_count = 1, .uses = &use, .spent = &spent};
        unsigned number = first + i;
        uint64_t deleted;
        memcpy(claim.replay_key.b, &number, sizeof number);
        memcpy(claim.query_digest.b, &number, sizeof number);
        must(store->ops->claim(store, &claim, t0, NULL) == CM_OK, "claim");
        must(store->ops->claim(store, &claim, t0, NULL) == CM_REPLAYED, "a replay passed");
        must(store->ops->expire(store, 0, t0, 10, &deleted, NULL) == CM_OK, "expire");
        atomic_fetch_add(&passed, !spent);
    }
    return NULL;
}

int main(void)
{
    char folder[] = "/tmp/comity-stress-XXXXXX", where[64], path[64];
    pthread_t threads[1 + READERS + CLAIMERS];
    unsigned numbers[CLAIMERS];
    size_t count = 0;
    must(mkdtemp(folder) != NULL, "folder");
    snprintf(where, sizeof where, "sqlite:%s/n.db", folder);
    must(cm_store_open(&store, where, OWNER, 2, NULL) == CM_OK, "open");
    must(pthread_create(&threads[count++], NULL, ingest, NULL) == 0, "thread");
    for (unsigned i = 0; i < READERS; i++) {
        must(pthread_create(&threads[count++], NULL, reads, NULL) == 0, "thread");
    }
    for (unsigned i = 0; i < CLAIMERS; i++) {
        numbers[i] = i;
        must(pthread_create(&threads[count++], NULL, claims, &numbers[i]) == 0, "thread");
    }
    for (size_t i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
    must(atomic_load(&passed) == MOST, "more or fewer than the cap passed");
    cm_store_close(store);
    snprintf(path, sizeof path, "%s/n.db", folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/n.db.claims", folder);
    unlink(path);
    must(rmdir(folder) == 0, "the store leaves files behind");
    return 0;
}
