#include "proto/ledger/rejections.h"

#include <criterion/criterion.h>

static struct cm_rejections rejections;

static struct cm_entry taken(void)
{
    struct cm_entry entry;
    cr_assert(cm_rejections_take(&entry, &rejections, 70000, INT64_MAX));
    return entry;
}

Test(rejections, are_one_entry_a_minute_by_cause)
{
    struct cm_entry entry;
    cr_assert_not(cm_rejections_take(&entry, &rejections, 1, INT64_MAX));
    cm_rejections_count(&rejections, CM_UNAUTHENTICATED, 5000, 100);
    cm_rejections_count(&rejections, CM_INVALID, 6000, 1100);
    cm_rejections_count(&rejections, CM_UNAUTHENTICATED, 7000, 2100);
    cr_assert_not(cm_rejections_take(&entry, &rejections, 64999, 60099));
    cr_assert(cm_rejections_take(&entry, &rejections, 65000, 60100));
    cr_assert_eq(entry.kind, CM_ENTRY_REJECTED);
    cr_assert_eq(entry.from_ms, 5000);
    cr_assert_eq(entry.to_ms, 65000);
    cr_assert_eq(entry.count_count, 2);
    cr_assert_eq(entry.counts[0].code, CM_INVALID);
    cr_assert_eq(entry.counts[0].count, 1);
    cr_assert_eq(entry.counts[1].code, CM_UNAUTHENTICATED);
    cr_assert_eq(entry.counts[1].count, 2);
    cr_assert_not(cm_rejections_take(&entry, &rejections, 1, INT64_MAX), "counted once");
}

Test(rejections, make_a_whole_entry_whatever_the_clock_does)
{
    struct cm_buf bytes = {0};
    cm_rejections_count(&rejections, CM_STALE, 90000, 1);
    struct cm_entry entry = taken();
    cr_assert_eq(entry.to_ms, 90000, "it was set back meanwhile");
    entry.recorded_ms = 70000;
    entry.gateway = entry.deciding_rule = entry.agency = entry.text = "";
    cr_assert_eq(cm_entry_encode(&bytes, &entry), CM_OK);
    cm_buf_clear(&bytes);
}

Test(rejections, without_a_known_cause_are_internal)
{
    cm_rejections_count(&rejections, (enum cm_status)999, 1, 1);
    cr_assert_eq(taken().counts[0].code, CM_INTERNAL);
}
