// What a query leaves in the ledger and for its own agency, however it ends.
#include "gateway_world.h"

#include "proto/ledger/record.h"

#include <criterion/criterion.h>
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

TestSuite(gateway_query_records, .init = setup, .fini = teardown, .timeout = 240);

static void check_entry(void)
{
    struct cm_digest digest;
    cr_assert_eq(world->entry.kind, CM_ENTRY_QUERY);
    cm_sha256_of(&digest, world->access.question.payload);
    cr_assert(cm_digest_equal(&digest, &world->digest));
    cr_assert(cm_digest_equal(&world->entry.digest, &world->digest));
    cr_assert_gt(world->access.question.signatures[0].chain_count, 0);
    cr_assert_eq(world->sealed, 1);
}

static size_t permitted_count(void)
{
    size_t count = 0;
    for (size_t i = 0; i < world->copy_says.account_count; i++) {
        count += world->copy_says.accounts[i].outcome != CM_OUTCOME_NONE;
    }
    return count;
}

// Whatever became of it: the question, its record, whom it went to, what came of it.
static void check_copy(void)
{
    const struct cm_copy *copy = &world->copy.copy;
    struct cm_digest digest;
    cr_assert_eq(world->ended, 1);
    cr_assert_str_eq(world->copy_to, "ca.northport.pd");
    cm_sha256_of(&digest, copy->query.payload);
    cr_assert(cm_digest_equal(&digest, &world->digest));
    cr_assert_gt(copy->query.signatures[0].chain_count, 0, "whose chain is with it");
    cr_assert_eq(copy->number, world->end.number);
    cr_assert_eq(copy->record.inclusion.index, world->end.index);
    cr_assert(cm_digest_equal(&world->copy_says.query_digest, &world->digest));
    cr_assert(cm_bytes_equal(world->copy_says.entry, copy->record.entry));
    cr_assert_eq(permitted_count(), WORLD_NODES);
    cm_sha256_of(&digest, copy->manifest.payload);
    cr_assert(cm_digest_equal(&digest, &world->end.manifest));
    cr_assert_eq(copy->leaf_count, world->end.asked);
    cr_assert_eq(world->copy_says.counts[CM_OUTCOME_ANSWERED], world->end.answered);
    cr_assert_eq(world->copy_says.rows, world->end.rows);
    cr_assert_not(world->end.refused);
}

Test(gateway_query_records, an_answered_query_leaves_its_question_and_a_copy)
{
    world_begin(world, 1);
    world->nodes[2].manner = NOT_ATTACHED;
    world_ask(world);
    cr_assert_eq(world->status, CM_OK);
    check_entry();
    check_copy();
    cr_assert_eq(world->copy.copy.leaf_count, WORLD_NODES - 1, "who was asked");
    cr_assert_eq(world->end.answered, WORLD_NODES - 1);
    cr_assert_eq(world->copy_says.rows, world->merged);
    cr_assert_eq(world->refused, 0);
    for (size_t i = 0; i < world->copy.copy.leaf_count; i++) {
        struct cm_decision_leaf leaf;
        cr_assert_eq(
            cm_decision_leaf_decode(&leaf, world->records, world->copy.copy.leaves[i], NULL),
            CM_OK);
        cr_assert(leaf.permitted);
        cr_assert(node_of(world, leaf.agency)->asks > 0);
    }
}

// What went out by then is in the account: nobody hides it by hanging up.
Test(gateway_query_records, a_caller_that_goes_away_has_still_asked)
{
    unsigned copies = 0, rows = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        world_begin(world, 500 + seed);
        world->gone_early = true;
        world->stall_ms = 10;
        world_ask(world);
        cr_assert_eq(world->ended, world->appended, "seed %d", (int)seed);
        copies += world->ended;
        if (world->ended) {
            check_copy();
            cr_assert_geq(world->copy_says.rows, world->merged);
            rows += world->copy_says.rows > 0;
        }
    }
    cr_assert_gt(copies, 100);
    cr_assert_gt(rows, 20);
}

Test(gateway_query_records, a_caller_that_takes_nothing_is_accounted_for_too)
{
    world_begin(world, 12);
    world->asked.deadline_ms = 2000;
    world->stall_once_ms = 100000;
    world_ask(world);
    cr_assert_eq(world->status, CM_LATE);
    check_copy();
    cr_assert_eq(world->copy_says.counts[CM_OUTCOME_LATE], WORLD_NODES);
    cr_assert_eq(world->refused, 0, "it was taken");
}

Test(gateway_query_records, a_record_that_took_too_long_is_one)
{
    world_begin(world, 14);
    world->asked.deadline_ms = 500;
    world->append_ms = 700;
    world_ask(world);
    cr_assert_eq(world->status, CM_LATE);
    check_copy();
    cr_assert_eq(world->copy.copy.leaf_count, 0, "nobody was asked");
    cr_assert_eq(world->end.asked, 0);
}

Test(gateway_query_records, what_can_not_be_recorded_leaves_nothing)
{
    world_begin(world, 13);
    world->append_fails = true;
    world_ask(world);
    cr_assert_eq(world->ended, 0);
    cr_assert_eq(world->sealed, 0);
}

Test(gateway_query_records, a_query_that_nobody_permits_is_copied)
{
    static const char *const none[] = {"ca.milltown.pd"};
    world_begin(world, 31);
    world->nodes[2].manner = REFUSES;
    world->asked.agencies = none;
    world->asked.agency_count = 1;
    world_ask(world);
    cr_assert_eq(world->status, CM_OK);
    cr_assert_eq(world->ended, 1);
    cr_assert_eq(world->end.answered, 0);
    cr_assert_eq(world->end.asked, 1);
}

static void check_refused(enum cm_status code, const char *field, bool genuine)
{
    cr_assert_eq(world->refused, 1);
    cr_assert_eq(world->refusal.code, code, "%s", cm_status_name(world->refusal.code));
    cr_assert_str_eq(world->error.where, field);
    cr_assert_eq(world->refusal.genuine, genuine);
    cr_assert_eq(world->ended, 0);
    cr_assert_eq(world->entry.kind, CM_ENTRY_NONE);
}

Test(gateway_query_records, a_refused_question_is_somebodys_once_its_signature_held)
{
    world_begin(world, 40);
    world->gateway.actions = 0;
    world_ask(world);
    check_refused(CM_NOT_SERVED, "action", true);
    world->gateway.actions = 1u << CM_ACTION_LOOKUP;

    world_begin(world, 41);
    world->asked.gateway = "gw-2";
    world_ask(world);
    check_refused(CM_STALE, "gateway", true);

    world_begin(world, 42);
    world->serial_ahead = 1;
    world_ask(world);
    check_refused(CM_STALE, "directory_serial", true);

    world_begin(world, 43); // somebody else's captured question
    world->asked.signer =
        pki_identity(world->pki, "ca.northport.pd", CM_ROLE_INVESTIGATOR, "inv-2")->spiffe;
    world->signs = pki_identity(world->pki, "ca.northport.pd", CM_ROLE_INVESTIGATOR, "inv-2");
    world->asked.key_hash = *cm_signer_key_hash(world->signs->signer);
    world_ask(world);
    check_refused(CM_FORBIDDEN, "signer", true);
}

Test(gateway_query_records, a_question_that_nobody_signed_is_nobodys)
{
    world_begin(world, 50); // a node's key, in an investigator's name
    world->signs = pki_identity(world->pki, "ca.northport.pd", CM_ROLE_NODE, "node-1");
    world_ask(world);
    cr_assert_eq(world->refused, 1);
    cr_assert_eq(world->refusal.code, CM_FORBIDDEN);
    cr_assert_not(world->refusal.genuine);

    world_begin(world, 51);
    world->asked.purpose = "no-such-purpose";
    world_ask(world);
    check_refused(CM_INVALID, "purpose", false);

    world_begin(world, 52);
    struct cm_buf request = {0};
    world_request(world, &request);
    request.data[request.len - 40] ^= 1;
    world_ask_again(world, cm_buf_bytes(&request));
    cr_assert_eq(world->refused, 1);
    cr_assert_not(world->refusal.genuine);
    cm_buf_clear(&request);
}

Test(gateway_query_records, a_replayed_question_is_refused_and_told)
{
    world_begin(world, 60);
    struct cm_buf request = {0};
    world_request(world, &request);
    world_ask_again(world, cm_buf_bytes(&request));
    cr_assert_eq(world->status, CM_OK);
    check_copy();
    world_ask_again(world, cm_buf_bytes(&request));
    cr_assert_eq(world->status, CM_REPLAYED);
    cr_assert_eq(world->refused, 1);
    cr_assert(world->refusal.genuine);
    cm_buf_clear(&request);
}
