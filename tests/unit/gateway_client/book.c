#include "tests/unit/gateway_client/book_world.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(book, .init = world_set_up, .fini = world_tear_down);

Test(book, shows_one_order_of_all_and_believes_an_honest_manifest)
{
    static const int64_t expected[] = {900, 800, 700, 600, 500};
    world_answer_all();
    cr_assert_eq(world_end(), CM_OK, "%s: %s", world_error.where, world_error.text);
    cr_assert_eq(world_out_count, 5);
    cr_expect_arr_eq(world_out, expected, sizeof expected);
    cr_expect_not_null(cm_book_ended(world_book));
}

Test(book, takes_an_empty_answer)
{
    world_answer(&world_north, &world_accounts[0], world_north_times, 0, true, 0);
    world_answer(&world_south, &world_accounts[1], world_south_times, 2, true, 0);
    cr_assert_eq(world_end(), CM_OK, "%s: %s", world_error.where, world_error.text);
    cr_expect_eq(world_out_count, 2);
}

Test(book, refuses_a_record_of_another_query_or_gateway)
{
    struct cm_accepted other;
    struct cm_digest another = {{9}};
    const struct cm_book_options options = {
        .trust = world_trust,
        .gateway = world_gateway,
        .query_digest = world_query_digest,
        .key_hash = world_key_hash,
        .limit = LIMIT,
        .order = CM_ORDER_TIME_DESCENDING,
        .clock = cm_clock_system(),
        .row = world_collect,
    };
    struct cm_accepted cases[4];
    world_record(&cases[0], &another, world_gateway_signer);
    world_record(&cases[1], &world_query_digest, world_north.signer);
    world_record(&other, &another, world_gateway_signer);
    cases[2] = world_accepted;
    cases[2].checkpoint = other.checkpoint; // a tree head that doesn't hold this entry
    cases[3] = world_accepted;
    cases[3].inclusion.index = 1;
    for (size_t i = 0; i < 4; i++) {
        struct cm_book *fresh;
        cr_assert_eq(cm_book_new(&fresh, &options), CM_OK);
        cr_expect_neq(cm_book_accepted(fresh, &cases[i], &world_error), CM_OK, "case %zu", i);
        cm_book_free(fresh);
    }
}

Test(book, refuses_an_asked_agency_that_the_query_does_not_name)
{
    static const char *const only[] = {NORTHPORT};
    struct cm_book *fresh;
    const struct cm_book_options options = {
        .trust = world_trust,
        .gateway = world_gateway,
        .query_digest = world_query_digest,
        .key_hash = world_key_hash,
        .limit = LIMIT,
        .order = CM_ORDER_TIME_DESCENDING,
        .agency_count = 1,
        .agencies = only,
        .clock = cm_clock_system(),
        .row = world_collect,
    };
    cr_assert_eq(cm_book_new(&fresh, &options), CM_OK);
    cr_expect_eq(cm_book_accepted(fresh, &world_accepted, &world_error), CM_INVALID);
    cm_book_free(fresh);
}

Test(book, refuses_rows_that_were_altered_dropped_or_swapped)
{
    world_show_of(&world_north, &world_accounts[0], CM_REFUSAL_NONE);
    struct cm_batch batch = world_batch_of(&world_north, world_north_times, 3, true, 0);
    struct cm_row rows[3];
    memcpy(rows, batch.rows, sizeof rows);
    batch.rows = rows;
    batch.row_count = 2;
    cr_expect_neq(world_give(&batch), CM_OK, "a row dropped");
    batch.row_count = 3;
    rows[0] = rows[1];
    cr_expect_neq(world_give(&batch), CM_OK, "a row doubled");
    rows[0] = world_row_of(&world_north, 901);
    cr_expect_neq(world_give(&batch), CM_OK, "a row of another key");
    cr_expect_eq(world_out_count, 0);
}

Test(book, refuses_a_row_whose_key_says_something_else)
{
    world_show_of(&world_north, &world_accounts[0], CM_REFUSAL_NONE);
    world_show_of(&world_south, &world_accounts[1], CM_REFUSAL_NONE);
    world_row_owner = MILLTOWN;
    struct cm_batch batch = world_batch_of(&world_north, world_north_times, 3, true, 0);
    cr_expect_neq(world_give(&batch), CM_OK, "another agency's row");
    world_row_owner = NULL;
    world_row_later_ms = 1;
    batch = world_batch_of(&world_south, world_south_times, 2, true, 0);
    cr_expect_neq(world_give(&batch), CM_OK, "a row moved in time");
    world_row_later_ms = 0;
    cr_expect_eq(world_out_count, 0);
}

Test(book, refuses_an_agency_that_was_not_asked)
{
    struct node stranger = {
        MILLTOWN, pki_signer(world_pki, MILLTOWN, CM_ROLE_NODE, "n"), {{0}}, 0, false};
    struct cm_batch batch = world_batch_of(&stranger, world_north_times, 1, true, 0);
    cr_expect_neq(world_give(&batch), CM_OK);
    struct node liar = {NORTHPORT, world_south.signer, {{0}}, 0, false};
    batch = world_batch_of(&liar, world_north_times, 1, true, 0);
    cr_expect_neq(world_give(&batch), CM_OK, "signed by another agency's node");
}

Test(book, refuses_more_than_the_limit)
{
    world_show_of(&world_north, &world_accounts[0], CM_REFUSAL_NONE);
    static const int64_t many[] = {99, 98, 97, 96, 95, 94, 93};
    struct cm_batch batch = world_batch_of(&world_north, many, 7, true, 0);
    cr_expect_neq(world_give(&batch), CM_OK);
}

Test(book, takes_rows_as_they_come_when_asked_to)
{
    world_begin(CM_ORDER_UNORDERED);
    world_answer(&world_south, &world_accounts[1], world_south_times, 2, true, 0);
    cr_expect_eq(world_out_count, 2, "at once");
    world_answer(&world_north, &world_accounts[0], world_north_times, 3, true, 0);
    cr_expect_eq(world_end(), CM_OK, "%s: %s", world_error.where, world_error.text);
}

Test(book, refuses_a_row_that_comes_after_its_place)
{
    const struct cm_progress ended = {.agency = NORTHPORT, .outcome = CM_OUTCOME_LATE};
    cr_assert_eq(cm_book_progress(world_book, &ended, &world_error), CM_OK);
    world_answer(&world_south, &world_accounts[1], world_south_times, 2, true, 0);
    cr_expect_eq(world_out_count, 2);
    struct cm_batch late = world_batch_of(&world_north, world_north_times, 3, true, 0);
    cr_expect_neq(world_give(&late), CM_OK);
}

Test(book, refuses_a_record_of_another_directory_or_of_fewer_agencies)
{
    struct cm_book *fresh;
    const struct cm_book_options options = {
        .trust = world_trust,
        .gateway = world_gateway,
        .query_digest = world_query_digest,
        .key_hash = world_key_hash,
        .limit = LIMIT,
        .order = CM_ORDER_TIME_DESCENDING,
        .clock = cm_clock_system(),
        .row = world_collect,
    };
    struct cm_accepted cases[2];
    world_entry.decisions--;
    world_record(&cases[0], &world_query_digest, world_gateway_signer);
    world_entry.decisions++;
    world_entry.directory_serial++;
    world_record(&cases[1], &world_query_digest, world_gateway_signer);
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(cm_book_new(&fresh, &options), CM_OK);
        cr_expect_eq(cm_book_accepted(fresh, &cases[i], &world_error), CM_INVALID, "case %zu", i);
        cm_book_free(fresh);
    }
}

Test(book, refuses_progress_of_a_stranger)
{
    const struct cm_progress stranger = {.agency = "ca.elsewhere.pd",
                                         .outcome = CM_OUTCOME_OFFLINE};
    const struct cm_progress offline = {.agency = MILLTOWN, .outcome = CM_OUTCOME_OFFLINE};
    cr_expect_eq(cm_book_progress(world_book, &stranger, &world_error), CM_INVALID);
    cr_expect_eq(cm_book_progress(world_book, &offline, &world_error), CM_OK);
}
