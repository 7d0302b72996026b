#include "nodes/ingest/values.h"

#include <criterion/criterion.h>
#include <string.h>

static int64_t time_of(const char *text)
{
    const char *why = NULL;
    int64_t ms = -1;
    if (cm_csv_time(&ms, cm_bytes_of(text), &why) != CM_OK) {
        cr_expect_not_null(why);
        return -1;
    }
    return ms;
}

Test(values, times_of_rfc_3339_and_milliseconds)
{
    cr_expect_eq(time_of("2026-11-22T08:53:23Z"), 1795337603000);
    cr_expect_eq(time_of("2026-11-22t08:53:23z"), 1795337603000);
    cr_expect_eq(time_of("2026-11-22 08:53:23.5Z"), 1795337603500);
    cr_expect_eq(time_of("2026-11-22T08:53:23.123987654Z"), 1795337603123);
    cr_expect_eq(time_of("2026-11-22T00:53:23-08:00"), 1795337603000);
    cr_expect_eq(time_of("2026-11-22T14:23:23.009+05:30"), 1795337603009);
    cr_expect_eq(time_of("2024-02-29T00:00:00Z"), 1709164800000);
    cr_expect_eq(time_of("2016-12-31T23:59:60Z"), 1483228800000);
    cr_expect_eq(time_of("1795337603123"), 1795337603123);
}

Test(values, what_is_no_time)
{
    static const char *const bad[] = {"",
                                      "yesterday",
                                      "2026-11-22",
                                      "2026-11-22T08:53:23",
                                      "2026-11-22T08:53Z",
                                      "2026-02-29T00:00:00Z",
                                      "2026-13-01T00:00:00Z",
                                      "2026-00-01T00:00:00Z",
                                      "2026-11-31T00:00:00Z",
                                      "2026-11-22T24:00:00Z",
                                      "2026-11-22T08:60:00Z",
                                      "2026-11-22T08:53:61Z",
                                      "2026-11-22T08:53:23.Z",
                                      "2026-11-22T08:53:23+8",
                                      "2026-11-22T08:53:23+24:00",
                                      "2026-11-22T08:53:23+08:60",
                                      "2026-11-22T08:53:23Zx",
                                      "+026-11-22T08:53:23Z",
                                      "-1795337603123",
                                      "1795337603",
                                      "99999999999999999999999",
                                      "1795337603123.5",
                                      "11/22/2026 08:53"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect_eq(time_of(bad[i]), -1, "%s", bad[i]);
    }
}

Test(values, a_wrong_time_is_explained)
{
    const char *why = NULL;
    int64_t ms;
    cr_expect_eq(cm_csv_time(&ms, cm_bytes_of("1795337603"), &why), CM_INVALID);
    cr_expect_not_null(strstr(why, "seconds"));
    cr_expect_eq(cm_csv_time(&ms, cm_bytes_of("2026-11-22T08:53:23"), &why), CM_INVALID);
    cr_expect_not_null(strstr(why, "offset"));
    cr_expect_eq(cm_csv_time(&ms, cm_bytes_of("2026-02-30T08:53:23Z"), &why), CM_INVALID);
    cr_expect_not_null(strstr(why, "calendar"));
}

Test(values, numbers)
{
    double value = 0;
    cr_assert_eq(cm_csv_number(&value, cm_bytes_of("-121.5e0")), CM_OK);
    cr_expect(value <= -121.5 && value >= -121.5);
    static const char *const bad[] = {"",    "x",    "1,5", " 1",  "1 ", "nan",
                                      "inf", "0x10", "+1",  "--1", "1e", "."};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect_eq(cm_csv_number(&value, cm_bytes_of(bad[i])), CM_INVALID, "%s", bad[i]);
    }
    const struct cm_bytes nul = {(const uint8_t *)"1\0", 2};
    cr_expect_eq(cm_csv_number(&value, nul), CM_INVALID);
}

Test(values, whole_numbers)
{
    uint64_t value = 0;
    cr_expect_eq(cm_csv_whole(&value, cm_bytes_of("9999"), 9999), CM_OK);
    cr_expect_eq(value, 9999);
    cr_expect_eq(cm_csv_whole(&value, cm_bytes_of("10000"), 9999), CM_INVALID);
    cr_expect_eq(cm_csv_whole(&value, cm_bytes_of(""), 9999), CM_INVALID);
    cr_expect_eq(cm_csv_whole(&value, cm_bytes_of("-1"), 9999), CM_INVALID);
    cr_expect_eq(cm_csv_whole(&value, cm_bytes_of("18446744073709551617"), UINT64_MAX), CM_INVALID);
}

Test(values, candidates)
{
    struct cm_arena *arena = cm_arena_new(1 << 16);
    struct cm_detection d = {0};
    cr_assert_eq(cm_csv_candidates(&d, cm_bytes_of("8abc-123:0.91;8A8C123:0"), arena), CM_OK);
    cr_assert_eq(d.candidate_count, 2);
    cr_expect_str_eq(d.candidates[0].plate, "8ABC123");
    cr_expect(d.candidates[0].confidence > 0.9 && d.candidates[0].confidence < 0.92);
    static const char *const bad[] = {"8ABC123",
                                      ":0.5",
                                      "8ABC123:",
                                      "8ABC123:x",
                                      ";",
                                      "A:1;;B:1",
                                      "A:1;B:1;C:1;D:1;E:1;F:1;G:1;H:1;I:1;J:1;K:1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect_eq(cm_csv_candidates(&d, cm_bytes_of(bad[i]), arena), CM_INVALID, "%s", bad[i]);
    }
    cm_arena_free(arena);
}
