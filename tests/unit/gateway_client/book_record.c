// What a node's own record must show, whoever lies: the gateway that hands it on, or the node.
#include "tests/unit/gateway_client/book_world.h"

#include "tests/support/node_record.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(book_record, .init = world_set_up, .fini = world_tear_down);

static enum cm_status give_north(void)
{
    struct cm_batch batch = world_batch_of(&world_north, world_north_times, 3, true, 0);
    enum cm_status status = world_give(&batch);
    world_north.previous = (struct cm_digest){{0}};
    world_north.rows = 0;
    return status;
}

// Shown in a fresh book, then the answer.
static enum cm_status answer_after(const struct cm_record *record)
{
    world_begin(CM_ORDER_TIME_DESCENDING);
    cr_assert_eq(world_show(NORTHPORT, record), CM_OK, "%s", world_error.text);
    return give_north();
}

static void make(struct cm_record *out, const struct cm_node_ask *ask)
{
    node_record_make(out, world_arena, world_north.signer, ask);
}

Test(book_record, an_answer_without_one_is_refused)
{
    cr_expect_eq(give_north(), CM_INVALID);
    cr_expect_str_eq(world_error.where, NORTHPORT);
    struct cm_node_ask ask;
    struct cm_record record;
    world_node_ask(&ask, CM_REFUSAL_NONE);
    make(&record, &ask);
    cr_expect_eq(answer_after(&record), CM_OK, "%s: %s", world_error.where, world_error.text);
}

Test(book_record, it_names_this_query_this_ask_and_this_decision)
{
    static const struct cm_digest other = {{9}};
    struct cm_node_ask asks[6];
    for (size_t i = 0; i < 6; i++) {
        world_node_ask(&asks[i], CM_REFUSAL_NONE);
    }
    asks[0].query_digest = &other;
    asks[1].gateway = "gw-2";
    asks[2].gateway_index = 1;
    asks[3].attempt = 2;
    asks[4].refusal = CM_REFUSAL_NOT_PERMITTED;
    asks[5].refusal = CM_REFUSAL_UNAVAILABLE;
    for (size_t i = 0; i < 6; i++) {
        struct cm_record record;
        make(&record, &asks[i]);
        cr_expect_eq(answer_after(&record), CM_INVALID, "case %zu", i);
    }
}

Test(book_record, it_is_an_entry_of_a_node)
{
    struct cm_record record;
    const struct cm_entry entry = {
        .kind = CM_ENTRY_QUERY,
        .recorded_ms = 1800000000000,
        .digest = world_query_digest,
        .replay_key = {{7}},
        .expires_ms = 1800000060000,
        .directory_serial = 1,
        .decisions_root = {{8}},
        .decisions = 3,
        .committed = true,
        .commitments = {{{1}}, {{2}}, {{3}}, {{4}}, {{5}}, {{6}}},
    };
    node_record_of(&record, world_arena, world_north.signer, &entry);
    cr_expect_eq(answer_after(&record), CM_INVALID);
}

Test(book_record, it_is_of_the_very_node_that_signed)
{
    struct cm_node_ask ask;
    struct cm_record record;
    world_node_ask(&ask, CM_REFUSAL_NONE);
    node_record_make(&record, world_arena, world_south.signer, &ask);
    cr_expect_neq(answer_after(&record), CM_OK, "another agency's node");
    node_record_make(&record, world_arena, pki_signer(world_pki, NORTHPORT, CM_ROLE_NODE, "other"),
                     &ask);
    cr_expect_neq(answer_after(&record), CM_OK, "another node of the agency");
    node_record_make(&record, world_arena, world_gateway_signer, &ask);
    cr_expect_neq(answer_after(&record), CM_OK, "the gateway");
}

Test(book_record, a_forged_one_is_refused)
{
    struct cm_node_ask ask;
    struct cm_record record, other;
    world_node_ask(&ask, CM_REFUSAL_NONE);
    make(&record, &ask);
    ask.attempt = 2;
    make(&other, &ask);
    struct cm_record forged = record;
    forged.entry = other.entry;
    cr_expect_neq(answer_after(&forged), CM_OK, "another entry");
    forged = record;
    forged.checkpoint = other.checkpoint;
    cr_expect_neq(answer_after(&forged), CM_OK, "another tree");
    forged = record;
    uint8_t note[CM_MAX_CHECKPOINT];
    memcpy(note, record.checkpoint.data, record.checkpoint.len);
    note[record.checkpoint.len - 6] ^= 1;
    forged.checkpoint.data = note;
    cr_expect_neq(answer_after(&forged), CM_OK, "another signature");
}

Test(book_record, comes_once_and_first_and_of_who_was_asked)
{
    struct cm_node_ask ask;
    struct cm_record record;
    world_node_ask(&ask, CM_REFUSAL_NONE);
    make(&record, &ask);
    cr_expect_eq(world_show(MILLTOWN, &record), CM_INVALID);
    cr_expect_eq(world_show("ca.elsewhere.pd", &record), CM_INVALID);
    cr_expect_eq(world_show(NORTHPORT, &record), CM_OK);
    cr_expect_eq(world_show(NORTHPORT, &record), CM_INVALID, "twice");
    cr_expect_eq(give_north(), CM_OK);
    world_answer(&world_south, &world_accounts[1], world_south_times, 2, true, 0);
    cr_expect_eq(world_show(SOUTHGATE, &record), CM_INVALID, "after the answer");
}

Test(book_record, the_manifest_names_what_came)
{
    world_answer_all();
    world_accounts[1].record_digest.b[3] ^= 1;
    cr_expect_eq(world_end(), CM_INVALID);
    cr_expect_str_eq(world_error.where, SOUTHGATE);
    world_accounts[1].record_digest = (struct cm_digest){{0}};
    cr_expect_eq(world_end(), CM_INVALID, "left out");
    cr_assert_eq(cm_record_digest(&world_accounts[1].record_digest,
                                  &(struct cm_record){.entry = world_accepted.entry,
                                                      .checkpoint = world_accepted.checkpoint,
                                                      .inclusion = world_accepted.inclusion}),
                 CM_OK);
    cr_expect_eq(world_end(), CM_INVALID, "the gateway's own");
}

static enum cm_status refuse_with(enum cm_refusal_code recorded, enum cm_refusal_code said)
{
    world_begin(CM_ORDER_TIME_DESCENDING);
    world_south.shown = false;
    world_refusal_code = said;
    if (recorded != CM_REFUSAL_COUNT) {
        world_show_of(&world_south, &world_accounts[1], recorded);
    }
    return world_refuse(&world_south, NULL);
}

Test(book_record, a_refusal_by_the_rules_needs_one_too)
{
    const enum cm_refusal_code none = CM_REFUSAL_COUNT;
    cr_expect_eq(refuse_with(none, CM_REFUSAL_NOT_PERMITTED), CM_INVALID);
    cr_expect_eq(refuse_with(CM_REFUSAL_NOT_PERMITTED, CM_REFUSAL_NOT_PERMITTED), CM_OK, "%s",
                 world_error.text);
    cr_expect_eq(refuse_with(CM_REFUSAL_NONE, CM_REFUSAL_NOT_PERMITTED), CM_INVALID);
    cr_expect_eq(refuse_with(CM_REFUSAL_STALE, CM_REFUSAL_NOT_PERMITTED), CM_INVALID);
}

// A full ledger can't show anything; a store that fails was recorded as permitted before.
Test(book_record, a_node_that_can_not_answer_may_have_none)
{
    const enum cm_refusal_code none = CM_REFUSAL_COUNT;
    cr_expect_eq(refuse_with(none, CM_REFUSAL_UNAVAILABLE), CM_OK);
    cr_expect_eq(refuse_with(none, CM_REFUSAL_REPLAYED), CM_OK);
    cr_expect_eq(refuse_with(CM_REFUSAL_NONE, CM_REFUSAL_UNAVAILABLE), CM_OK);
    cr_expect_eq(refuse_with(CM_REFUSAL_NOT_PERMITTED, CM_REFUSAL_UNAVAILABLE), CM_INVALID);
    cr_expect_eq(refuse_with(CM_REFUSAL_NONE, CM_REFUSAL_REPLAYED), CM_INVALID);
}
