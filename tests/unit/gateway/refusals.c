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

Test(refusals, counts_the_others_for_one_entry_a_minute)
{
    struct cm_entry entry;
    cr_assert_not(cm_refusals_take(&entry, refusals, 5000, INT64_MAX), "of nothing");
    cm_refusals_count(refusals, CM_UNAUTHENTICATED, 5000, NOW);
    cm_refusals_count(refusals, CM_INVALID, 5001, NOW + 1);
    cm_refusals_count(refusals, CM_UNAUTHENTICATED, 5002, NOW + 2);
    cr_assert_not(cm_refusals_take(&entry, refusals, 64999, NOW + CM_REFUSALS_COUNT_MS - 1));
    cr_assert(cm_refusals_take(&entry, refusals, 65000, NOW + CM_REFUSALS_COUNT_MS));
    cr_assert_eq(entry.kind, CM_ENTRY_REJECTED);
    cr_assert_eq(entry.from_ms, 5000);
    cr_assert_eq(entry.to_ms, 65000);
    cr_assert_eq(entry.count_count, 2);
    cr_assert_eq(entry.counts[0].code, CM_INVALID);
    cr_assert_eq(entry.counts[0].count, 1);
    cr_assert_eq(entry.counts[1].code, CM_UNAUTHENTICATED);
    cr_assert_eq(entry.counts[1].count, 2);
    cr_assert_not(cm_refusals_take(&entry, refusals, 65000, INT64_MAX), "counted anew");
}

Test(refusals, a_minute_never_ends_before_it_began)
{
    struct cm_entry entry;
    cm_refusals_count(refusals, CM_INVALID, 5000, NOW);
    cr_assert(cm_refusals_take(&entry, refusals, 4000, INT64_MAX));
    cr_assert_eq(entry.to_ms, 5000);
    struct cm_buf bytes = {0};
    entry.recorded_ms = 4000;
    cr_assert_eq(cm_entry_encode(&bytes, &entry), CM_OK);
    cm_buf_clear(&bytes);
}
