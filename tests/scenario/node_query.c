#include "node_world.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char shares[] =
    "site pier = cam-01\n"
    "permit " WORLD_ASKER " to lookup for homicide back 30 days see place\n"
    "forbid not self at pier see place\n";
static const char shares_nothing[] = "permit self to any for any back all see all\n";
static const char limited[] = "permit " WORLD_ASKER " to lookup for homicide back 30 days see all\n"
                              "    limit 3/day per investigator\n";

static struct world world;

static void with(const char *rules, size_t rows)
{
    world_new(&world, 1, rules);
    world_fill(&world, rows);
}

Test(node_query, answers_with_the_rows_and_fields_that_the_rules_show)
{
    with(shares, 40);
    const uint64_t ask = world_lookup(&world, 1000);
    world_run(&world);
    cr_assert_eq(world_expect_answered(&world, ask), 40);
    struct world_said *said = world_said(&world, ask);
    cr_assert_eq(said->headers[0].count, 16);
    cr_assert_not(said->headers[said->batch_count - 1].more_matched);
    cr_assert(cm_digest_equal(&said->headers[0].rules_digest, &world.rules_digest));
    for (size_t i = 0; i < 16; i++) {
        struct cm_detection row;
        cr_assert_eq(cm_row_decode(&row, world.arena, said->batches[0].rows[i].row, NULL), CM_OK);
        cr_assert_eq(row.captured_at_ms, world.rows[i].captured_at_ms);
        cr_assert_eq(row.present, i % 2 ? 0 : 1u << CM_FIELD_PLACE, "row %zu", i);
        cr_assert_str_eq(row.camera, "");
    }
    cr_assert_eq(world.entry_count, 1);
    cr_assert(world.entries[0].permitted);
    cr_assert_eq(world.kept, 1);
    world_free(&world);
}

Test(node_query, pushes_the_limit_down_and_says_that_more_matched)
{
    with(shares, 40);
    const uint64_t twenty = world_lookup(&world, 20);
    const uint64_t all = world_lookup(&world, 40);
    world_run(&world);
    cr_assert_eq(world_expect_answered(&world, twenty), 20);
    cr_assert_eq(world_expect_answered(&world, all), 40);
    struct world_said *said = world_said(&world, twenty);
    cr_assert(said->headers[said->batch_count - 1].more_matched);
    said = world_said(&world, all);
    cr_assert_not(said->headers[said->batch_count - 1].more_matched);
    world_free(&world);
}

Test(node_query, long_keys_count_against_a_batch_too)
{
    with(shares, 600);
    for (size_t i = 0; i < 600; i++) {
        memset(world.event_ids[i] + 7, 'x', CM_MAX_EVENT_ID - 7);
    }
    const uint64_t id = world_lookup(&world, 600);
    world_run(&world);
    cr_assert_eq(world_expect_answered(&world, id), 600);
    world_free(&world);
}

Test(node_query, a_gateway_cannot_raise_the_limit_that_was_signed)
{
    with(shares, 40);
    struct world_ask ask;
    world_question(&world, &ask);
    ask.query.limit = 5;
    ask.ask.limit = 1000;
    world_record(&world, &ask);
    const uint64_t id = world_send(&world, &ask);
    world_run(&world);
    cr_assert_eq(world_expect_answered(&world, id), 5);
    world_free(&world);
}

Test(node_query, answers_only_what_is_meant_for_it)
{
    static const char *const other[] = {WORLD_OTHER};
    static const char *const both[] = {WORLD_OTHER, WORLD_OWNER};
    with(shares, 5);
    struct world_ask ask;
    world_question(&world, &ask);
    ask.query.agencies = other;
    ask.query.agency_count = 1;
    world_record(&world, &ask);
    const uint64_t not_meant = world_send(&world, &ask);
    world_question(&world, &ask);
    ask.query.agencies = both;
    ask.query.agency_count = 2;
    world_record(&world, &ask);
    const uint64_t meant = world_send(&world, &ask);
    world_run(&world);
    world_expect_refused(&world, not_meant, CM_REFUSAL_BAD_RECORD);
    cr_assert_eq(world_expect_answered(&world, meant), 5);
    world_free(&world);
}

Test(node_query, an_answer_without_rows_is_one_final_header)
{
    with(shares, 0);
    const uint64_t ask = world_lookup(&world, 10);
    world_run(&world);
    cr_assert_eq(world_expect_answered(&world, ask), 0);
    cr_assert_eq(world_said(&world, ask)->batch_count, 1);
    world_free(&world);
}

Test(node_query, shows_no_row_older_than_the_rules_allow)
{
    with("permit " WORLD_ASKER " to lookup for homicide back 10 minutes see all\n", 40);
    const uint64_t ask = world_lookup(&world, 1000);
    world_run(&world);
    cr_assert_eq(world_expect_answered(&world, ask), 10);
    const struct cm_header *header = &world_said(&world, ask)->headers[0];
    // Ages count whole seconds: 10 minutes and 999 ms are still 10 minutes.
    cr_assert_eq(header->visible_from_ms, world.wall_ms - 600999);
    world_free(&world);
}

Test(node_query, reads_nothing_before_entry_and_checkpoint_are_durable)
{
    with(shares, 40);
    world.store_held = true;
    const uint64_t ask = world_lookup(&world, 1000);
    world_run(&world);
    cr_assert_eq(world.event_count, 2);
    cr_assert_eq(world.finds, 0);
    world.store_held = false;
    world_run(&world);
    cr_assert_eq(world_expect_answered(&world, ask), 40);
    world_free(&world);
}

Test(node_query, what_cannot_be_recorded_is_refused)
{
    with(shares, 40);
    world.append_status = CM_UNAVAILABLE;
    const uint64_t first = world_lookup(&world, 1000);
    world_run(&world);
    world_expect_refused(&world, first, CM_REFUSAL_UNAVAILABLE);
    world.append_status = CM_OK;
    world.keep_status = CM_UNAVAILABLE;
    const uint64_t second = world_lookup(&world, 1000);
    world_run(&world);
    world_expect_refused(&world, second, CM_REFUSAL_UNAVAILABLE);
    cr_assert_eq(world.finds, 0);
    world_free(&world);
}

Test(node_query, denies_and_records_what_no_rule_permits)
{
    with(shares_nothing, 40);
    const uint64_t ask = world_lookup(&world, 1000);
    world_run(&world);
    world_expect_refused(&world, ask, CM_REFUSAL_NOT_PERMITTED);
    cr_assert_str_eq(world_said(&world, ask)->refusal.text, "");
    cr_assert_eq(world.entry_count, 1);
    cr_assert_not(world.entries[0].permitted);
    cr_assert_eq(world.entries[0].refusal, CM_REFUSAL_NOT_PERMITTED);
    cr_assert_eq(world.finds, 0);
    world_free(&world);
}

Test(node_query, says_why_only_under_disclose_denial)
{
    with("disclose denial\npermit self to any for any back all see all\n", 1);
    const uint64_t ask = world_lookup(&world, 1000);
    world_run(&world);
    world_expect_refused(&world, ask, CM_REFUSAL_NOT_PERMITTED);
    cr_assert_gt(strlen(world_said(&world, ask)->refusal.text), 10);
    world_free(&world);
}

Test(node_query, without_rules_nothing_is_shared)
{
    with(NULL, 40);
    struct world_ask ask;
    world_question(&world, &ask);
    ask.leaf.rules_sequence = 1;
    ask.leaf.rules_digest.b[0] = 1;
    world_record(&world, &ask);
    const uint64_t id = world_send(&world, &ask);
    world_run(&world);
    world_expect_refused(&world, id, CM_REFUSAL_NOT_PERMITTED);
    cr_assert_eq(world.finds, 0);
    world_free(&world);
}

Test(node_query, a_query_is_answered_once)
{
    with(shares, 5);
    struct world_ask first, second;
    world_question(&world, &first);
    world_question(&world, &second);
    second.query = first.query;
    world_record(&world, &first);
    world_record(&world, &second);
    const uint64_t answered = world_send(&world, &first);
    const uint64_t replayed = world_send(&world, &second);
    world_run(&world);
    cr_assert_eq(world_expect_answered(&world, answered), 5);
    world_expect_refused(&world, replayed, CM_REFUSAL_REPLAYED);
    cr_assert_eq(world.entry_count, 2);
    world_free(&world);
}

// A gateway, or whoever gets through one, with a query that it captured.
Test(node_query, a_query_sent_again_and_again_fills_no_ledger)
{
    with(shares, 5);
    struct world_ask first, again;
    world_question(&world, &first);
    world_record(&world, &first);
    const uint64_t answered = world_send(&world, &first);
    world_run(&world);
    cr_assert_eq(world_expect_answered(&world, answered), 5);
    for (int i = 0; i < 20; i++) {
        world_question(&world, &again);
        again.query = first.query;
        world_record(&world, &again);
        const uint64_t replayed = world_send(&world, &again);
        world_run(&world);
        world_expect_refused(&world, replayed, CM_REFUSAL_REPLAYED);
    }
    cr_assert_eq(world.entry_count, 2, "the answer and the first of the refusals");
    world.wall_ms += 100000;
    for (int i = 0; i < 20; i++) {
        world_question(&world, &again);
        again.query = first.query;
        world_record(&world, &again);
        const uint64_t stale = world_send(&world, &again);
        world_run(&world);
        world_expect_refused(&world, stale, CM_REFUSAL_STALE);
    }
    cr_assert_eq(world.entry_count, 3);
    cr_assert_eq(cm_denials_take(&world.asker.denials, INT64_MAX), 38);
    world_free(&world);
}

Test(node_query, another_process_that_claimed_it_counts_too)
{
    with(shares, 5);
    world.claim_status = CM_REPLAYED;
    const uint64_t ask = world_lookup(&world, 1000);
    world_run(&world);
    world_expect_refused(&world, ask, CM_REFUSAL_REPLAYED);
    world_free(&world);
}

Test(node_query, a_used_up_limit_covers_nothing)
{
    with(limited, 5);
    const uint64_t within = world_lookup(&world, 1000);
    world_run(&world);
    world.limits_spent = true;
    const uint64_t past = world_lookup(&world, 1000);
    world_run(&world);
    cr_assert_eq(world_expect_answered(&world, within), 5);
    world_expect_refused(&world, past, CM_REFUSAL_NOT_PERMITTED);
    world_free(&world);
}

Test(node_query, a_store_that_is_down_is_said_with_a_signature)
{
    with(shares, 5);
    world.find_status = CM_UNAVAILABLE;
    const uint64_t read = world_lookup(&world, 1000);
    world_run(&world);
    world_expect_refused(&world, read, CM_REFUSAL_UNAVAILABLE);
    world.find_status = CM_OK;
    world.claim_status = CM_UNAVAILABLE;
    const uint64_t claim = world_lookup(&world, 1000);
    world_run(&world);
    world_expect_refused(&world, claim, CM_REFUSAL_UNAVAILABLE);
    cr_assert_eq(world.entry_count, 2, "the attempts are recorded");
    world_free(&world);
}

Test(node_query, a_store_that_fails_midway_ends_the_answer_unfinished)
{
    with(shares, 300);
    world.next_fails_at = 3;
    const uint64_t ask = world_lookup(&world, 1000);
    world_run(&world);
    const struct world_said *said = world_said(&world, ask);
    cr_assert(said->opened && said->cancelled && !said->finished && !said->refused);
    world_free(&world);
}

Test(node_query, a_later_rule_set_withdraws_what_is_in_flight)
{
    with(shares, 1000);
    const uint64_t ask = world_lookup(&world, 1000);
    while (world_said(&world, ask)->batch_count < 2) {
        cr_assert(world_step(&world));
    }
    world_rules(&world, shares_nothing);
    cm_node_queries_withdraw(&world.node);
    const size_t sent = world_said(&world, ask)->batch_count;
    world_run(&world);
    const struct world_said *said = world_said(&world, ask);
    cr_assert(said->withdrawn && said->cancelled && !said->finished);
    cr_assert_eq(said->batch_count, sent);
    world_free(&world);
}

Test(node_query, rules_of_its_history_are_a_fit_ground_to_ask_on)
{
    with(shares, 5);
    struct world_ask ask;
    world_question(&world, &ask);
    world_rules(&world, "permit " WORLD_ASKER " to lookup for homicide back all see all\n");
    world_record(&world, &ask);
    const uint64_t id = world_send(&world, &ask);
    world_run(&world);
    cr_assert_eq(world_expect_answered(&world, id), 5);
    cr_assert(
        cm_digest_equal(&world_said(&world, id)->headers[0].rules_digest, &world.rules_digest),
        "judged by the newest");
    world_free(&world);
}

// What a gateway could lie about.

static void lie_entry_of_another_query(struct world_ask *ask)
{
    ask->entry.digest.b[0] = 1;
}

static void lie_commitments(struct world_ask *ask)
{
    ask->entry.commitments.plate.b[0] = 1;
}

static void lie_recorded_later(struct world_ask *ask)
{
    ask->entry.recorded_ms += 60000;
}

static void lie_entry_kind(struct world_ask *ask)
{
    ask->entry.kind = CM_ENTRY_REACH;
}

static void lie_leaf_of_another(struct world_ask *ask)
{
    ask->leaf.agency = WORLD_OTHER;
}

static void lie_leaf_denies(struct world_ask *ask)
{
    ask->leaf.permitted = false;
}

static void lie_rules_sequence(struct world_ask *ask)
{
    ask->leaf.rules_sequence++;
}

static void lie_rules_digest(struct world_ask *ask)
{
    ask->leaf.rules_digest.b[0] ^= 1;
}

Test(node_query, catches_what_a_gateway_records_falsely)
{
    static void (*const lies[])(struct world_ask * ask) = {
        lie_entry_of_another_query, lie_commitments, lie_recorded_later, lie_entry_kind,
        lie_leaf_of_another,        lie_leaf_denies, lie_rules_sequence, lie_rules_digest,
    };
    with(shares, 5);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct world_ask ask;
        world_question(&world, &ask);
        lies[i](&ask);
        world_record(&world, &ask);
        const uint64_t id = world_send(&world, &ask);
        world_run(&world);
        world_expect_refused(&world, id, CM_REFUSAL_BAD_RECORD);
        cr_assert_eq(world.entry_count, i + 1, "recorded");
        cr_assert_eq(world.entries[i].refusal, CM_REFUSAL_BAD_RECORD);
    }
    cr_assert_eq(world.finds, 0);
    const uint64_t honest = world_lookup(&world, 1000);
    world_run(&world);
    cr_assert_eq(world_expect_answered(&world, honest), 5);
    world_free(&world);
}

static struct cm_digest spoilt;

static void spoil_leaf_path(struct world_ask *ask)
{
    spoilt = (struct cm_digest){{1}};
    ask->ask.leaf_path = &spoilt;
    ask->ask.leaf_path_count = 1;
}

static void spoil_leaf_index(struct world_ask *ask)
{
    ask->ask.leaf_index = 0;
}

static void spoil_inclusion_index(struct world_ask *ask)
{
    ask->ask.inclusion.index--;
}

static void spoil_inclusion_size(struct world_ask *ask)
{
    ask->ask.inclusion.size--;
}

static void spoil_checkpoint(struct world_ask *ask)
{
    // Another signature than the gateway's: one of its bytes changed.
    uint8_t *note = (uint8_t *)(uintptr_t)ask->ask.checkpoint.data;
    uint8_t *byte = note + ask->ask.checkpoint.len - 20;
    *byte = *byte == 'A' ? 'B' : 'A';
}

Test(node_query, catches_proofs_that_do_not_hold)
{
    static void (*const spoils[])(struct world_ask * ask) = {
        spoil_leaf_path,      spoil_leaf_index, spoil_inclusion_index,
        spoil_inclusion_size, spoil_checkpoint,
    };
    for (size_t i = 0; i < sizeof spoils / sizeof *spoils; i++) {
        struct world_ask ask;
        with(shares, 5);
        world_lookup(&world, 10);
        world_lookup(&world, 10);
        world_question(&world, &ask);
        world_record(&world, &ask);
        spoils[i](&ask);
        const uint64_t id = world_send(&world, &ask);
        world_run(&world);
        world_expect_refused(&world, id, CM_REFUSAL_BAD_RECORD);
        cr_assert_eq(world.finds, 2);
        world_free(&world);
    }
}

Test(node_query, catches_a_checkpoint_of_another_ledger)
{
    with(shares, 5);
    struct world_ask ask;
    char origin[CM_MAX_ORIGIN + 1];
    memcpy(origin, world.asker.origin, sizeof origin);
    world_question(&world, &ask);
    snprintf(world.asker.origin, sizeof world.asker.origin, "valley.test/gateway/gw-2");
    world_record(&world, &ask);
    memcpy(world.asker.origin, origin, sizeof origin);
    const uint64_t id = world_send(&world, &ask);
    world_run(&world);
    world_expect_refused(&world, id, CM_REFUSAL_BAD_RECORD);
    world_free(&world);
}

Test(node_query, catches_a_split_view)
{
    with(shares, 5);
    const uint64_t first = world_lookup(&world, 10);
    world_run(&world);
    cr_assert_eq(world_expect_answered(&world, first), 5);
    // A second ledger, signed by the same gateway, that never held the first entry.
    struct cm_merkle *true_tree = world.tree;
    struct cm_digest other;
    cm_merkle_leaf(&other, cm_bytes_of("something else"));
    cr_assert_eq(cm_merkle_new(&world.tree), CM_OK);
    cr_assert_eq(cm_merkle_add(world.tree, &other), CM_OK);
    const uint64_t second = world_lookup(&world, 10);
    world_run(&world);
    world_expect_refused(&world, second, CM_REFUSAL_BAD_RECORD);
    cr_assert_eq(world.asker.head.size, 1, "what was verified stays");
    cm_merkle_free(world.tree);
    world.tree = true_tree;
    world.sent_size = 1;
    const uint64_t third = world_lookup(&world, 10);
    world_run(&world);
    cr_assert_eq(world_expect_answered(&world, third), 5);
    world_free(&world);
}

Test(node_query, catches_a_ledger_that_went_back)
{
    with(shares, 5);
    world_lookup(&world, 10);
    world_lookup(&world, 10);
    world_run(&world);
    struct world_ask ask;
    world_question(&world, &ask);
    cm_merkle_free(world.tree);
    cr_assert_eq(cm_merkle_new(&world.tree), CM_OK);
    world.sent_size = 0;
    world_record(&world, &ask);
    const uint64_t id = world_send(&world, &ask);
    world_run(&world);
    world_expect_refused(&world, id, CM_REFUSAL_BAD_RECORD);
    world_free(&world);
}

// What a requester could lie about.

Test(node_query, a_bad_signature_is_refused_and_fills_no_ledger)
{
    with(shares, 5);
    struct world_ask ask;
    world_question(&world, &ask);
    world_record(&world, &ask);
    ask.ask.query.signatures[0].sig[5] ^= 1;
    const uint64_t id = world_send(&world, &ask);
    world_run(&world);
    world_expect_refused(&world, id, CM_REFUSAL_UNAUTHENTICATED);
    cr_assert_eq(world.entry_count, 0);
    world_free(&world);
}

Test(node_query, the_wrong_role_is_refused_and_recorded)
{
    with(shares, 5);
    struct world_ask ask;
    world_question(&world, &ask);
    ask.signer = pki_signer(world.pki, WORLD_ASKER, CM_ROLE_AUDITOR, "max");
    ask.query.signer = cm_signer_spiffe(ask.signer);
    ask.query.key_hash = *cm_signer_key_hash(ask.signer);
    world_record(&world, &ask);
    const uint64_t id = world_send(&world, &ask);
    world_run(&world);
    world_expect_refused(&world, id, CM_REFUSAL_FORBIDDEN_ROLE);
    cr_assert_eq(world.entry_count, 1);
    world_free(&world);
}

Test(node_query, an_expired_query_or_another_gateways_is_refused)
{
    with(shares, 5);
    struct world_ask late, elsewhere;
    world_question(&world, &late);
    late.query.issued_ms -= 100000;
    late.query.expires_ms -= 100000;
    world_record(&world, &late);
    world_question(&world, &elsewhere);
    elsewhere.query.gateway = "gw-2";
    world_record(&world, &elsewhere);
    const uint64_t first = world_send(&world, &late);
    const uint64_t second = world_send(&world, &elsewhere);
    world_run(&world);
    world_expect_refused(&world, first, CM_REFUSAL_STALE);
    world_expect_refused(&world, second, CM_REFUSAL_STALE);
    world_free(&world);
}

Test(node_query, what_is_late_ends_by_itself)
{
    with(shares, 300);
    const uint64_t ask = world_lookup(&world, 1000);
    world_step(&world);
    world.mono_ms += 20000;
    world_run(&world);
    const struct world_said *said = world_said(&world, ask);
    cr_assert(!said->opened && !said->refused);
    cr_assert_eq(world.finds, 0);
    world_free(&world);
}

Test(node_query, while_draining_new_ones_are_refused)
{
    with(shares, 300);
    world.node.draining = true;
    const uint64_t ask = world_lookup(&world, 1000);
    world_run(&world);
    world_expect_refused(&world, ask, CM_REFUSAL_UNAVAILABLE);
    world_free(&world);
}

Test(node_query, many_at_once_in_any_order_all_end_well)
{
    for (unsigned seed = 1; seed <= 60; seed++) {
        uint64_t asks[20];
        world_new(&world, seed, shares);
        world_fill(&world, 60);
        for (size_t i = 0; i < 20; i++) {
            asks[i] = world_lookup(&world, 50);
            for (unsigned steps = seed % 7; steps > 0; steps--) {
                world_step(&world);
            }
        }
        world_run(&world);
        for (size_t i = 0; i < 20; i++) {
            cr_assert_eq(world_expect_answered(&world, asks[i]), 50, "seed %u", seed);
        }
        cr_assert_eq(world.kept, 20);
        world_free(&world);
    }
}

// Whatever is cancelled, closed, withdrawn or fails, when: everything ends, nothing twice.
Test(node_query, anything_may_happen_at_any_time)
{
    for (unsigned seed = 1; seed <= 150; seed++) {
        world_new(&world, seed, shares);
        world_fill(&world, 200);
        unsigned dice = seed * 7919;
        uint64_t last = 0;
        for (unsigned i = 0; i < 12; i++) {
            world.submit_fails = 0;
            last = world_lookup(&world, 150);
            world.submit_fails = rand_r(&dice) % 10 == 0 ? 1 : 0;
            for (int steps = rand_r(&dice) % 12; steps > 0; steps--) {
                world_step(&world);
            }
            struct cm_node_query *query =
                cm_node_query_find(&world.node, &world.asker, 1 + (uint64_t)rand_r(&dice) % last);
            if (query && rand_r(&dice) % 3 == 0) {
                cm_node_query_cancel(query);
            }
            world.append_status = rand_r(&dice) % 8 == 0 ? CM_UNAVAILABLE : CM_OK;
            world.next_fails_at = rand_r(&dice) % 5 == 0 ? 2 : 0;
            if (rand_r(&dice) % 10 == 0) {
                world_rules(&world, shares);
                cm_node_queries_withdraw(&world.node);
            }
        }
        if (seed % 3 == 0) {
            cm_node_queries_cancel(&world.node, &world.asker);
        }
        world.submit_fails = 0;
        world_run(&world);
        for (size_t i = 0; i < world.said_count; i++) {
            cr_assert(!world.said[i].opened || world.said[i].closed, "seed %u", seed);
        }
        world_free(&world);
    }
}
