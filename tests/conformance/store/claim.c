#include "tests/conformance/store/fixture.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

static const int64_t now = 1790000000000;

TestSuite(claim, .init = fixture_open, .fini = fixture_close);

static struct cm_digest digest(uint32_t seed)
{
    struct cm_digest out = {{0}};
    memcpy(out.b, &seed, sizeof seed);
    return out;
}

static enum cm_status claim_on(struct cm_store *on, uint32_t query, uint32_t attempt,
                               const struct cm_claim_use *uses, size_t count, bool *spent,
                               int64_t at_ms)
{
    const struct cm_claim claim = {
        .replay_key = digest(query),
        .attempt = attempt,
        .query_digest = digest(query + 1000000),
        .expires_ms = at_ms + 60000,
        .use_count = count,
        .uses = uses,
        .spent = spent,
    };
    return on->ops->claim(on, &claim, at_ms, NULL);
}

// *spent after the query used one use.
static bool spends(uint32_t query, struct cm_claim_use use, int64_t at_ms)
{
    bool spent = true;
    cr_assert_eq(claim_on(store, query, 0, &use, 1, &spent, at_ms), CM_OK);
    return spent;
}

Test(claim, a_replay_key_counts_once)
{
    cr_expect_eq(claim_on(store, 1, 0, NULL, 0, NULL, now), CM_OK);
    cr_expect_eq(claim_on(store, 1, 0, NULL, 0, NULL, now), CM_REPLAYED);
    cr_expect_eq(claim_on(store, 2, 0, NULL, 0, NULL, now), CM_OK);
    fixture_reopen();
    cr_expect_eq(claim_on(store, 1, 0, NULL, 0, NULL, now), CM_REPLAYED);
}

Test(claim, only_a_higher_attempt_of_the_same_query_passes)
{
    cr_expect_eq(claim_on(store, 1, 1, NULL, 0, NULL, now), CM_OK);
    cr_expect_eq(claim_on(store, 1, 2, NULL, 0, NULL, now), CM_OK);
    cr_expect_eq(claim_on(store, 1, 2, NULL, 0, NULL, now), CM_REPLAYED);
    cr_expect_eq(claim_on(store, 1, 1, NULL, 0, NULL, now), CM_REPLAYED);
    const struct cm_claim other = {.replay_key = digest(1),
                                   .attempt = 3,
                                   .query_digest = digest(77),
                                   .expires_ms = now + 60000};
    cr_expect_eq(store->ops->claim(store, &other, now, NULL), CM_REPLAYED,
                 "the same key for another query");
}

Test(claim, the_nth_passes_and_the_next_does_not)
{
    const struct cm_claim_use use = {digest(9), now + 1000, 3};
    for (uint32_t i = 0; i < 3; i++) {
        cr_expect(!spends(i, use, now), "use %u of 3", i + 1);
    }
    cr_expect(spends(3, use, now));
    cr_expect(spends(4, use, now));
    fixture_reopen();
    cr_expect(spends(5, use, now), "survives a restart");
    const struct cm_claim_use other = {digest(10), now + 1000, 3};
    cr_expect(!spends(6, other, now), "another key has a count of its own");
}

Test(claim, a_cap_of_nothing_is_used_up_from_the_start)
{
    const struct cm_claim_use none = {digest(9), now + 1000, 0};
    const struct cm_claim_use one = {digest(9), now + 1000, 1};
    cr_expect(spends(1, none, now));
    cr_expect(!spends(2, one, now), "a refused use is not charged");
}

Test(claim, charges_once_per_query_digest)
{
    const struct cm_claim_use use = {digest(9), now + 1000, 2};
    bool spent = true;
    cr_expect(!spends(1, use, now));
    cr_assert_eq(claim_on(store, 1, 1, &use, 1, &spent, now), CM_OK);
    cr_expect(!spent);
    cr_expect(!spends(2, use, now), "the second attempt of the first was free");
    cr_expect(spends(3, use, now));
    spent = true;
    cr_assert_eq(claim_on(store, 2, 1, &use, 1, &spent, now), CM_OK);
    cr_expect(!spent, "what was charged stays charged when the cap is reached");
}

Test(claim, each_use_stands_for_itself)
{
    struct cm_claim_use uses[] = {
        {digest(1), now + 1000, 1}, {digest(2), now + 1000, 2}, {digest(3), now + 1000, 0}};
    bool spent[3] = {true, true, false};
    cr_assert_eq(claim_on(store, 1, 0, uses, 3, spent, now), CM_OK);
    cr_expect(!spent[0] && !spent[1] && spent[2]);
    cr_assert_eq(claim_on(store, 2, 0, uses, 3, spent, now), CM_OK);
    cr_expect(spent[0] && !spent[1] && spent[2]);
    cr_assert_eq(claim_on(store, 3, 0, uses, 3, spent, now), CM_OK);
    cr_expect(spent[0] && spent[1] && spent[2]);
}

Test(claim, a_replay_charges_nothing)
{
    const struct cm_claim_use use = {digest(9), now + 1000, 2};
    bool spent = false;
    cr_expect(!spends(1, use, now));
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(claim_on(store, 1, 0, &use, 1, &spent, now), CM_REPLAYED);
    }
    cr_expect(!spends(2, use, now));
    cr_expect(spends(3, use, now));
}

Test(claim, forgets_a_use_once_its_time_is_over)
{
    const struct cm_claim_use today = {digest(9), now + 1000, 1};
    const struct cm_claim_use tomorrow = {digest(9), now + 2000, 1};
    cr_expect(!spends(1, today, now));
    cr_expect(spends(2, today, now + 999));
    cr_expect(!spends(3, tomorrow, now + 1000));
    cr_expect(spends(4, tomorrow, now + 1999));
}

Test(claim, a_use_whose_time_is_over_is_spent)
{
    // An approval within the clocks' skew past its end must not be free of its count.
    const struct cm_claim_use over = {digest(9), now, 5};
    cr_expect(spends(1, over, now));
    cr_expect(spends(2, over, now + 1));
    cr_expect(!spends(3, over, now - 1));
}

Test(claim, expiry_forgets_only_what_no_longer_counts)
{
    const struct cm_claim_use use = {digest(9), now + 3600000, 1};
    uint64_t deleted = 9;
    cr_expect(!spends(1, use, now));
    cr_assert_eq(store->ops->expire(store, 0, now + 65000, 100, &deleted, NULL), CM_OK);
    cr_expect_eq(deleted, 0, "claims are no rows");
    cr_expect_eq(claim_on(store, 1, 0, NULL, 0, NULL, now), CM_REPLAYED,
                 "kept past its expiry for the clocks' sake");
    cr_expect(spends(2, use, now));
    cr_assert_eq(store->ops->expire(store, 0, now + 3600000, 100, &deleted, NULL), CM_OK);
    cr_expect_eq(claim_on(store, 1, 0, NULL, 0, NULL, now), CM_OK);
    cr_expect(!spends(3, use, now));
}

Test(claim, a_cap_beyond_what_a_database_counts_is_no_cap)
{
    const struct cm_claim_use use = {digest(9), now + 1000, UINT64_MAX};
    cr_expect(!spends(1, use, now));
    cr_expect(!spends(2, use, now));
}

Test(claim, processes_that_share_a_store_share_its_claims)
{
    struct cm_store *second = fixture_second();
    if (second == NULL) {
        return; // one process on SQLite; a skipped test would leave its store behind
    }
    const struct cm_claim_use use = {digest(9), now + 1000, 1};
    bool spent = false;
    cr_expect(!spends(1, use, now));
    cr_expect_eq(claim_on(second, 1, 0, NULL, 0, NULL, now), CM_REPLAYED);
    cr_expect_eq(claim_on(second, 2, 0, &use, 1, &spent, now), CM_OK);
    cr_expect(spent);
    cm_store_close(second);
}

enum { THREADS = 8, EACH = 10, MOST = 23 };

struct racer {
    struct cm_store *on;
    uint32_t first;
    unsigned passed;
    unsigned failed;
};

static void *race(void *argument)
{
    struct racer *racer = argument;
    // Two keys in the other order for every second thread: no order of locks may be left to chance.
    struct cm_claim_use uses[] = {{digest(9), now + 1000, MOST}, {digest(10), now + 1000, 1000}};
    if (racer->first % 20 != 0) {
        const struct cm_claim_use swapped = uses[0];
        uses[0] = uses[1];
        uses[1] = swapped;
    }
    for (uint32_t i = 0; i < EACH; i++) {
        bool spent[2] = {true, true};
        enum cm_status status = claim_on(racer->on, racer->first + i, 0, uses, 2, spent, now);
        racer->failed += status != CM_OK;
        racer->passed += status == CM_OK && !spent[uses[0].most == MOST ? 0 : 1];
    }
    return NULL;
}

Test(claim, exactly_n_pass_however_many_ask_at_once)
{
    struct cm_store *second = fixture_second();
    struct racer racers[THREADS];
    pthread_t threads[THREADS];
    unsigned passed = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        racers[i] = (struct racer){i % 2 == 0 || second == NULL ? store : second, i * EACH, 0, 0};
        cr_assert_eq(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        passed += racers[i].passed;
        cr_expect_eq(racers[i].failed, 0);
    }
    cr_expect_eq(passed, MOST);
    cm_store_close(second);
}

Test(claim, of_one_replay_key_one_passes_however_many_ask_at_once)
{
    struct cm_store *second = fixture_second();
    struct racer racers[THREADS];
    pthread_t threads[THREADS];
    unsigned failed = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        racers[i] = (struct racer){i % 2 == 0 || second == NULL ? store : second, 0, 0, 0};
        cr_assert_eq(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        failed += racers[i].failed;
    }
    cr_expect_eq(failed, (THREADS - 1) * EACH);
    cm_store_close(second);
}
