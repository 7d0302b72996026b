#include "gateway/refusals.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { NOW = 1000000, DAY_MS = 24 * 3600 * 1000 };

static struct cm_refusals *refusals;

static void setup(void)
{
    refusals = cm_refusals_new();
    cr_assert_not_null(refusals);
}

static void teardown(void)
{
    cm_refusals_free(refusals);
}

TestSuite(refusals, .init = setup, .fini = teardown);

static bool admit(unsigned key, const char *agency, int64_t now_ms)
{
    struct cm_digest hash;
    char text[32];
    snprintf(text, sizeof text, "key %u", key);
    cm_sha256_of(&hash, cm_bytes_of(text));
    return cm_refusals_admit(refusals, &hash, agency, now_ms);
}

Test(refusals, a_key_has_its_burst_and_then_one_at_a_time)
{
    for (unsigned i = 0; i < cm_refusals_of_key.burst; i++) {
        cr_assert(admit(1, "a", NOW));
    }
    cr_assert_not(admit(1, "a", NOW));
    cr_assert(admit(2, "a", NOW), "another key is another's");
    cr_assert_not(admit(1, "a", NOW + cm_refusals_of_key.every_ms - 1));
    cr_assert(admit(1, "a", NOW + cm_refusals_of_key.every_ms));
}

// A CA that makes keys without end gets no more for its agency.
Test(refusals, an_agency_has_its_part_whatever_keys_it_makes)
{
    unsigned admitted = 0;
    for (unsigned i = 0; i < 1000; i++) {
        admitted += admit(i, "a", NOW);
    }
    cr_assert_eq(admitted, cm_refusals_of_agency.burst);
    cr_assert(admit(5000, "b", NOW), "which costs no other agency its own");
}

Test(refusals, a_flood_of_a_day_by_all_is_bounded)
{
    int64_t admitted = 0;
    for (int64_t ms = 0; ms < DAY_MS; ms += 50) {
        char agency[16];
        snprintf(agency, sizeof agency, "a%d", (int)(ms % 977));
        admitted += admit((unsigned)(ms / 50), agency, NOW + ms);
    }
    cr_assert_leq(admitted, cm_refusals_of_all.burst + DAY_MS / cm_refusals_of_all.every_ms);
}
