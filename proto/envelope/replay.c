#include "proto/envelope/replay.h"

#include "proto/codec/bounds.h"
#include "proto/envelope/table.h"

#include <stdlib.h>

enum { LEAST_RETRY_MS = 1000 };

// Counts what each signer, or each agency, holds.
struct shares {
    struct cm_table *names;
    uint32_t *held; // by slot of names
    size_t limit;
};

struct entry {
    int64_t expires_ms;
    uint32_t signer; // slots; CM_TABLE_NONE: restored, charged to nobody
    uint32_t agency;
};

struct cm_replay {
    struct cm_table *keys;
    struct entry *entries; // by slot of keys
    uint32_t *heap;        // slots, the first to expire on top
    size_t heap_count;
    struct shares signers;
    struct shares agencies;
    int64_t latest_ms;
};

static enum cm_status shares_init(struct shares *shares, size_t total, size_t limit)
{
    shares->limit = limit;
    shares->held = calloc(total, sizeof(*shares->held));
    return shares->held != NULL ? cm_table_new(&shares->names, total) : CM_MEMORY;
}

static void shares_clear(struct shares *shares)
{
    cm_table_free(shares->names);
    free(shares->held);
}

static bool shares_full(const struct shares *shares, const struct cm_digest *name)
{
    uint32_t slot = cm_table_find(shares->names, name);
    return (slot != CM_TABLE_NONE ? shares->held[slot] : 0) >= shares->limit;
}

// Never full: there are at most as many names as keys.
static uint32_t shares_take(struct shares *shares, const struct cm_digest *name)
{
    uint32_t slot = cm_table_find(shares->names, name);
    if (slot == CM_TABLE_NONE) {
        slot = cm_table_add(shares->names, name);
        shares->held[slot] = 0;
    }
    shares->held[slot]++;
    return slot;
}

static void shares_give(struct shares *shares, uint32_t slot)
{
    if (slot != CM_TABLE_NONE && --shares->held[slot] == 0) {
        cm_table_remove(shares->names, slot);
    }
}

enum cm_status cm_replay_new(struct cm_replay **out, const struct cm_replay_limits *limits)
{
    *out = NULL;
    struct cm_replay *replay = calloc(1, sizeof(*replay));
    if (replay == NULL) {
        return CM_MEMORY;
    }
    replay->latest_ms = INT64_MIN;
    enum cm_status status = cm_table_new(&replay->keys, limits->total);
    if (status == CM_OK) {
        status = shares_init(&replay->signers, limits->total, limits->per_signer);
    }
    if (status == CM_OK) {
        status = shares_init(&replay->agencies, limits->total, limits->per_agency);
    }
    if (status == CM_OK) {
        replay->entries = calloc(limits->total, sizeof(*replay->entries));
        replay->heap = calloc(limits->total, sizeof(*replay->heap));
        status = replay->entries != NULL && replay->heap != NULL ? CM_OK : CM_MEMORY;
    }
    if (status != CM_OK) {
        cm_replay_free(replay);
        return status;
    }
    *out = replay;
    return CM_OK;
}

void cm_replay_free(struct cm_replay *replay)
{
    if (replay == NULL) {
        return;
    }
    cm_table_free(replay->keys);
    shares_clear(&replay->signers);
    shares_clear(&replay->agencies);
    free(replay->entries);
    free(replay->heap);
    free(replay);
}

static int64_t expiry_at(const struct cm_replay *replay, size_t place)
{
    return replay->entries[replay->heap[place]].expires_ms;
}

static void swap(struct cm_replay *replay, size_t a, size_t b)
{
    uint32_t slot = replay->heap[a];
    replay->heap[a] = replay->heap[b];
    replay->heap[b] = slot;
}

static void sift_up(struct cm_replay *replay, size_t place)
{
    while (place > 0 && expiry_at(replay, place) < expiry_at(replay, (place - 1) / 2)) {
        swap(replay, place, (place - 1) / 2);
        place = (place - 1) / 2;
    }
}

static void sift_down(struct cm_replay *replay, size_t place)
{
    for (;;) {
        size_t least = place;
        for (size_t child = 2 * place + 1; child <= 2 * place + 2; child++) {
            if (child < replay->heap_count && expiry_at(replay, child) < expiry_at(replay, least)) {
                least = child;
            }
        }
        if (least == place) {
            return;
        }
        swap(replay, place, least);
        place = least;
    }
}

// Twice the skew: one for the sender's clock, one for a step back of ours that claim lets pass.
static bool is_past(int64_t expires_ms, int64_t now_ms)
{
    return expires_ms <= now_ms - 2 * CM_SKEW_MS;
}

static void release_past(struct cm_replay *replay, int64_t now_ms)
{
    while (replay->heap_count > 0 && is_past(expiry_at(replay, 0), now_ms)) {
        uint32_t slot = replay->heap[0];
        replay->heap[0] = replay->heap[--replay->heap_count];
        sift_down(replay, 0);
        shares_give(&replay->signers, replay->entries[slot].signer);
        shares_give(&replay->agencies, replay->entries[slot].agency);
        cm_table_remove(replay->keys, slot);
    }
}

static enum cm_status hold(struct cm_replay *replay, const struct cm_digest *key,
                           const struct entry *entry)
{
    uint32_t slot = cm_table_add(replay->keys, key);
    if (slot == CM_TABLE_NONE) {
        return CM_EXHAUSTED;
    }
    replay->entries[slot] = *entry;
    replay->heap[replay->heap_count] = slot;
    sift_up(replay, replay->heap_count++);
    return CM_OK;
}

static enum cm_status refuse_full(const struct cm_replay *replay, int64_t now_ms, const char *whose,
                                  struct cm_error *error)
{
    int64_t wait =
        replay->heap_count > 0 ? expiry_at(replay, 0) + 2 * CM_SKEW_MS - now_ms : LEAST_RETRY_MS;
    enum cm_status status =
        cm_fail(error, CM_EXHAUSTED, "query", "%s has too many questions in flight", whose);
    if (error != NULL) {
        if (wait < LEAST_RETRY_MS) {
            wait = LEAST_RETRY_MS;
        }
        error->retry_after_ms = wait > UINT32_MAX ? UINT32_MAX : (uint32_t)wait;
    }
    return status;
}

enum cm_status cm_replay_claim(struct cm_replay *replay, const struct cm_digest *key,
                               const struct cm_digest *signer, const char *agency,
                               int64_t expires_ms, int64_t now_ms, struct cm_error *error)
{
    if (replay->latest_ms != INT64_MIN && now_ms < replay->latest_ms - CM_SKEW_MS) {
        return cm_fail(error, CM_STALE, "clock",
                       "this host's clock went back; questions are "
                       "refused until it has caught up");
    }
    if (now_ms > replay->latest_ms) {
        replay->latest_ms = now_ms;
    }
    release_past(replay, now_ms);
    if (is_past(expires_ms, now_ms)) {
        return cm_fail(error, CM_STALE, "expires_ms", "the query has expired");
    }
    if (cm_table_find(replay->keys, key) != CM_TABLE_NONE) {
        return cm_fail(error, CM_REPLAYED, "query_id", "this query was asked before");
    }
    struct cm_digest agency_name;
    cm_sha256_of(&agency_name, cm_bytes_of(agency));
    if (shares_full(&replay->signers, signer)) {
        return refuse_full(replay, now_ms, "the signer", error);
    }
    if (shares_full(&replay->agencies, &agency_name)) {
        return refuse_full(replay, now_ms, "the signer's agency", error);
    }
    struct entry entry = {expires_ms, CM_TABLE_NONE, CM_TABLE_NONE};
    if (hold(replay, key, &entry) != CM_OK) {
        return refuse_full(replay, now_ms, "this host", error);
    }
    struct entry *held = &replay->entries[cm_table_find(replay->keys, key)];
    held->signer = shares_take(&replay->signers, signer);
    held->agency = shares_take(&replay->agencies, &agency_name);
    return CM_OK;
}

// A key may stand in the ledger twice, the second time after the first had expired.
static void prolong(struct cm_replay *replay, uint32_t slot, int64_t expires_ms)
{
    if (replay->entries[slot].expires_ms >= expires_ms) {
        return;
    }
    replay->entries[slot].expires_ms = expires_ms;
    size_t place = 0;
    while (replay->heap[place] != slot) {
        place++;
    }
    sift_down(replay, place);
}

enum cm_status cm_replay_restore(struct cm_replay *replay, const struct cm_digest *key,
                                 int64_t expires_ms, int64_t seen_ms)
{
    if (seen_ms > replay->latest_ms) {
        replay->latest_ms = seen_ms;
    }
    release_past(replay, seen_ms);
    if (is_past(expires_ms, replay->latest_ms)) {
        return CM_OK;
    }
    uint32_t slot = cm_table_find(replay->keys, key);
    if (slot != CM_TABLE_NONE) {
        prolong(replay, slot, expires_ms);
        return CM_OK;
    }
    struct entry entry = {expires_ms, CM_TABLE_NONE, CM_TABLE_NONE};
    return hold(replay, key, &entry);
}

size_t cm_replay_held(const struct cm_replay *replay)
{
    return replay->heap_count;
}
