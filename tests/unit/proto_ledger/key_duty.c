#include "proto/ledger/key_duty.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOON INT64_C(1795348800000) // 2026-11-22 12:00 UTC

static char folder[64];
static struct cm_key_duty duty;
static struct cm_job *waiting;
static unsigned jobs;
static uint32_t erased_before;
static size_t erased_count;

static enum cm_status submit(void *context, struct cm_job *job)
{
    (void)context;
    waiting = job;
    jobs++;
    return CM_OK;
}

static void on_erased(void *context, uint32_t before_day, const char *what)
{
    (void)context;
    erased_before = before_day;
    const char *keys = strstr(what, " erased, keys: ");
    cr_assert_not_null(keys);
    erased_count += strtoul(keys + strlen(" erased, keys: "), NULL, 10);
}

static void run(void)
{
    while (waiting) {
        struct cm_job *job = waiting;
        waiting = NULL;
        job->work(job);
        job->done(job);
    }
}

static void begin(void)
{
    strcpy(folder, "/tmp/cm-duty-XXXXXX");
    cr_assert(mkdtemp(folder));
    duty = (struct cm_key_duty){.keep_days = 3, .submit = submit, .erased = on_erased};
    cr_assert_eq(cm_day_keys_open(&duty.keys, folder, NULL), CM_OK);
}

static void end(void)
{
    char command[128];
    cm_day_keys_free(duty.keys);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    cr_expect_eq(system(command), 0);
}

TestSuite(key_duty, .init = begin, .fini = end);

static void look(unsigned days_later, bool may_erase)
{
    cm_key_duty_look(&duty, NOON + days_later * CM_DAY_LENGTH_MS, may_erase);
    run();
}

static bool has(unsigned days_later)
{
    uint8_t key[CM_DAY_KEY_SIZE];
    const uint32_t day = cm_day_of(NOON + days_later * CM_DAY_LENGTH_MS);
    return cm_day_keys_get(key, duty.keys, day) == CM_OK;
}

Test(key_duty, todays_and_tomorrows_keys_are_there_once_a_day)
{
    look(0, true);
    cr_assert(has(0) && has(1) && !has(2));
    look(0, true);
    cr_assert_eq(jobs, 1, "nothing to do twice a day");
    look(1, true);
    cr_assert(has(2));
    cr_assert_eq(erased_count, 0);
}

Test(key_duty, what_was_kept_long_enough_is_destroyed_and_told)
{
    for (unsigned day = 0; day <= 4; day++) {
        look(day, true);
    }
    cr_assert(!has(0) && has(1), "three days are kept beside today's");
    cr_assert_eq(erased_before, cm_day_of(NOON) + 1);
    cr_assert_eq(erased_count, 1);
}

Test(key_duty, a_clock_that_is_not_believed_destroys_nothing)
{
    look(0, true);
    look(1000, false);
    cr_assert(has(0));
    cr_assert(has(1000), "what is recorded then can be sealed");
    cm_key_duty_look(&duty, NOON + 1000 * CM_DAY_LENGTH_MS + 60001, true);
    run();
    cr_assert_not(has(0), "looked at again once it is");
}

// On the same day: no new one makes it look.
Test(key_duty, a_clock_that_is_set_back_makes_nothing_wait)
{
    const int64_t evening = NOON + 8 * 3600000;
    look(0, true);
    cm_key_duty_look(&duty, evening + CM_DAY_LENGTH_MS, false);
    run();
    cm_key_duty_erase(&duty, cm_day_of(NOON) + 1);
    look(1, true);
    cr_assert_not(has(0));
}

Test(key_duty, an_administrator_may_want_more_erased)
{
    look(0, true);
    look(1, true);
    cm_key_duty_erase(&duty, cm_day_of(NOON) + 1);
    look(1, true);
    cr_assert(!has(0) && has(1));
    cr_assert_eq(erased_count, 1);
    const unsigned before = jobs;
    look(1, true);
    cr_assert_eq(jobs, before, "done is done");
}

Test(key_duty, reads_how_long)
{
    static const struct {
        const char *text;
        uint32_t days;
    } good[] = {{"2y", 732}, {"1d", 1}, {"400d", 400}, {"100y", 36600}};
    static const char *const bad[] = {"",    "2",    "y",   "0d",          "2 y",
                                      "-1d", "101y", "2yd", "99999999999d"};
    uint32_t days = 0;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        cr_assert_eq(cm_audit_keep_parse(&days, good[i].text, NULL), CM_OK);
        cr_assert_eq(days, good[i].days);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct cm_error error = {.text = ""};
        cr_assert_eq(cm_audit_keep_parse(&days, bad[i], &error), CM_INVALID, "%s", bad[i]);
        cr_assert_gt(strlen(error.hint), 0);
    }
}
