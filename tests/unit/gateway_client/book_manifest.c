#include "tests/unit/gateway_client/book_world.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(book_manifest, .init = world_set_up, .fini = world_tear_down);

Test(book_manifest, finds_a_dropped_answer)
{
    world_answer(&world_north, &world_accounts[0], world_north_times, 3, true, 0);
    // Southgate's rows are swallowed and its account says that there were none.
    cr_expect_neq(world_end(), CM_OK);
    cr_expect_eq(world_out_count, 0, "nothing is shown while Southgate may still answer");
}

Test(book_manifest, finds_a_cut_tail)
{
    world_answer(&world_north, &world_accounts[0], world_north_times, 3, false,
                 0); // its final batch is swallowed
    world_answer(&world_south, &world_accounts[1], world_south_times, 2, true, 0);
    cr_expect_eq(world_end(), CM_INVALID);
    world_manifest.cut = true;
    cr_expect_eq(world_end(), CM_INVALID, "nor does it help to call it cut below the limit");
}

Test(book_manifest, finds_a_smaller_limit_than_the_one_signed)
{
    // The gateway told both nodes to stop at one row; each signed that it has more.
    world_node_stopped = true;
    world_answer(&world_north, &world_accounts[0], world_north_times, 1, true, 0);
    world_answer(&world_south, &world_accounts[1], world_south_times, 1, true, 0);
    world_accounts[0].more_matched = true;
    world_accounts[1].more_matched = true;
    cr_expect_eq(world_end(), CM_INVALID, "two rows are not the limit");
    world_manifest.cut = true;
    cr_expect_eq(world_end(), CM_INVALID);
}

Test(book_manifest, wants_the_manifest_to_say_that_it_was_cut)
{
    world_answer_all();
    world_manifest.cut = true;
    cr_expect_eq(world_end(), CM_INVALID, "nothing was cut");
}

Test(book_manifest, finds_lies_in_counts)
{
    world_answer_all();
    world_manifest.rows = 6;
    world_accounts[0].rows = 4;
    cr_expect_neq(world_end(), CM_OK, "rows that never came");
    world_manifest.rows = 5;
    world_accounts[0].rows = 3;
    world_manifest.counts[CM_OUTCOME_NOT_PERMITTED] = 0;
    cr_expect_neq(world_end(), CM_OK, "an agency missing silently");
    world_manifest.counts[CM_OUTCOME_NOT_PERMITTED] = 1;
    world_accounts[1].more_matched = true;
    cr_expect_neq(world_end(), CM_OK, "more rows than the agency signed for");
    world_accounts[1].more_matched = false;
    world_accounts[1].visible_from_ms = 5;
    cr_expect_neq(world_end(), CM_OK, "another window than the agency signed");
    world_accounts[1].visible_from_ms = 0;
    world_accounts[1].last_header.b[3] ^= 1;
    cr_expect_neq(world_end(), CM_OK, "another last header");
    world_accounts[1].last_header.b[3] ^= 1;
    cr_expect_eq(world_end(), CM_OK, "%s: %s", world_error.where, world_error.text);
}

Test(book_manifest, finds_lies_in_outcomes)
{
    world_answer_all();
    world_accounts[1].outcome = CM_OUTCOME_LATE;
    world_manifest.counts[CM_OUTCOME_ANSWERED] = 1;
    world_manifest.counts[CM_OUTCOME_LATE] = 1;
    cr_expect_neq(world_end(), CM_OK, "it answered in full");
    world_accounts[1].outcome = CM_OUTCOME_REFUSED;
    world_manifest.counts[CM_OUTCOME_LATE] = 0;
    world_manifest.counts[CM_OUTCOME_REFUSED] = 1;
    cr_expect_neq(world_end(), CM_OK, "it signed no refusal");
}

Test(book_manifest, finds_another_query_directory_or_signer_in_the_manifest)
{
    world_answer_all();
    world_manifest.query_digest.b[0] ^= 1;
    cr_expect_neq(world_end(), CM_OK);
    world_manifest.query_digest.b[0] ^= 1;
    world_manifest.directory_serial++;
    cr_expect_neq(world_end(), CM_OK);
    world_manifest.directory_serial--;
    world_manifest.gateway = "gw-2";
    cr_expect_neq(world_end(), CM_OK);
    world_manifest.gateway = "gw-1";
    cr_expect_neq(world_end_by(world_north.signer), CM_OK, "a node's signature");
    cr_expect_eq(world_end(), CM_OK, "%s: %s", world_error.where, world_error.text);
}

static const int64_t first_south[] = {850, 800, 750};
static const int64_t first_north[] = {900, 700, 500, 300};

// The limit of 6 cuts: Northport's last row lies behind all that were merged.
static void answer_cut(void)
{
    world_answer(&world_south, &world_accounts[1], first_south, 3, true, 0);
    world_answer(&world_north, &world_accounts[0], first_north, 4, false, 1);
    world_manifest.cut = true;
    world_accounts[0].more_matched = true;
}

Test(book_manifest, takes_an_answer_that_the_limit_cut_with_its_proof)
{
    static const int64_t expected[] = {900, 850, 800, 750, 700, 500};
    answer_cut();
    cr_assert_eq(world_end(), CM_OK, "%s: %s", world_error.where, world_error.text);
    cr_assert_eq(world_out_count, 6);
    cr_expect_arr_eq(world_out, expected, sizeof expected);
}

// Southgate took its rows back when the limit had cut Northport's for them.
Test(book_manifest, takes_fewer_rows_than_the_limit_where_an_agency_took_its_own_back)
{
    world_answer(&world_north, &world_accounts[0], first_north, 4, false, 1);
    world_manifest.cut = true;
    world_accounts[0].more_matched = true;
    world_accounts[1].outcome = CM_OUTCOME_LATE;
    world_manifest.counts[CM_OUTCOME_ANSWERED] = 1;
    world_manifest.counts[CM_OUTCOME_LATE] = 1;
    cr_expect_eq(world_end(), CM_INVALID, "nobody was cut for who is late");
    world_accounts[1].outcome = CM_OUTCOME_WITHDRAWN;
    world_manifest.counts[CM_OUTCOME_LATE] = 0;
    world_manifest.counts[CM_OUTCOME_WITHDRAWN] = 1;
    cr_expect_eq(world_end(), CM_OK, "%s: %s", world_error.where, world_error.text);
    world_manifest.cut = false;
    cr_expect_eq(world_end(), CM_INVALID, "it is to say that rows were cut");
}

Test(book_manifest, finds_an_earlier_row_behind_a_cut)
{
    static const int64_t late_south[] = {850, 400};
    static const int64_t early_north[] = {900, 700, 600, 550, 500};
    // 500 of Northport is withheld although 400 of Southgate, which is older, was let in.
    world_answer(&world_south, &world_accounts[1], late_south, 2, true, 0);
    world_answer(&world_north, &world_accounts[0], early_north, 5, false, 1);
    world_manifest.cut = true;
    world_accounts[0].more_matched = true;
    cr_expect_eq(world_end(), CM_INVALID);
}

Test(book_manifest, wants_the_header_of_a_batch_that_was_left_out_whole)
{
    static const int64_t six[] = {900, 890, 880, 870, 860, 850};
    static const int64_t rest[] = {700, 600};
    world_answer(&world_north, &world_accounts[0], six, 6, true, 0);
    world_manifest.cut = true;
    world_accounts[1].more_matched = true;
    cr_expect_eq(world_end(), CM_INVALID, "Southgate showed nothing at all");
    struct cm_batch left = world_batch_of(&world_south, rest, 2, true, 0);
    world_show_of(&world_south, &world_accounts[1], CM_REFUSAL_NONE);
    cr_assert_eq(cm_book_unmerged(world_book, &left.header, &world_error), CM_OK, "%s: %s",
                 world_error.where, world_error.text);
    world_accounts[1].last_header = world_south.previous;
    cr_expect_eq(world_end(), CM_OK, "%s: %s", world_error.where, world_error.text);
}

Test(book_manifest, finds_a_left_out_batch_with_an_earlier_row)
{
    static const int64_t six[] = {900, 890, 880, 870, 860, 650};
    static const int64_t rest[] = {700, 600};
    world_answer(&world_north, &world_accounts[0], six, 6, true, 0);
    struct cm_batch left = world_batch_of(&world_south, rest, 2, true, 0);
    world_show_of(&world_south, &world_accounts[1], CM_REFUSAL_NONE);
    cr_assert_eq(cm_book_unmerged(world_book, &left.header, &world_error), CM_OK);
    world_accounts[1].last_header = world_south.previous;
    world_accounts[1].more_matched = true;
    world_manifest.cut = true;
    cr_expect_eq(world_end(), CM_INVALID);
}

Test(book_manifest, finds_an_account_of_a_stranger_or_of_one_who_was_not_named)
{
    struct cm_account three[] = {{0}, world_accounts[0], world_accounts[1]};
    world_answer_all();
    memcpy(three + 1, world_accounts, sizeof world_accounts);
    three[0] = (struct cm_account){
        .agency = "ca.elsewhere.pd", .outcome = CM_OUTCOME_OFFLINE, .reason = ""};
    world_manifest.accounts = three;
    world_manifest.account_count = 3;
    world_manifest.counts[CM_OUTCOME_NOT_PERMITTED] = 0;
    world_manifest.counts[CM_OUTCOME_OFFLINE] = 1;
    cr_expect_eq(world_end(), CM_INVALID, "nobody of that name");
    cr_expect_str_eq(world_error.where, "ca.elsewhere.pd");
    three[0].agency = MILLTOWN;
    cr_expect_eq(world_end(), CM_OK, "%s: %s", world_error.where, world_error.text);
}

Test(book_manifest, finds_lies_about_one_that_was_not_asked)
{
    struct cm_account three[] = {{0}, world_accounts[0], world_accounts[1]};
    const struct cm_account honest = {
        .agency = MILLTOWN, .outcome = CM_OUTCOME_NOT_PERMITTED, .reason = ""};
    struct cm_account lies[7];
    world_answer_all();
    memcpy(three + 1, world_accounts, sizeof world_accounts);
    for (size_t i = 0; i < 7; i++) {
        lies[i] = honest;
    }
    lies[0].visible_from_ms = 5;
    lies[1].more_matched = true;
    lies[2].rows_withheld = true;
    lies[3].last_header.b[0] = 1;
    lies[4].reason = "no permit of its rules covers the request"; // but which rules?
    lies[5].rules_digest.b[0] = 1;                                // and why?
    lies[6].outcome = CM_OUTCOME_NO_NODE;                         // the directory pins one
    world_manifest.accounts = three;
    world_manifest.account_count = 3;
    for (size_t i = 0; i < 7; i++) {
        three[0] = lies[i];
        world_manifest.counts[CM_OUTCOME_NOT_PERMITTED] = i < 6;
        world_manifest.counts[CM_OUTCOME_NO_NODE] = i == 6;
        cr_expect_eq(world_end(), CM_INVALID, "lie %zu", i);
        cr_expect_str_eq(world_error.where, MILLTOWN, "lie %zu: %s", i, world_error.where);
    }
    world_manifest.counts[CM_OUTCOME_NOT_PERMITTED] = 1;
    world_manifest.counts[CM_OUTCOME_NO_NODE] = 0;
    three[0] = lies[4];
    three[0].rules_digest.b[0] = 1;
    cr_expect_eq(world_end(), CM_OK, "%s: %s", world_error.where, world_error.text);
}

Test(book_manifest, finds_other_rules_than_those_that_answered)
{
    world_answer_all();
    world_accounts[0].rules_digest.b[4] = 1;
    cr_expect_eq(world_end(), CM_INVALID);
    cr_expect_str_eq(world_error.where, NORTHPORT);
    world_accounts[0].rules_digest.b[4] = 0;
    world_accounts[0].reason = "its rules say so";
    cr_expect_eq(world_end(), CM_INVALID, "one that answered has no reason");
    world_accounts[0].reason = "";
    cr_expect_eq(world_end(), CM_OK, "%s: %s", world_error.where, world_error.text);
}

Test(book_manifest, finds_other_rules_than_those_that_refused)
{
    const struct cm_digest newer = {{4}};
    world_answer(&world_north, &world_accounts[0], world_north_times, 3, true, 0);
    cr_assert_eq(world_refuse(&world_south, &newer), CM_OK);
    world_accounts[1].outcome = CM_OUTCOME_REFUSED;
    world_manifest.counts[CM_OUTCOME_ANSWERED] = 1;
    world_manifest.counts[CM_OUTCOME_REFUSED] = 1;
    cr_expect_eq(world_end(), CM_INVALID);
    cr_expect_str_eq(world_error.where, SOUTHGATE);
    world_accounts[1].rules_digest = newer;
    cr_expect_eq(world_end(), CM_OK, "%s: %s", world_error.where, world_error.text);
}
