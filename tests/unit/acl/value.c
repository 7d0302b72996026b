#include "acl/value.h"

#include <criterion/criterion.h>

Test(value, units_in_one_and_many)
{
    cr_expect_eq(cm_value_unit_s("minute"), 60);
    cr_expect_eq(cm_value_unit_s("hours"), 3600);
    cr_expect_eq(cm_value_unit_s("month"), 30 * 86400);
    cr_expect_eq(cm_value_unit_s("years"), 365 * 86400);
    cr_expect_eq(cm_value_unit_s("weeks"), 0);
    cr_expect_eq(cm_value_unit_s("Days"), 0);
}

Test(value, numbers_are_decimal_from_one_up)
{
    int64_t number;
    cr_expect(cm_value_number("1", 9, &number) && number == 1);
    cr_expect(cm_value_number("007", 9, &number) && number == 7);
    cr_expect(cm_value_number("9223372036854775807", INT64_MAX, &number) && number == INT64_MAX);
    cr_expect_not(cm_value_number("9223372036854775808", INT64_MAX, &number));
    cr_expect_not(cm_value_number("10", 9, &number));
    cr_expect_not(cm_value_number("0", 9, &number));
    cr_expect_not(cm_value_number("", 9, &number));
    cr_expect_not(cm_value_number("1a", 9, &number));
}

Test(value, dates_are_real)
{
    int64_t ms;
    cr_expect(cm_value_date("1970-01-02", &ms) && ms == 86400000);
    cr_expect(cm_value_date("2028-02-29", &ms));
    cr_expect(cm_value_date("2000-02-29", &ms));
    cr_expect_not(cm_value_date("2027-02-29", &ms));
    cr_expect_not(cm_value_date("2100-02-29", &ms));
    cr_expect_not(cm_value_date("2027-00-10", &ms));
    cr_expect_not(cm_value_date("2027-13-10", &ms));
    cr_expect_not(cm_value_date("2027-04-31", &ms));
    cr_expect_not(cm_value_date("2027-04-00", &ms));
    cr_expect_not(cm_value_date("2027-4-3", &ms));
    cr_expect_not(cm_value_date("2027-04-03T", &ms));
}

Test(value, dates_come_back)
{
    char text[11];
    int64_t ms;
    cr_assert(cm_value_date("2027-06-30", &ms));
    cm_value_date_format(text, ms);
    cr_expect_str_eq(text, "2027-06-30");
}

Test(value, durations_are_said_in_their_largest_unit)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {
        {0, "0 seconds"},     {59, "59 seconds"},   {60, "1 minute"},
        {7200, "2 hours"},    {86400, "1 day"},     {86460, "1441 minutes"},
        {2592000, "30 days"}, {31536000, "1 year"}, {157680000, "5 years"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[CM_DURATION_SIZE];
        cm_value_duration_format(text, cases[i].seconds);
        cr_expect_str_eq(text, cases[i].text);
    }
}
