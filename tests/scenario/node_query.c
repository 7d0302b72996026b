// An ask from its arrival to its end, as rules and store allow.
#include "node_world.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

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
    with(WORLD_SHARES, 40);
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
    with(WORLD_SHARES, 40);
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
    with(WORLD_SHARES, 600);
    for (size_t i = 0; i < 600; i++) {
        memset(world.event_ids[i] + 7, 'x', CM_MAX_EVENT_ID - 7);
    }
    const uint64_t id = world_lookup(&world, 600);
    world_run(&world);
    cr_assert_eq(world_expect_answered(&world, id), 600);
    world_free(&world);
}

Test(node_query, an_answer_without_rows_is_one_final_header)
{
    with(WORLD_SHARES, 0);
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
    with(WORLD_SHARES, 40);
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
    with(WORLD_SHARES, 40);
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
    with(WORLD_SHARES_NOTHING, 40);
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
    with(WORLD_SHARES, 5);
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
    with(WORLD_SHARES, 300);
    world.next_fails_at = 3;
    const uint64_t ask = world_lookup(&world, 1000);
    world_run(&world);
    const struct world_said *said = world_said(&world, ask);
    cr_assert(said->opened && said->cancelled && !said->finished && !said->refused);
    world_free(&world);
}

Test(node_query, what_is_late_ends_by_itself)
{
    with(WORLD_SHARES, 300);
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
    with(WORLD_SHARES, 300);
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
        world_new(&world, seed, WORLD_SHARES);
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
        world_new(&world, seed, WORLD_SHARES);
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
                world_rules(&world, WORLD_SHARES);
                cm_node_queries_judge_again(&world.node);
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
