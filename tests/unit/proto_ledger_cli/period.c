#include "proto/ledger/cli/period.h"

#include "proto/codec/bounds.h"

#include <criterion/criterion.h>

#include <stdlib.h>

static int64_t from_ms, to_ms;
static struct cm_error error;

static enum cm_status period(const char *from, const char *to)
{
    struct cm_cli_args args = {.given_count = 0};
    if (from) {
        args.given[args.given_count].key = 'f';
        args.given[args.given_count++].value = from;
    }
    if (to) {
        args.given[args.given_count].key = 't';
        args.given[args.given_count++].value = to;
    }
    return cm_audit_period(&from_ms, &to_ms, &args, &error);
}

// What a clock that ran ahead dated is not left out silently.
Test(period, is_everything_unless_told)
{
    char text[CM_WHEN_SIZE];
    cr_assert_eq(period(NULL, NULL), CM_OK);
    cr_expect_eq(from_ms, 0);
    cr_expect_gt(to_ms, CM_MAX_TIME_MS);
    cr_expect_str_eq(cm_audit_period_from(text, from_ms), "the first entry");
    cr_expect_str_eq(cm_audit_period_to(text, to_ms), "the last entry");
}

Test(period, takes_dates_as_utc_wherever_the_machine_stands)
{
    setenv("TZ", "PST8PDT,M3.2.0,M11.1.0", 1);
    cr_assert_eq(period("2026-11-01", "2026-11-02"), CM_OK);
    cr_expect_eq(from_ms, INT64_C(1793491200000));
    cr_expect_eq(to_ms - from_ms, INT64_C(86400000));
}

Test(period, begins_before_it_ends)
{
    cr_expect_eq(period("2026-11-02", "2026-11-02"), CM_INVALID);
    cr_expect_str_eq(error.where, "--from");
    cr_expect_eq(period("yesterday", NULL), CM_INVALID);
}
