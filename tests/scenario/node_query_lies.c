// What a gateway or a requester could lie about, or send again.
#include "node_world.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static struct world world;

static void with(const char *rules, size_t rows)
{
    world_new(&world, 1, rules);
    world_fill(&world, rows);
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

static void lie_directory_not_sent(struct world_ask *ask)
{
    ask->entry.directory_serial++;
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

Test(node_query_lies, catches_what_a_gateway_records_falsely)
{
    static void (*const lies[])(struct world_ask * ask) = {
        lie_entry_of_another_query,
        lie_directory_not_sent,
        lie_commitments,
        lie_recorded_later,
        lie_entry_kind,
        lie_leaf_of_another,
        lie_leaf_denies,
        lie_rules_sequence,
        lie_rules_digest,
    };
    with(WORLD_SHARES, 5);
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

Test(node_query_lies, catches_proofs_that_do_not_hold)
{
    static void (*const spoils[])(struct world_ask * ask) = {
        spoil_leaf_path,      spoil_leaf_index, spoil_inclusion_index,
        spoil_inclusion_size, spoil_checkpoint,
    };
    for (size_t i = 0; i < sizeof spoils / sizeof *spoils; i++) {
        struct world_ask ask;
        with(WORLD_SHARES, 5);
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

Test(node_query_lies, catches_a_checkpoint_of_another_ledger)
{
    with(WORLD_SHARES, 5);
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

Test(node_query_lies, catches_a_split_view)
{
    with(WORLD_SHARES, 5);
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

Test(node_query_lies, catches_a_ledger_that_went_back)
{
    with(WORLD_SHARES, 5);
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

Test(node_query_lies, a_gateway_cannot_raise_the_limit_that_was_signed)
{
    with(WORLD_SHARES, 40);
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

Test(node_query_lies, answers_only_what_is_meant_for_it)
{
    static const char *const other[] = {WORLD_OTHER};
    static const char *const both[] = {WORLD_OTHER, WORLD_OWNER};
    with(WORLD_SHARES, 5);
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

// What a requester could lie about.

Test(node_query_lies, a_bad_signature_is_refused_and_fills_no_ledger)
{
    with(WORLD_SHARES, 5);
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

Test(node_query_lies, the_wrong_role_is_refused_and_recorded)
{
    with(WORLD_SHARES, 5);
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

Test(node_query_lies, an_expired_query_or_another_gateways_is_refused)
{
    with(WORLD_SHARES, 5);
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

Test(node_query_lies, a_query_is_answered_once)
{
    with(WORLD_SHARES, 5);
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
Test(node_query_lies, a_query_sent_again_and_again_fills_no_ledger)
{
    with(WORLD_SHARES, 5);
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
    cr_assert_eq(world.seen, 41, "what was verified is remembered");
    cr_assert_eq(world.kept, 1);
    cr_assert_eq(cm_denials_take(&world.asker.denials, INT64_MAX), 38);
    world_free(&world);
}

Test(node_query_lies, another_process_that_claimed_it_counts_too)
{
    with(WORLD_SHARES, 5);
    world.claim_status = CM_REPLAYED;
    const uint64_t ask = world_lookup(&world, 1000);
    world_run(&world);
    world_expect_refused(&world, ask, CM_REFUSAL_REPLAYED);
    world_free(&world);
}
