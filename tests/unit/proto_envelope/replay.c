#include "proto/envelope/replay.h"

#include "proto/codec/bounds.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct cm_digest name(uint32_t number)
{
    struct cm_digest digest;
    cm_sha256_of(&digest, (struct cm_bytes){(const uint8_t *)&number, sizeof(number)});
    return digest;
}

static struct cm_replay *make(size_t total, size_t per_signer, size_t per_agency)
{
    struct cm_replay *replay;
    const struct cm_replay_limits limits = {total, per_signer, per_agency};
    cr_assert_eq(cm_replay_new(&replay, &limits), CM_OK);
    return replay;
}

static enum cm_status claim(struct cm_replay *replay, uint32_t key, uint32_t signer,
                            const char *agency, int64_t expires_ms, int64_t now_ms)
{
    struct cm_digest k = name(key);
    struct cm_digest s = name(signer);
    return cm_replay_claim(replay, &k, &s, agency, expires_ms, now_ms, NULL);
}

Test(replay, holds_a_key_as_long_as_any_clock_may_take_it_for_fresh)
{
    struct cm_replay *replay = make(8, 8, 8);
    cr_expect_eq(claim(replay, 1, 1, "a.x", 60000, 0), CM_OK);
    cr_expect_eq(claim(replay, 1, 1, "a.x", 60000, 0), CM_REPLAYED);
    cr_expect_eq(claim(replay, 1, 2, "b.x", 90000, 1), CM_REPLAYED, "whoever asks");
    cr_expect_eq(claim(replay, 1, 1, "a.x", 160000, 60000 + 2 * CM_SKEW_MS - 1), CM_REPLAYED);
    cr_expect_eq(claim(replay, 1, 1, "a.x", 160000, 60000 + 2 * CM_SKEW_MS), CM_OK);
    cm_replay_free(replay);
}

Test(replay, a_step_back_within_the_skew_lets_nothing_in_twice)
{
    struct cm_replay *replay = make(8, 8, 8);
    int64_t expires = 60000;
    cr_expect_eq(claim(replay, 1, 1, "a.x", expires, 0), CM_OK);
    // At this time the key has gone; a clock stepped back by the skew must find it expired.
    int64_t gone = expires + 2 * CM_SKEW_MS;
    cr_expect_eq(claim(replay, 2, 1, "a.x", gone + 1000, gone), CM_OK);
    cr_expect_geq(gone - CM_SKEW_MS, expires + CM_SKEW_MS, "stale by freshness");
    cr_expect_eq(claim(replay, 3, 1, "a.x", gone + 1000, gone - CM_SKEW_MS), CM_OK);
    cm_replay_free(replay);
}

Test(replay, a_greater_step_back_refuses_until_caught_up)
{
    struct cm_replay *replay = make(8, 8, 8);
    cr_expect_eq(claim(replay, 1, 1, "a.x", 160000, 100000), CM_OK);
    cr_expect_eq(claim(replay, 2, 1, "a.x", 160000, 100000 - CM_SKEW_MS - 1), CM_STALE);
    cr_expect_eq(cm_replay_held(replay), 1);
    cr_expect_eq(claim(replay, 2, 1, "a.x", 160000, 100000 - CM_SKEW_MS), CM_OK);
    cm_replay_free(replay);
}

Test(replay, full_shares_refuse_and_nothing_is_evicted)
{
    struct cm_replay *replay = make(6, 2, 3);
    struct cm_digest key = name(3);
    struct cm_digest signer = name(1);
    struct cm_error error = {0};
    cr_expect_eq(claim(replay, 1, 1, "a.x", 60000, 0), CM_OK);
    cr_expect_eq(claim(replay, 2, 1, "a.x", 61000, 0), CM_OK);
    cr_expect_eq(cm_replay_claim(replay, &key, &signer, "a.x", 60000, 50000, &error), CM_EXHAUSTED);
    cr_expect_eq(error.retry_after_ms, 10000 + 2 * CM_SKEW_MS);
    cr_expect_eq(claim(replay, 3, 2, "a.x", 60000, 50000), CM_OK, "another signer");
    cr_expect_eq(claim(replay, 4, 3, "a.x", 60000, 50000), CM_EXHAUSTED, "the agency's share");
    cr_expect_eq(claim(replay, 4, 3, "b.x", 60000, 50000), CM_OK);
    cr_expect_eq(claim(replay, 5, 4, "c.x", 60000, 50000), CM_OK);
    cr_expect_eq(claim(replay, 6, 5, "d.x", 60000, 50000), CM_OK);
    cr_expect_eq(claim(replay, 7, 6, "e.x", 60000, 50000), CM_EXHAUSTED, "all of it");
    for (uint32_t i = 1; i <= 6; i++) {
        cr_expect_eq(claim(replay, i, 9, "z.x", 60000, 50000), CM_REPLAYED, "%u", i);
    }
    cr_expect_eq(claim(replay, 8, 1, "a.x", 90000, 71000), CM_OK, "the share is given back");
    cm_replay_free(replay);
}

Test(replay, an_expired_key_is_not_claimed)
{
    struct cm_replay *replay = make(2, 2, 2);
    cr_expect_eq(claim(replay, 1, 1, "a.x", 1000, 1000 + 2 * CM_SKEW_MS), CM_STALE);
    cr_expect_eq(cm_replay_held(replay), 0);
    cm_replay_free(replay);
}

Test(replay, a_restored_key_is_held_without_a_share)
{
    struct cm_replay *replay = make(4, 1, 1);
    struct cm_digest key = name(1);
    struct cm_digest later = name(2);
    cr_expect_eq(cm_replay_restore(replay, &key, 60000, 1000), CM_OK);
    cr_expect_eq(cm_replay_restore(replay, &later, 61000, 2000), CM_OK);
    cr_expect_eq(claim(replay, 1, 1, "a.x", 60000, 2000), CM_REPLAYED);
    cr_expect_eq(claim(replay, 3, 1, "a.x", 62000, 2000), CM_OK, "no share is charged");
    cr_expect_eq(claim(replay, 4, 2, "b.x", 60000, 2000 - CM_SKEW_MS - 1), CM_STALE,
                 "the time it was recorded counts as seen");
    cr_expect_eq(claim(replay, 1, 2, "b.x", 99000, 60000 + 2 * CM_SKEW_MS), CM_OK);
    cm_replay_free(replay);
}

Test(replay, a_key_restored_twice_is_held_until_the_later_end)
{
    struct cm_replay *replay = make(4, 4, 4);
    struct cm_digest key = name(1);
    struct cm_digest other = name(2);
    cr_expect_eq(cm_replay_restore(replay, &key, 60000, 1000), CM_OK);
    cr_expect_eq(cm_replay_restore(replay, &other, 61000, 1000), CM_OK);
    cr_expect_eq(cm_replay_restore(replay, &key, 90000, 1000), CM_OK);
    cr_expect_eq(cm_replay_restore(replay, &key, 50000, 1000), CM_OK);
    cr_expect_eq(claim(replay, 1, 1, "a.x", 99000, 80000), CM_REPLAYED);
    cr_expect_eq(cm_replay_held(replay), 1, "the other has gone");
    cm_replay_free(replay);
}

Test(replay, restoring_past_the_total_is_refused)
{
    struct cm_replay *replay = make(1, 1, 1);
    struct cm_digest key = name(1);
    struct cm_digest other = name(2);
    cr_expect_eq(cm_replay_restore(replay, &key, 60000, 1000), CM_OK);
    cr_expect_eq(cm_replay_restore(replay, &other, 60000, 1000), CM_EXHAUSTED);
    cm_replay_free(replay);
}

// The naive model: a list, walked for each answer.
enum { MODEL = 4096, KEYS = 300, SIGNERS = 7, AGENCIES = 3 };

struct held {
    uint32_t key, signer;
    int64_t expires_ms;
};

struct model {
    struct held held[MODEL];
    size_t count;
    int64_t latest_ms;
    struct cm_replay_limits limits;
};

static enum cm_status model_claim(struct model *m, struct held ask, int64_t now_ms)
{
    if (now_ms < m->latest_ms - CM_SKEW_MS) {
        return CM_STALE;
    }
    m->latest_ms = now_ms > m->latest_ms ? now_ms : m->latest_ms;
    size_t kept = 0;
    for (size_t i = 0; i < m->count; i++) {
        if (m->held[i].expires_ms > now_ms - 2 * CM_SKEW_MS) {
            m->held[kept++] = m->held[i];
        }
    }
    m->count = kept;
    size_t of_signer = 0;
    size_t of_agency = 0;
    for (size_t i = 0; i < m->count; i++) {
        if (m->held[i].key == ask.key) {
            return CM_REPLAYED;
        }
        of_signer += m->held[i].signer == ask.signer;
        of_agency += m->held[i].signer % AGENCIES == ask.signer % AGENCIES;
    }
    if (of_signer >= m->limits.per_signer || of_agency >= m->limits.per_agency ||
        m->count >= m->limits.total) {
        return CM_EXHAUSTED;
    }
    m->held[m->count++] = ask;
    return CM_OK;
}

Test(replay, agrees_with_a_naive_model)
{
    static const char *const agencies[AGENCIES] = {"a.x", "b.x", "c.x"};
    for (unsigned seed = 1; seed <= 20; seed++) {
        static struct model model;
        memset(&model, 0, sizeof(model));
        model.limits = (struct cm_replay_limits){40, 9, 20};
        struct cm_replay *replay = make(40, 9, 20);
        unsigned random = seed;
        int64_t now = 1000000;
        for (int step = 0; step < 4000; step++) {
            now += rand_r(&random) % 900 - 200;
            if (rand_r(&random) % 97 == 0) {
                now -= rand_r(&random) % (2 * CM_SKEW_MS);
            }
            struct held ask = {(uint32_t)rand_r(&random) % KEYS,
                               (uint32_t)rand_r(&random) % SIGNERS,
                               now + 1 + rand_r(&random) % 20000};
            enum cm_status expected = model_claim(&model, ask, now);
            enum cm_status got = claim(replay, ask.key, 1000 + ask.signer,
                                       agencies[ask.signer % AGENCIES], ask.expires_ms, now);
            cr_assert_eq(got, expected, "seed %u step %d: %s, expected %s", seed, step,
                         cm_status_name(got), cm_status_name(expected));
            cr_assert_eq(cm_replay_held(replay), model.count);
        }
        cm_replay_free(replay);
    }
}
