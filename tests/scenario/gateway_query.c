// The real query, merge and manifest against fake nodes, a fake caller and a fake clock.
#include "gateway_world.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct world *world;

static void setup(void)
{
    world = world_new();
}

static void teardown(void)
{
    world_free(world);
}

TestSuite(gateway_query, .init = setup, .fini = teardown, .timeout = 240);

static int by_key(const void *a, const void *b)
{
    const struct cm_bytes *x = a, *y = b;
    return cm_bytes_compare(*x, *y);
}

// The rows that must have come: the newest `limit` of all rows of those that answered and of what
// was merged of the others before they left.
static void check_rows(bool ordered)
{
    struct cm_bytes all[WORLD_NODES * WORLD_ROWS];
    size_t count = 0;
    for (size_t i = 0; i < WORLD_NODES; i++) {
        struct node *node = &world->nodes[i];
        const struct cm_account *account = world_account(world, node->agency);
        size_t whole = account->outcome == CM_OUTCOME_ANSWERED ? node->row_count : node->merged;
        for (size_t row = 0; row < whole; row++) {
            all[count++] = cm_buf_bytes(&node->keys[row]);
        }
    }
    qsort(all, count, sizeof all[0], by_key);
    if (count > world->asked.limit) {
        count = world->asked.limit;
    }
    cr_assert_eq(world->merged, count, "%llu rows of %zu", (unsigned long long)world->merged,
                 count);
    for (size_t i = 0; ordered && i < WORLD_NODES; i++) {
        struct node *node = &world->nodes[i];
        if (node->merged > 0) {
            cr_assert_leq(
                cm_bytes_compare(cm_buf_bytes(&node->keys[node->merged - 1]), all[count - 1]), 0);
        }
        if (node->cut && world_account(world, node->agency)->outcome == CM_OUTCOME_ANSWERED) {
            cr_assert_gt(
                cm_bytes_compare((struct cm_bytes){node->first_left_out, node->first_left_out_len},
                                 all[count - 1]),
                0, "an earlier row was left out");
        }
    }
}

static void check_account(const struct node *node)
{
    const struct cm_account *account = world_account(world, node->agency);
    cr_assert_not_null(account);
    cr_assert_eq(account->rows, node->merged);
    cr_assert_eq(account->outcome, node->progress);
    if (node->merged > 0) {
        cr_assert(cm_bytes_equal(account->last_key, cm_buf_bytes(&node->keys[node->merged - 1])));
    }
    if (node->checking) {
        cr_assert(cm_digest_equal(&account->last_header, &node->check.previous));
    }
    if (account->outcome == CM_OUTCOME_ANSWERED) {
        cr_assert_eq(account->more_matched,
                     node->merged < node->row_count ||
                         (node->merged == world->asked.limit && !node->check.final));
    }
    cr_assert(cm_digest_equal(&account->record_digest, &node->record));
    cr_assert_eq(node->refusal_seen, account->outcome == CM_OUTCOME_REFUSED);
}

static void check_manifest(void)
{
    cr_assert(world->finished && world->status == CM_OK && world->has_manifest);
    cr_assert_eq(world->asked_before_record, 0);
    cr_assert_leq(world->manifest_at, world->begun + world->asked.deadline_ms);
    cr_assert(cm_digest_equal(&world->manifest.query_digest, &world->digest));
    uint32_t sum = 0;
    for (int i = 0; i < CM_OUTCOME_COUNT; i++) {
        sum += world->manifest.counts[i];
    }
    cr_assert_eq(sum, WORLD_NODES);
    cr_assert_eq(world->manifest.rows, world->merged);
    for (size_t i = 0; i < WORLD_NODES; i++) {
        check_account(&world->nodes[i]);
    }
}

// What may come of a node of that manner; a limit may be reached before it shows.
static void check_outcome(const struct node *node, bool limited, bool ordered)
{
    static const enum cm_outcome expected[MANNERS] = {
        [HONEST] = CM_OUTCOME_ANSWERED,
        [SLOW_FIRST] = CM_OUTCOME_LATE,
        [SLOW_LATER] = CM_OUTCOME_LATE,
        [DIES_BEFORE] = CM_OUTCOME_OFFLINE,
        [DIES_BETWEEN] = CM_OUTCOME_FAILED,
        [ALTERS_ROW] = CM_OUTCOME_FAILED,
        [OTHER_QUERY] = CM_OUTCOME_FAILED,
        [WITHHOLDS] = CM_OUTCOME_FAILED,
        [GARBAGE] = CM_OUTCOME_FAILED,
        [REFUSES] = CM_OUTCOME_REFUSED,
        [FORGES_REFUSAL] = CM_OUTCOME_FAILED,
        [WITHDRAWS] = CM_OUTCOME_WITHDRAWN,
        [NOT_ATTACHED] = CM_OUTCOME_DETACHED,
        [WAITS_FOR_CREDIT] = CM_OUTCOME_ANSWERED,
        [SHOWS_NO_RECORD] = CM_OUTCOME_FAILED,
        [SHOWS_OLD_RECORD] = CM_OUTCOME_FAILED,
        [SHOWS_OTHERS_RECORD] = CM_OUTCOME_FAILED,
        [SHOWS_DENIAL] = CM_OUTCOME_FAILED,
        [SHOWS_LONG_RECORD] = CM_OUTCOME_FAILED,
    };
    enum cm_outcome outcome = world_account(world, node->agency)->outcome;
    bool one_batch = node->row_count <= node->batch_rows;
    bool harmless =
        ((node->manner == SLOW_LATER || node->manner == DIES_BETWEEN) && one_batch) ||
        ((node->manner == ALTERS_ROW || node->manner == WITHHOLDS) && node->row_count == 0);
    bool cut_off =
        limited && (outcome == CM_OUTCOME_ANSWERED || (outcome == CM_OUTCOME_LATE && !ordered));
    if (!cut_off) {
        cr_assert_eq(outcome, harmless ? CM_OUTCOME_ANSWERED : expected[node->manner],
                     "%s: manner %d came to %s", node->agency, (int)node->manner,
                     cm_outcome_name(outcome));
    }
}

static void one_seed(uint64_t seed, bool ordered)
{
    world_begin(world, seed);
    unsigned bad = world_draw(world, 4);
    for (unsigned i = 0; i < bad; i++) {
        world->nodes[world_draw(world, WORLD_NODES)].manner =
            (enum manner)world_draw(world, MANNERS);
    }
    world->asked.order = ordered ? CM_ORDER_TIME_DESCENDING : CM_ORDER_UNORDERED;
    bool limited = world_draw(world, 2);
    world->asked.limit = limited ? 1 + world_draw(world, 150) : 1000;
    world->stall_ms = world_draw(world, 4);
    world_ask(world);
    check_manifest();
    check_rows(ordered);
    for (size_t i = 0; i < WORLD_NODES; i++) {
        check_outcome(&world->nodes[i], limited, ordered);
    }
}

static uint64_t seeds(void)
{
    const char *given = getenv("COMITY_SEEDS");
    return given ? strtoull(given, NULL, 10) : 400;
}

Test(gateway_query, merged_rows_are_the_newest_of_all_whoever_misbehaves)
{
    for (uint64_t seed = 1; seed <= seeds(); seed++) {
        one_seed(seed, true);
    }
}

Test(gateway_query, unordered_rows_are_each_of_all_once)
{
    for (uint64_t seed = 1; seed <= seeds() / 2; seed++) {
        one_seed(1000000 + seed, false);
    }
}

Test(gateway_query, the_deadline_holds_when_nobody_answers)
{
    static const uint32_t deadlines[] = {500, 1000, 10000, 60000};
    for (size_t d = 0; d < 4; d++) {
        world_begin(world, 3 + d);
        for (size_t i = 0; i < WORLD_NODES; i++) {
            world->nodes[i].manner = SLOW_FIRST;
        }
        world->asked.deadline_ms = deadlines[d];
        world_ask(world);
        check_manifest();
        cr_assert_eq(world->manifest.counts[CM_OUTCOME_LATE], WORLD_NODES);
        cr_assert_eq(world->manifest.rows, 0);
        // A quarter of the time, two seconds at most: the slow don't use up the others' time.
        cr_assert_leq(world->manifest_at - world->begun, deadlines[d] / 4 + 100);
        cr_assert_leq(world->manifest_at - world->begun, 2100);
    }
}

Test(gateway_query, a_caller_that_stalls_costs_no_node_its_place)
{
    world_begin(world, 11);
    for (size_t i = 0; i < WORLD_NODES; i++) {
        node_rows(world, &world->nodes[i], 40);
        world->nodes[i].batch_rows = 5;
    }
    world->stall_once_ms = 4000;
    world_ask(world);
    check_manifest();
    cr_assert_eq(world->manifest.counts[CM_OUTCOME_ANSWERED], WORLD_NODES);
    cr_assert_eq(world->manifest.rows, WORLD_NODES * 40);
    cr_assert_geq(world->manifest_at - world->begun, 4000);
}

// The directory goes out first; who refuses meanwhile was asked all the same.
Test(gateway_query, who_refuses_before_the_caller_hears_of_it_is_listed_as_asked)
{
    world_begin(world, 12);
    world->nodes[1].manner = REFUSES;
    world->serial_ahead = UINT64_MAX; // one behind
    world->stall_once_ms = 400;
    world_ask(world);
    check_manifest();
    cr_assert(world->nodes[1].listed);
    cr_assert(world->nodes[1].refusal_seen);
}

// The worker found the refusal's rules and hasn't said so yet: they are not in the account.
Test(gateway_query, a_refusal_that_is_too_late_leaves_the_account_as_it_was)
{
    world_begin(world, 24);
    world->nodes[1].manner = REFUSES;
    world->report_ms = 20000;
    world_ask(world);
    check_manifest();
    const struct cm_account *account = world_account(world, world->nodes[1].agency);
    cr_assert_eq(account->outcome, CM_OUTCOME_LATE);
    cr_assert(cm_digest_equal(&account->rules_digest, &world->nodes[1].standing->digest));
}

Test(gateway_query, a_caller_that_takes_nothing_is_cut_off)
{
    world_begin(world, 12);
    world->asked.deadline_ms = 2000;
    world->stall_once_ms = 100000;
    world_ask(world);
    cr_assert(world->finished);
    cr_assert_eq(world->status, CM_LATE);
    cr_assert_not(world->has_manifest);
}

Test(gateway_query, nobody_is_asked_when_it_cant_be_recorded)
{
    world_begin(world, 13);
    world->append_fails = true;
    world_ask(world);
    cr_assert_eq(world->status, CM_UNAVAILABLE);
    for (size_t i = 0; i < WORLD_NODES; i++) {
        cr_assert_eq(world->nodes[i].asks, 0);
    }
}

Test(gateway_query, a_record_that_takes_too_long_asks_nobody)
{
    world_begin(world, 14);
    world->asked.deadline_ms = 500;
    world->append_ms = 700;
    world_ask(world);
    cr_assert_eq(world->status, CM_LATE);
    for (size_t i = 0; i < WORLD_NODES; i++) {
        cr_assert_eq(world->nodes[i].asks, 0);
    }
}

Test(gateway_query, a_caller_that_goes_away_leaves_nothing_behind)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        world_begin(world, 500 + seed);
        world->gone_early = true;
        world->stall_ms = 10;
        world_ask(world);
        for (size_t i = 0; i < WORLD_NODES; i++) {
            cr_assert_null(world->nodes[i].call);
        }
    }
}

Test(gateway_query, the_same_query_again_is_refused)
{
    world_begin(world, 15);
    struct cm_buf request = {0};
    world_request(world, &request);
    world_ask_again(world, cm_buf_bytes(&request));
    cr_assert_eq(world->status, CM_OK);
    for (size_t i = 0; i < WORLD_NODES; i++) {
        world->nodes[i].asks = 0;
    }
    world_ask_again(world, cm_buf_bytes(&request));
    cr_assert_eq(world->status, CM_REPLAYED);
    for (size_t i = 0; i < WORLD_NODES; i++) {
        cr_assert_eq(world->nodes[i].asks, 0);
    }
    cm_buf_clear(&request);
}

Test(gateway_query, another_node_of_the_agency_answers_when_one_dies)
{
    world_begin(world, 16);
    world->nodes[2].manner = DIES_BEFORE;
    world->nodes[2].sessions = 3;
    world_ask(world);
    check_manifest();
    // Each session dies in turn: three attempts, and no more.
    cr_assert_eq(world->nodes[2].asks, CM_CALL_ATTEMPTS);
    cr_assert_eq(world_account(world, world->nodes[2].agency)->outcome, CM_OUTCOME_OFFLINE);
    cr_assert_eq(world->manifest.counts[CM_OUTCOME_ANSWERED], WORLD_NODES - 1);
}

// Fewer rows than the limit are still the first of all that are not withdrawn.
static void check_prefix(void)
{
    struct cm_bytes last = {world->last_key, world->last_key_len};
    for (size_t i = 0; i < WORLD_NODES; i++) {
        const struct node *node = &world->nodes[i];
        bool answered = world_account(world, node->agency)->outcome == CM_OUTCOME_ANSWERED;
        if (world->asked.order == CM_ORDER_UNORDERED || !answered) {
            continue;
        }
        cr_assert(node->cut || node->merged == node->row_count ||
                  cm_bytes_equal(last, cm_buf_bytes(&node->keys[node->merged - 1])));
        if (node->cut) {
            struct cm_bytes left_out = {node->first_left_out, node->first_left_out_len};
            cr_assert_gt(cm_bytes_compare(left_out, last), 0, "an earlier row was left out");
        }
    }
}

// Whatever is held of it then: a row that goes out after its withdrawal is one too many.
Test(gateway_query, no_row_goes_out_once_its_agency_has_withdrawn)
{
    unsigned withdrawn = 0;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        world_begin(world, 7000 + seed);
        world->asked.order = seed % 3 ? CM_ORDER_TIME_DESCENDING : CM_ORDER_UNORDERED;
        world->asked.limit = seed % 2 ? 1000 : 1 + world_draw(world, 60);
        world->stall_ms = 20;
        struct node *node = &world->nodes[world_draw(world, WORLD_NODES)];
        world->withdraws = node;
        world->withdraws_ms = 5 + world_draw(world, 150);
        world_ask(world);
        if (!node->withdrawn) {
            continue;
        }
        cr_assert_eq(node->merged, node->merged_before, "seed %d", (int)seed);
        check_manifest();
        cr_assert_eq(world_account(world, node->agency)->outcome, CM_OUTCOME_WITHDRAWN);
        check_prefix();
        withdrawn++;
    }
    cr_assert_gt(withdrawn, 50);
}

// The caller's certificate stays good: it is another key of that person that signed.
static void revoke_signer(unsigned after_ms)
{
    world->asked.key_hash = *cm_signer_key_hash(world->signs->signer);
    world->next_trust_ms = after_ms;
    world_ask(world);
}

Test(gateway_query, whose_key_is_revoked_meanwhile_gets_no_answer)
{
    const struct pki_leaf leaf = {
        .agency = "ca.northport.pd", .role = CM_ROLE_INVESTIGATOR, .name = "inv-1"};
    const struct pki_identity *calls = pki_identity(world->pki, leaf.agency, leaf.role, leaf.name);
    const struct pki_identity *signs = pki_leaf(world->pki, &leaf);
    cr_assert_neq(calls, signs);
    cr_assert_eq(calls, pki_identity(world->pki, leaf.agency, leaf.role, leaf.name));
    pki_revoke(world->pki, "ca.northport.pd", signs, world->pki->now_ms - 1000);
    struct cm_trust *revoked = pki_trust(world->pki);
    for (unsigned ms = 0; ms < 30; ms++) {
        world_begin(world, 900 + ms);
        world->signs = signs;
        world->next_trust = revoked;
        // A stall of the caller: no query ends before.
        world->stall_once_ms = 1000;
        revoke_signer(ms);
        cr_assert_eq(world->status, CM_UNAUTHENTICATED, "after %u ms: %s", ms,
                     cm_status_name(world->status));
        cr_assert_not(world->has_manifest);
    }
    world_begin(world, 899);
    world->signs = signs;
    world->next_trust = NULL;
    revoke_signer(0);
    cr_assert_eq(world->status, CM_OK);
    cm_trust_unref(revoked);
}

Test(gateway_query, a_node_is_waited_for_from_when_it_could_send)
{
    world_begin(world, 21);
    world->nodes[1].manner = WAITS_FOR_CREDIT;
    world->nodes[1].credit_ms = 1500;
    world_ask(world);
    check_manifest();
    cr_assert_eq(world->manifest.counts[CM_OUTCOME_ANSWERED], WORLD_NODES);
    world_begin(world, 22);
    world->nodes[1].manner = WAITS_FOR_CREDIT;
    world->nodes[1].credit_ms = 2500; // who gives no credits costs the others no more
    world_ask(world);
    check_manifest();
    cr_assert_eq(world_account(world, world->nodes[1].agency)->outcome, CM_OUTCOME_LATE);
    cr_assert_leq(world->manifest_at - world->begun, 2100);
}

Test(gateway_query, an_older_directory_is_told_before_what_is_not_served)
{
    world_begin(world, 23);
    world->serial_ahead = 1;
    world->gateway.actions = 0;
    world_ask(world);
    cr_assert_eq(world->status, CM_STALE);
    world->serial_ahead = 0;
    world_ask(world);
    cr_assert_eq(world->status, CM_NOT_SERVED);
    world->gateway.actions = 1u << CM_ACTION_LOOKUP;
}

Test(gateway_query, only_named_agencies_are_asked)
{
    static const char *const named[] = {"ca.milltown.pd", "ca.southgate.pd"};
    world_begin(world, 17);
    world->asked.agencies = named;
    world->asked.agency_count = 2;
    world_ask(world);
    cr_assert_eq(world->status, CM_OK);
    cr_assert_eq(world->manifest.counts[CM_OUTCOME_ANSWERED], 2);
    cr_assert_eq(world->manifest.counts[CM_OUTCOME_NOT_NAMED], WORLD_NODES - 2);
    cr_assert_eq(world->manifest.account_count, 2);
    for (size_t i = 0; i < WORLD_NODES; i++) {
        cr_assert_eq(world->nodes[i].asks, i == 2 || i == 4);
    }
}

Test(gateway_query, what_is_held_is_given_back_and_too_much_refuses_new_queries)
{
    world_begin(world, 19);
    struct cm_admission other = {0};
    struct cm_buf request = {0};
    world_request(world, &request);
    cm_admit_hold(world->gateway.admit, &other, 0, 1024 * 1024);
    world->held_by_others = 1024 * 1024;
    world_ask_again(world, cm_buf_bytes(&request));
    cm_admit_hold(world->gateway.admit, &other, 1024 * 1024, 0);
    world->held_by_others = 0;
    cm_buf_clear(&request);
    cr_assert_eq(world->status, CM_EXHAUSTED);
    cr_assert_gt(world->error.retry_after_ms, 0);
}

Test(gateway_query, a_purpose_may_cap_how_many_are_reached)
{
    world_begin(world, 20);
    const struct cm_purpose *purpose =
        cm_directory_purpose(cm_trust_directory(world->trust), "vehicle-theft");
    struct cm_purpose *capped = (struct cm_purpose *)(uintptr_t)purpose;
    capped->fan_out_cap = WORLD_NODES - 1;
    world_ask(world);
    cr_assert_eq(world->status, CM_EXHAUSTED);
    cr_assert_str_eq(world->error.where, "purpose");
    cr_assert_eq(world->appended, 0);
    capped->fan_out_cap = WORLD_NODES;
    world_ask(world);
    cr_assert_eq(world->status, CM_OK);
}

Test(gateway_query, a_closed_gateway_sends_callers_elsewhere)
{
    world_begin(world, 18);
    world->gateway.closed = "this gateway is shutting down";
    world_ask(world);
    world->gateway.closed = NULL;
    cr_assert_eq(world->status, CM_UNAVAILABLE);
}
