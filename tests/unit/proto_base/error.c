#include "proto/base/error.h"

#include <criterion/criterion.h>
#include <string.h>

Test(error, says_where_what_and_what_to_do)
{
    struct cm_error error;
    char text[600];
    cr_assert_eq(cm_fail(&error, CM_INVALID, "window.to_ms", "lies %d s back", 3), CM_INVALID);
    cr_expect_str_eq(cm_error_format(text, sizeof text, &error), "window.to_ms: lies 3 s back");
    cm_error_hint(&error, "check the clock");
    cr_expect_str_eq(cm_error_format(text, sizeof text, &error),
                     "window.to_ms: lies 3 s back (check the clock)");
}

Test(error, cuts_what_is_too_long_and_takes_no_error)
{
    struct cm_error error;
    char longer[1000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    cm_fail(&error, CM_IO, longer, "%s", longer);
    cr_expect_eq(strlen(error.where), sizeof error.where - 1);
    cr_expect_eq(strlen(error.text), sizeof error.text - 1);
    cr_expect_eq(cm_fail(NULL, CM_STALE, "x", "y"), CM_STALE);
    cm_error_hint(NULL, "nothing");
}
