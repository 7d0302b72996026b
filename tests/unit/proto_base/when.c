#include "proto/base/when.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

static const int64_t now = 1795000000000; // 2026-11-18T11:06:40Z

static void in_los_angeles(void)
{
    setenv("TZ", "PST8PDT,M3.2.0,M11.1.0", 1);
    tzset();
}

TestSuite(when, .init = in_los_angeles);

Test(when, reads_what_people_write)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"30d", 1795000000000 - 30LL * 86400000},
        {"12h", 1795000000000 - 12LL * 3600000},
        {"90m", 1795000000000 - 90LL * 60000},
        {"2w", 1795000000000 - 14LL * 86400000},
        {"6mo", 1795000000000 - 180LL * 86400000},
        {"1y", 1795000000000 - 365LL * 86400000},
        {"2026-11-01", 1793516400000},       // midnight, PDT
        {"2026-11-10T08:30", 1794328200000}, // PST
        {"2026-11-10T16:30:00Z", 1794328200000},
        {"2026-11-10T17:30:00+01:00", 1794328200000},
        {"2026-11-10T16:30:00.12Z", 1794328200120},
        {"2026-11-10 08:30:00.1239", 1794328200123},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ms = -1;
        cr_assert_eq(cm_when_parse(&ms, cases[i].text, now, "--since", NULL), CM_OK, "%s",
                     cases[i].text);
        cr_expect_eq(ms, cases[i].ms, "%s gave %lld", cases[i].text, (long long)ms);
    }
}

Test(when, refuses_what_is_no_time)
{
    static const char *const bad[] = {"",
                                      "d",
                                      "30",
                                      "0d",
                                      "-3d",
                                      "30 d",
                                      "2026-02-30",
                                      "2026-13-01",
                                      "yesterday",
                                      "2026-11-10Z",
                                      "9999999d",
                                      "2026-11-10T16:30:00+25:00",
                                      "2026-11-10T16:30:00.Z",
                                      "2026-11-10T16:30.5Z"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t ms;
        struct cm_error error;
        cr_expect_eq(cm_when_parse(&ms, bad[i], now, "--since", &error), CM_INVALID, "%s", bad[i]);
        cr_expect_str_eq(error.where, "--since");
    }
}

Test(when, writes_local_time_with_its_offset_and_utc)
{
    char text[CM_WHEN_SIZE];
    cr_expect_str_eq(cm_when_local(text, now), "2026-11-18 03:06:40-08:00");
    cr_expect_str_eq(cm_when_utc(text, now + 7), "2026-11-18T11:06:40.007Z");
}

Test(when, names_a_span_by_its_largest_unit)
{
    char text[CM_WHEN_SIZE];
    cr_expect_str_eq(cm_when_span(text, 30LL * 86400000), "30 days");
    cr_expect_str_eq(cm_when_span(text, 30LL * 86400000 - 3000), "30 days");
    cr_expect_str_eq(cm_when_span(text, 86400000), "1 day");
    cr_expect_str_eq(cm_when_span(text, 6LL * 3600000), "6 hours");
    cr_expect_str_eq(cm_when_span(text, 59000), "59 seconds");
}
