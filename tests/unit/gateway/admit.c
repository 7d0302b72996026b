#include "gateway/admit.h"

#include <criterion/criterion.h>

static struct cm_admit *admit;
static const struct cm_digest alice = {{1}}, bob = {{2}}, carol = {{3}};

static void setup(void)
{
    struct cm_admit_limits limits = {
        .what = "queries running", .total = 5, .per_signer = 2, .per_agency = 3, .bytes = 800};
    cr_assert_eq(cm_admit_new(&admit, &limits), CM_OK);
}

static void teardown(void)
{
    cm_admit_free(admit);
}

TestSuite(admit, .init = setup, .fini = teardown);

static enum cm_status take(struct cm_admission *admission, const struct cm_digest *who,
                           const char *agency)
{
    struct cm_error error = {0};
    enum cm_status status = cm_admit_enter(admit, admission, &error);
    if (!status) {
        status = cm_admit_share(admit, admission, who, agency, &error);
    }
    if (status) {
        cr_assert_eq(status, CM_EXHAUSTED);
        cr_assert_gt(error.retry_after_ms, 0);
        cm_admit_leave(admit, admission);
    }
    return status;
}

Test(admit, one_investigator_has_a_share)
{
    struct cm_admission places[3] = {0};
    cr_assert_eq(take(&places[0], &alice, "ca.northport.pd"), CM_OK);
    cr_assert_eq(take(&places[1], &alice, "ca.northport.pd"), CM_OK);
    cr_assert_eq(take(&places[2], &alice, "ca.northport.pd"), CM_EXHAUSTED);
    cr_assert_eq(take(&places[2], &bob, "ca.northport.pd"), CM_OK);
    for (int i = 0; i < 3; i++) {
        cm_admit_leave(admit, &places[i]);
    }
}

Test(admit, one_agency_leaves_room_for_the_others)
{
    struct cm_admission places[5] = {0};
    cr_assert_eq(take(&places[0], &alice, "ca.northport.pd"), CM_OK);
    cr_assert_eq(take(&places[1], &alice, "ca.northport.pd"), CM_OK);
    cr_assert_eq(take(&places[2], &bob, "ca.northport.pd"), CM_OK);
    cr_assert_eq(take(&places[3], &bob, "ca.northport.pd"), CM_EXHAUSTED);
    cr_assert_eq(take(&places[3], &carol, "ca.southgate.pd"), CM_OK);
    cr_assert_eq(take(&places[4], &carol, "ca.southgate.pd"), CM_OK);
    cr_assert_eq(cm_admit_inside(admit), 5);
    struct cm_admission more = {0};
    cr_assert_eq(cm_admit_enter(admit, &more, NULL), CM_EXHAUSTED);
    for (int i = 0; i < 5; i++) {
        cm_admit_leave(admit, &places[i]);
    }
}

Test(admit, what_is_given_back_can_be_taken_again)
{
    struct cm_admission place = {0};
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(take(&place, &alice, "ca.northport.pd"), CM_OK);
        cm_admit_leave(admit, &place);
        cm_admit_leave(admit, &place);
    }
    cr_assert_eq(cm_admit_inside(admit), 0);
}

Test(admit, a_full_agency_charges_the_investigator_nothing)
{
    struct cm_admission places[4] = {0};
    cr_assert_eq(take(&places[0], &bob, "ca.northport.pd"), CM_OK);
    cr_assert_eq(take(&places[1], &bob, "ca.northport.pd"), CM_OK);
    cr_assert_eq(take(&places[2], &carol, "ca.northport.pd"), CM_OK);
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(take(&places[3], &alice, "ca.northport.pd"), CM_EXHAUSTED);
    }
    cm_admit_leave(admit, &places[0]);
    cr_assert_eq(take(&places[3], &alice, "ca.northport.pd"), CM_OK);
    for (int i = 0; i < 4; i++) {
        cm_admit_leave(admit, &places[i]);
    }
}

// Of 800 bytes an investigator has 100 and an agency 200 before it asks more.
Test(admit, memory_has_shares_too)
{
    struct cm_admission places[3] = {0};
    cr_assert_eq(take(&places[0], &alice, "ca.northport.pd"), CM_OK);
    cm_admit_hold(admit, &places[0], 0, 99);
    cr_assert_eq(take(&places[1], &alice, "ca.northport.pd"), CM_OK);
    cm_admit_leave(admit, &places[1]);
    cm_admit_hold(admit, &places[0], 99, 100);
    cr_assert_eq(take(&places[1], &alice, "ca.northport.pd"), CM_EXHAUSTED);
    cr_assert_eq(take(&places[1], &bob, "ca.northport.pd"), CM_OK);
    cm_admit_hold(admit, &places[1], 0, 100);
    cr_assert_eq(take(&places[2], &carol, "ca.northport.pd"), CM_EXHAUSTED);
    cr_assert_eq(take(&places[2], &carol, "ca.southgate.pd"), CM_OK);
    for (int i = 0; i < 2; i++) {
        cm_admit_hold(admit, &places[i], 100, 0);
    }
    for (int i = 0; i < 3; i++) {
        cm_admit_leave(admit, &places[i]);
    }
    cr_assert_eq(cm_admit_bytes(admit), 0);
}

Test(admit, when_all_memory_is_taken_who_has_more_than_a_part_crowds)
{
    struct cm_admission much = {0}, little = {0}, late = {0};
    cr_assert_eq(take(&much, &alice, "ca.northport.pd"), CM_OK);
    cr_assert_eq(take(&little, &bob, "ca.southgate.pd"), CM_OK);
    cm_admit_hold(admit, &much, 0, 750);
    cm_admit_hold(admit, &little, 0, 49);
    cr_assert_not(cm_admit_crowds(admit, &much));
    cm_admit_hold(admit, &little, 49, 50);
    cr_assert(cm_admit_crowds(admit, &much));
    cr_assert_not(cm_admit_crowds(admit, &little));
    cr_assert_eq(take(&late, &carol, "ca.milltown.pd"), CM_EXHAUSTED);
    cm_admit_hold(admit, &much, 750, 0);
    cm_admit_hold(admit, &little, 50, 0);
    cm_admit_leave(admit, &much);
    cm_admit_leave(admit, &little);
}
