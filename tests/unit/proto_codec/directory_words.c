#include "proto/codec/directory.h"

#include <criterion/criterion.h>
#include <string.h>

Test(directory_words, kinds)
{
    for (int i = 1; i < CM_KIND_COUNT; i++) {
        cr_expect_eq((int)cm_kind_of(cm_bytes_of(cm_kind_name((enum cm_kind)i))), i);
    }
    cr_expect_eq(cm_kind_of(cm_bytes_of("none")), CM_KIND_NONE);
    cr_expect_eq(cm_kind_of(cm_bytes_of("Local")), CM_KIND_NONE);
}

Test(directory_words, states)
{
    unsigned known = 0;

    for (char a = 'A'; a <= 'Z'; a++) {
        for (char b = 'A'; b <= 'Z'; b++) {
            known += cm_state_known(cm_bytes_of((char[]){a, b, '\0'}));
        }
    }
    cr_expect_eq(known, 50 + 1 + 5);
    cr_expect(cm_state_known(cm_bytes_of("AK")) && cm_state_known(cm_bytes_of("WY")));
    cr_expect_not(cm_state_known(cm_bytes_of("ca")));
    cr_expect_not(cm_state_known(cm_bytes_of("K ")));
    cr_expect_not(cm_state_known(cm_bytes_of("C")));
    cr_expect_not(cm_state_known(cm_bytes_of("")));
}

Test(directory_words, case_patterns)
{
    char longest[CM_MAX_CASE + 2];

    cr_expect(cm_case_fits("99-9999", "26-1234"));
    cr_expect_not(cm_case_fits("99-9999", "26-12345"));
    cr_expect_not(cm_case_fits("99-9999", "26-123A"));
    cr_expect(cm_case_fits("AA99", "Xy12"));
    cr_expect_not(cm_case_fits("AA99", "X112"));
    cr_expect(cm_case_fits("HOM-*", "HOM-"));
    cr_expect(cm_case_fits("HOM-*", "HOM-1234567890abcdef"));
    cr_expect_not(cm_case_fits("HOM-*", "HOM-1234567890abcdefg"));
    cr_expect_not(cm_case_fits("HOM-*", "HOM-1-2"));
    cr_expect(cm_case_fits("*-*", "a-b"));
    cr_expect(cm_case_fits("*9", "99999"), "a star must give back what comes after it");
    cr_expect(cm_case_fits("****************************************9", "1234567890123456"));
    cr_expect(cm_case_fits("", "anything at all"));
    cr_expect_not(cm_case_fits("", ""));
    cr_expect_not(cm_case_fits("*", ""));
    memset(longest, '1', sizeof longest);
    longest[CM_MAX_CASE + 1] = '\0';
    cr_expect_not(cm_case_fits("", longest));
    longest[CM_MAX_CASE] = '\0';
    cr_expect(cm_case_fits("", longest));
    cr_expect(cm_case_fits("****", longest));
    cr_expect_not(cm_case_fits("***", longest));
}
