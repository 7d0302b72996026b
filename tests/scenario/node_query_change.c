// Rules and directory that change while asks are under way.
#include "node_world.h"

#include "proto/base/file.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct world world;

static void with(const char *rules, size_t rows)
{
    world_new(&world, 1, rules);
    world_fill(&world, rows);
}

Test(node_query_change, a_later_rule_set_withdraws_what_is_in_flight)
{
    with(WORLD_SHARES, 1000);
    const uint64_t ask = world_lookup(&world, 1000);
    while (world_said(&world, ask)->batch_count < 2) {
        cr_assert(world_step(&world));
    }
    world_rules(&world, WORLD_SHARES_NOTHING);
    cm_node_queries_judge_again(&world.node);
    const size_t sent = world_said(&world, ask)->batch_count;
    world_run(&world);
    const struct world_said *said = world_said(&world, ask);
    cr_assert(said->withdrawn && !said->cancelled && !said->finished);
    cr_assert_eq(said->batch_count, sent);
    world_free(&world);
}

Test(node_query_change, rules_of_its_history_are_a_fit_ground_to_ask_on)
{
    with(WORLD_SHARES, 5);
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

// An ask of whose answer the gateway has two batches.
static uint64_t halfway(const char *rules)
{
    with(rules, 1000);
    const uint64_t ask = world_lookup(&world, 1000);
    while (world_said(&world, ask)->batch_count < 2) {
        cr_assert(world_step(&world));
    }
    return ask;
}

static void expect_withdrawn(uint64_t ask)
{
    cm_node_queries_judge_again(&world.node);
    const struct world_said *said = world_said(&world, ask);
    cr_assert(said->withdrawn, "at once");
    world_run(&world);
    cr_assert(said->closed && !said->cancelled && !said->finished);
    cr_assert_eq(said->batch_count, 2);
    world_free(&world);
}

static void expect_goes_on(uint64_t ask, size_t rows)
{
    cm_node_queries_judge_again(&world.node);
    world_run(&world);
    cr_assert_not(world_said(&world, ask)->withdrawn);
    cr_assert_eq(world_expect_answered(&world, ask), rows);
    world_free(&world);
}

Test(node_query_change, fresh_revocation_lists_end_nothing)
{
    const uint64_t ask = halfway(WORLD_SHARES);
    pki_next(world.pki);
    world_retrust(&world);
    expect_goes_on(ask, 1000);
}

Test(node_query_change, a_set_that_shows_the_same_and_more_ends_nothing)
{
    const uint64_t ask = halfway(WORLD_SHARES);
    world_rules(&world,
                WORLD_SHARES "permit " WORLD_OTHER " to lookup for any back 5 days see place\n");
    expect_goes_on(ask, 1000);
}

Test(node_query_change, less_of_what_was_not_asked_for_ends_nothing)
{
    const uint64_t ask = halfway("permit " WORLD_ASKER " to any for any back all see all\n");
    world_rules(&world, "permit " WORLD_ASKER " to lookup for homicide back 40 days see all\n");
    expect_goes_on(ask, 1000);
}

Test(node_query_change, a_revoked_certificate_ends_what_it_asked)
{
    const uint64_t ask = halfway(WORLD_SHARES);
    pki_next(world.pki);
    pki_revoke(world.pki, WORLD_ASKER,
               pki_identity(world.pki, WORLD_ASKER, CM_ROLE_INVESTIGATOR, "ana"),
               world.wall_ms - 1000);
    world_retrust(&world);
    expect_withdrawn(ask);
}

Test(node_query_change, an_agency_that_left_is_answered_no_further)
{
    const uint64_t ask = halfway(WORLD_SHARES);
    pki_next(world.pki);
    pki_find_agency(world.pki, WORLD_ASKER)->active = false;
    world_retrust(&world);
    expect_withdrawn(ask);
}

Test(node_query_change, a_field_less_ends_it)
{
    const uint64_t ask = halfway(WORLD_SHARES);
    world_rules(&world, "permit " WORLD_ASKER " to lookup for homicide back 30 days see camera\n");
    expect_withdrawn(ask);
}

Test(node_query_change, fewer_days_end_it)
{
    const uint64_t ask = halfway(WORLD_SHARES);
    world_rules(&world, "permit " WORLD_ASKER " to lookup for homicide back 29 days see place\n");
    expect_withdrawn(ask);
}

Test(node_query_change, a_limit_that_it_was_not_charged_to_covers_nothing)
{
    const uint64_t ask = halfway(WORLD_SHARES);
    world_rules(&world, "permit " WORLD_ASKER " to lookup for homicide back 30 days see place\n"
                        "    limit 9/day per investigator\n");
    expect_withdrawn(ask);
}

// A register with one order, "SC-26/0077", as the node has taken it.
static struct cm_orders *a_register(uint64_t sequence, int64_t ended_ms)
{
    char path[512];
    struct cm_buf payload = {0};
    struct cm_buf envelope = {0};
    struct cm_orders *out = NULL;
    const struct cm_court_order order = {.id = "SC-26/0077",
                                         .court = "Superior Court of Alder County",
                                         .from_ms = world.wall_ms - 1000,
                                         .until_ms = world.wall_ms + 3600000,
                                         .ended_ms = ended_ms};
    const struct cm_order_register all = {.federation = world.pki->federation,
                                          .agency = WORLD_OWNER,
                                          .sequence = sequence,
                                          .previous = {{sequence > 1}},
                                          .signed_ms = world.wall_ms,
                                          .order_count = 1,
                                          .orders = &order};
    struct cm_signer *admin = pki_signer(world.pki, WORLD_OWNER, CM_ROLE_ADMIN, "admin");
    snprintf(path, sizeof path, "%s/orders", world.pki->dir);
    cr_assert_eq(cm_order_register_encode(&payload, &all, NULL), CM_OK);
    cr_assert_eq(cm_dsse_sign(&envelope, CM_FAMILY_ORDERS, cm_buf_bytes(&payload), admin, true),
                 CM_OK);
    cr_assert_eq(cm_file_write(path, cm_buf_bytes(&envelope), 0600, NULL), CM_OK);
    cr_assert_eq(cm_orders_read(&out, path, WORLD_OWNER, world.node.trust, world.wall_ms, NULL),
                 CM_OK);
    cm_buf_clear(&payload);
    cm_buf_clear(&envelope);
    return out;
}

static void replace_register(struct cm_orders *orders)
{
    cm_orders_unref(world.node.orders);
    world.node.orders = orders;
}

// Cites the order, where the rules require one.
static uint64_t halfway_by_order(void)
{
    struct world_ask ask;
    with("permit " WORLD_ASKER " to lookup for homicide back 30 days see place\n"
         "    require court-order\n",
         1000);
    world.node.orders = a_register(1, 0);
    world_question(&world, &ask);
    ask.query.court_order = "SC-26/0077";
    world_record(&world, &ask);
    const uint64_t id = world_send(&world, &ask);
    while (world_said(&world, id)->batch_count < 2) {
        cr_assert(world_step(&world));
    }
    return id;
}

Test(node_query_change, a_court_order_that_is_ended_ends_what_it_alone_permits)
{
    const uint64_t ask = halfway_by_order();
    replace_register(a_register(2, world.wall_ms));
    cm_node_queries_judge_again(&world.node);
    cr_expect(world_said(&world, ask)->withdrawn, "at once");
    world_run(&world);
    cr_expect_eq(world_said(&world, ask)->batch_count, 2);
    replace_register(NULL);
    world_free(&world);
}

Test(node_query_change, a_register_with_the_same_order_ends_nothing)
{
    const uint64_t ask = halfway_by_order();
    replace_register(a_register(2, 0));
    cm_node_queries_judge_again(&world.node);
    world_run(&world);
    cr_expect_not(world_said(&world, ask)->withdrawn);
    cr_expect_eq(world_expect_answered(&world, ask), 1000);
    replace_register(NULL);
    world_free(&world);
}

// The summary stays the same, so that only rows tell.
Test(node_query_change, no_row_leaves_that_the_newest_rules_hide)
{
    static const char some[] =
        "site pier = cam-01\nsite quay = cam-03\n"
        "permit " WORLD_ASKER " to lookup for homicide back 30 days see place\n"
        "forbid not self at quay\n";
    static const char other[] =
        "site pier = cam-01\nsite quay = cam-03\n"
        "permit " WORLD_ASKER " to lookup for homicide back 30 days see place\n"
        "forbid not self at pier\n";
    const uint64_t ask = halfway(some);
    world_rules(&world, other);
    cm_node_queries_judge_again(&world.node);
    world_run(&world);
    const struct world_said *said = world_said(&world, ask);
    cr_assert(said->withdrawn && !said->cancelled && !said->finished);
    cr_assert_eq(said->batch_count, 2);
    world_free(&world);
}

// Whenever the change comes, nothing leaves after it but a refusal.
Test(node_query_change, counts_at_every_step)
{
    for (unsigned steps = 0; steps < 40; steps++) {
        with(WORLD_SHARES, 200);
        const uint64_t ask = world_lookup(&world, 200);
        for (unsigned i = 0; i < steps; i++) {
            (void)world_step(&world);
        }
        struct world_said *said = world_said(&world, ask);
        const bool over = cm_node_query_find(&world.node, &world.asker, ask) == NULL;
        pki_next(world.pki);
        pki_revoke(world.pki, WORLD_ASKER,
                   pki_identity(world.pki, WORLD_ASKER, CM_ROLE_INVESTIGATOR, "ana"),
                   world.wall_ms - 1000);
        world_retrust(&world);
        cm_node_queries_judge_again(&world.node);
        const size_t sent = said->batch_count;
        world_run(&world);
        cr_assert_eq(said->batch_count, sent, "after %u steps", steps);
        cr_assert_not(said->cancelled, "it could overtake, after %u steps", steps);
        cr_assert(over || said->withdrawn || said->refused, "after %u steps", steps);
        world_free(&world);
    }
}

Test(node_query_change, an_answer_sent_whole_is_withdrawn_while_the_gateway_may_hold_it)
{
    with(WORLD_SHARES, 20);
    const uint64_t ask = world_lookup(&world, 20);
    while (!world_said(&world, ask)->finished) {
        cr_assert(world_step(&world));
    }
    world_rules(&world, WORLD_SHARES_NOTHING);
    cm_node_queries_judge_again(&world.node);
    cm_node_queries_judge_again(&world.node);
    const struct world_said *said = world_said(&world, ask);
    cr_assert(said->withdrawn && !said->cancelled);
    world_run(&world);
    cr_assert_null(world.node.queries);
    world_free(&world);
}

// A gateway that doesn't let go: the end of the session does, whatever the node was at.
Test(node_query_change, a_withdrawn_answer_ends_with_its_session)
{
    for (unsigned steps = 0; steps < 12; steps++) {
        const uint64_t ask = halfway(WORLD_SHARES);
        world.calls_held = true;
        for (unsigned i = 0; i < steps; i++) {
            (void)world_step(&world);
        }
        const size_t sent = world_said(&world, ask)->batch_count;
        world_rules(&world, WORLD_SHARES_NOTHING);
        cm_node_queries_judge_again(&world.node);
        if (steps % 2) {
            world_run(&world);
            cr_assert_not(world_said(&world, ask)->cancelled);
        }
        cm_node_queries_cancel(&world.node, &world.asker);
        world_run(&world);
        cr_assert_eq(world_said(&world, ask)->batch_count, sent);
        cr_assert(world_said(&world, ask)->cancelled, "after %u steps", steps);
        cr_assert_null(world.node.queries);
        world_free(&world);
    }
}
