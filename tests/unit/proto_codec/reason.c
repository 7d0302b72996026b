#include "proto/codec/query.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test(reason, takes_what_people_write)
{
    static const char *const good[] = {
        "Vehicle seen leaving the scene on Pier Road",
        "homicide investigation follow-up",
        "traffic stop investigation",
        "a stolen car",
        "Missing child, missing since Monday",
        "niño desaparecido, último avistamiento",
        "8ABC123 fled a fatal collision",
        "Locate witness to shooting",
    };

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_expect_eq(cm_reason_check(good[i], "8ABC123", NULL), CM_OK, "%s", good[i]);
    }
}

Test(reason, refuses_placeholders)
{
    static const char *const bad[] = {
        "",
        ".",
        ". . .",
        "inv",
        "test",
        "12345",
        "123 456 789",
        "26-1234 26-1235 26-1236",
        "8ABC123",
        "8abc123 8ABC-123 stolen car",
        "investigation investigation investigation",
        "Investigation INVESTIGATION investigation.",
        "n/a n/a n/a",
        "asdf asdf asdf",
        "asdf qwer zxcv",
        "inv test asdf stolen stolen stolen",
        "a b c",
        "xx yy zz",
        "xxx xxx xxx",
        "police investigation case",
        "stolen car",
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct cm_error error = {0};
        char all[sizeof error.text + sizeof error.hint];

        cr_expect_eq(cm_reason_check(bad[i], "8ABC123", &error), CM_INVALID, "%s", bad[i]);
        cr_expect_str_eq(error.where, "reason");
        snprintf(all, sizeof all, "%s%s", error.text, error.hint);
        cr_expect(strlen(bad[i]) < 4 || !strstr(all, bad[i]), "the reason is in the error");
    }
}

Test(reason, bounds_and_bytes)
{
    char text[CM_MAX_REASON + 2];

    memset(text, ' ', sizeof text);
    memcpy(text, "fled fatal collision", 20);
    text[CM_MAX_REASON] = '\0';
    cr_expect_eq(cm_reason_check(text, NULL, NULL), CM_OK);
    text[CM_MAX_REASON] = ' ';
    text[CM_MAX_REASON + 1] = '\0';
    cr_expect_eq(cm_reason_check(text, NULL, NULL), CM_INVALID);
    cr_expect_eq(cm_reason_check("fled fatal collision\x1b[2J", NULL, NULL), CM_INVALID);
    cr_expect_eq(cm_reason_check("fled fatal collision \xc3", NULL, NULL), CM_INVALID);
}

Test(reason, plates_are_normalised)
{
    char out[CM_MAX_PLATE + 1];

    cr_expect_eq(cm_plate_normalise(out, cm_bytes_of(" 8abc-123 ")), CM_OK);
    cr_expect_str_eq(out, "8ABC123");
    cr_expect_eq(cm_plate_normalise(out, cm_bytes_of("8ABC•123")), CM_OK);
    cr_expect_str_eq(out, "8ABC123");
    cr_expect_eq(cm_plate_normalise(out, cm_bytes_of("ABCDEF123456")), CM_OK);
    cr_expect_eq(cm_plate_normalise(out, cm_bytes_of("ABCDEF1234567")), CM_INVALID);
    cr_expect_eq(cm_plate_normalise(out, cm_bytes_of(" -. ")), CM_INVALID);
    cr_expect_eq(cm_plate_normalise(out, cm_bytes_of("ÄBC123")), CM_INVALID);
    cr_expect_eq(cm_plate_normalise(out, cm_bytes_of("ABC\xff")), CM_INVALID);
}
