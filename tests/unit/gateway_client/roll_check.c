#include "gateway/client/roll_check.h"

#include "tests/support/pki.h"

#include <criterion/criterion.h>
#include <string.h>

// Four active agencies, of which Elmwood has no node, and a retired one.
#define ELMWOOD   "ca.elmwood.pd"
#define MILLTOWN  "ca.milltown.pd"
#define NORTHPORT "ca.northport.pd"
#define OLDTOWN   "ca.oldtown.pd"
#define SOUTHGATE "ca.southgate.pd"

static struct pki *pki;
static struct cm_trust *trust;
static struct cm_roll roll;
static uint32_t listed[CM_OUTCOME_COUNT];
static uint32_t counts[CM_OUTCOME_COUNT];
static struct cm_error error;

static void set_up(void)
{
    static const char *const with_node[] = {MILLTOWN, NORTHPORT, OLDTOWN, SOUTHGATE};
    pki = pki_new();
    pki_agency(pki, ELMWOOD);
    for (size_t i = 0; i < 4; i++) {
        pki_agency(pki, with_node[i]);
        pki_identity(pki, with_node[i], CM_ROLE_NODE, "n");
    }
    pki_find_agency(pki, OLDTOWN)->active = false;
    trust = pki_trust(pki);
    roll = (struct cm_roll){.directory = cm_trust_directory(trust)};
    memset(listed, 0, sizeof listed);
    memset(counts, 0, sizeof counts);
}

static void tear_down(void)
{
    cm_trust_unref(trust);
    pki_free(pki);
}

TestSuite(roll_check, .init = set_up, .fini = tear_down);

static enum cm_status list(const char *agency, enum cm_outcome outcome)
{
    return cm_roll_check_agency(&roll, listed, agency, outcome, &error);
}

static enum cm_status check(void)
{
    return cm_roll_check_counts(&roll, listed, counts, &error);
}

// Northport and Southgate are to be asked, Milltown does not permit.
static void honest(void)
{
    cr_assert_eq(list(NORTHPORT, CM_OUTCOME_NONE), CM_OK);
    cr_assert_eq(list(SOUTHGATE, CM_OUTCOME_NONE), CM_OK);
    counts[CM_OUTCOME_NONE] = 2;
    counts[CM_OUTCOME_NOT_PERMITTED] = 1;
    counts[CM_OUTCOME_NO_NODE] = 1;
}

Test(roll_check, takes_counts_of_every_active_agency)
{
    honest();
    cr_expect_eq(check(), CM_OK, "%s: %s", error.where, error.text);
}

Test(roll_check, refuses_who_is_not_there)
{
    cr_expect_eq(list("ca.elsewhere.pd", CM_OUTCOME_OFFLINE), CM_INVALID);
    cr_expect_str_eq(error.where, "ca.elsewhere.pd");
    cr_expect_eq(list(OLDTOWN, CM_OUTCOME_OFFLINE), CM_INVALID, "retired");
}

Test(roll_check, knows_who_has_a_node)
{
    cr_expect_eq(list(ELMWOOD, CM_OUTCOME_NO_NODE), CM_OK);
    cr_expect_eq(list(ELMWOOD, CM_OUTCOME_OFFLINE), CM_INVALID);
    cr_expect_eq(list(NORTHPORT, CM_OUTCOME_NO_NODE), CM_INVALID);
    honest();
    counts[CM_OUTCOME_NO_NODE] = 2;
    counts[CM_OUTCOME_NOT_PERMITTED] = 0;
    cr_expect_eq(check(), CM_INVALID, "one that has a node, in the counts alone");
}

Test(roll_check, finds_counts_that_do_not_add_up)
{
    honest();
    counts[CM_OUTCOME_NOT_PERMITTED] = 0;
    cr_expect_eq(check(), CM_INVALID, "an agency missing silently");
    counts[CM_OUTCOME_NOT_PERMITTED] = 2;
    cr_expect_eq(check(), CM_INVALID, "one too many");
    counts[CM_OUTCOME_NOT_PERMITTED] = 0;
    counts[CM_OUTCOME_DETACHED] = 1;
    cr_expect_eq(check(), CM_INVALID, "one that permits must be listed");
    counts[CM_OUTCOME_DETACHED] = 0;
    counts[CM_OUTCOME_OFFLINE] = 1;
    cr_expect_eq(check(), CM_OK, "its rules are not known");
    counts[CM_OUTCOME_OFFLINE] = 0;
    counts[CM_OUTCOME_NOT_NAMED] = 1;
    cr_expect_eq(check(), CM_INVALID, "nobody was named, so nobody was left out");
}

Test(roll_check, holds_the_list_against_who_was_named)
{
    static const char *const named[] = {MILLTOWN, NORTHPORT};
    roll.named = named;
    roll.named_count = 2;
    cr_expect_eq(list(SOUTHGATE, CM_OUTCOME_NONE), CM_INVALID);
    cr_expect_eq(list(MILLTOWN, CM_OUTCOME_NOT_NAMED), CM_INVALID);
    cr_assert_eq(list(NORTHPORT, CM_OUTCOME_NONE), CM_OK);
    counts[CM_OUTCOME_NONE] = 1;
    counts[CM_OUTCOME_NOT_PERMITTED] = 1;
    counts[CM_OUTCOME_NOT_NAMED] = 2;
    cr_expect_eq(check(), CM_INVALID, "Milltown was named and is not listed");
    cr_assert_eq(list(MILLTOWN, CM_OUTCOME_NOT_PERMITTED), CM_OK);
    cr_expect_eq(check(), CM_OK, "%s: %s", error.where, error.text);
}
