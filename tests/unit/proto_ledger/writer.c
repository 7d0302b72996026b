#include "proto/ledger/writer.h"

#include "planned.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void check_latches(int number, bool fsync_only)
{
    struct fixture f;
    struct one one;
    fixture_open(&f);
    memset(&plan, 0, sizeof plan);
    plan.step = fsync_only ? 3 : 4; // the second batch's fsync or write; the first is the start's
    plan.number = number;
    plan.fsync_only = fsync_only;
    struct cm_ledger *ledger = planned_open(&f);
    cr_assert_eq(fixture_append(&f, ledger, &one, "held"), CM_OK);
    cm_tree_head_unref(one.append.head);
    cr_assert_eq(fixture_append(&f, ledger, &one, "lost"), CM_UNAVAILABLE);
    cr_assert_null(one.append.head);
    cr_assert(cm_ledger_latched(ledger));
    cr_assert_eq(fixture_append(&f, ledger, &one, "later"), CM_UNAVAILABLE);
    cr_assert_not(one.done);
    cr_assert_eq(cm_ledger_head(ledger)->checkpoint.size, 1);
    cm_ledger_close(ledger);
    fixture_close(&f);
}

Test(writer, a_failed_write_or_fsync_latches)
{
    check_latches(EIO, false);
    check_latches(EIO, true);
    check_latches(ENOSPC, true);
}

Test(writer, a_full_disk_refuses_until_there_is_room)
{
    struct fixture f;
    struct fixture_seen seen;
    struct one one;
    fixture_open(&f);
    memset(&plan, 0, sizeof plan);
    plan.step = 4; // the second batch's write
    plan.number = ENOSPC;
    plan.half = true;
    struct cm_ledger *ledger = planned_open(&f);
    cr_assert_eq(fixture_append(&f, ledger, &one, "held"), CM_OK);
    cm_tree_head_unref(one.append.head);
    cr_assert_eq(fixture_append(&f, ledger, &one, "no room"), CM_UNAVAILABLE);
    cr_assert_not(cm_ledger_latched(ledger));
    cr_assert_eq(fixture_append(&f, ledger, &one, "room again"), CM_OK);
    cr_assert_eq(one.append.index, 1);
    fixture_check_proof(ledger, &one.append);
    cm_tree_head_unref(one.append.head);
    cm_ledger_close(ledger);
    ledger = fixture_ledger(&f, &seen);
    cr_assert_eq(seen.count, 2);
    cr_assert_str_eq(seen.last, "room again");
    cm_ledger_close(ledger);
    fixture_close(&f);
}

Test(writer, a_bound_leaves_room_for_what_is_essential)
{
    struct fixture f;
    struct fixture_seen seen;
    struct cm_error error = {.text = ""};
    static char large[60000];
    fixture_open(&f);
    struct cm_ledger_options options = fixture_options(&f);
    struct cm_ledger *ledger;
    memset(large, 'x', sizeof large - 1);
    options.max_bytes = CM_LOG_RESERVE + 3 * sizeof large;
    cr_assert_eq(cm_ledger_open(&ledger, &options, &error), CM_OK, "%s", error.text);
    cr_expect_eq(fixture_append_text(&f, ledger, large, false), CM_OK);
    cr_expect_eq(fixture_append_text(&f, ledger, large, false), CM_OK);
    cr_expect_not(cm_ledger_full(ledger));
    cr_expect_eq(fixture_append_text(&f, ledger, large, false), CM_UNAVAILABLE);
    cr_expect(cm_ledger_full(ledger));
    cr_expect_not(cm_ledger_latched(ledger));
    cr_expect_eq(fixture_append_text(&f, ledger, "stop", true), CM_OK);
    cr_expect_eq(fixture_append_text(&f, ledger, "small enough", false), CM_OK);
    cr_expect_not(cm_ledger_full(ledger));
    for (unsigned i = 0; i < CM_LOG_RESERVE / sizeof large; i++) {
        cr_expect_eq(fixture_append_text(&f, ledger, large, true), CM_OK);
    }
    cr_expect_eq(fixture_append_text(&f, ledger, large, true), CM_OK,
                 "what was left below the reserve");
    cr_expect_eq(fixture_append_text(&f, ledger, large, true), CM_UNAVAILABLE,
                 "a bound is a bound");
    cm_ledger_close(ledger);
    ledger = fixture_ledger(&f, &seen);
    cr_expect_eq(seen.count, 4 + CM_LOG_RESERVE / sizeof large + 1);
    cm_ledger_close(ledger);
    fixture_close(&f);
}

// A batch with both: what is essential is recorded, the rest is told so.
Test(writer, a_full_batch_keeps_what_is_essential)
{
    struct fixture f;
    struct one ones[8];
    struct cm_error error = {.text = ""};
    static char large[60000];
    fixture_open(&f);
    struct cm_ledger_options options = fixture_options(&f);
    struct cm_ledger *ledger;
    memset(large, 'x', sizeof large - 1);
    options.max_bytes = CM_LOG_RESERVE + sizeof large / 2;
    cr_assert_eq(cm_ledger_open(&ledger, &options, &error), CM_OK, "%s", error.text);
    for (unsigned i = 0; i < 8; i++) {
        fixture_start(&ones[i], i % 2 ? "essential" : large);
        ones[i].append.essential = i % 2;
        cr_assert_eq(cm_ledger_append(ledger, &ones[i].append), CM_OK);
    }
    for (unsigned i = 0; i < 8; i++) {
        while (!ones[i].done) {
            pump_one(&f.pump);
        }
        cr_expect_eq(ones[i].append.status, i % 2 ? CM_OK : CM_UNAVAILABLE);
        if (!ones[i].append.status) {
            fixture_check_proof(ledger, &ones[i].append);
            cm_tree_head_unref(ones[i].append.head);
        }
    }
    cr_assert_eq(cm_ledger_head(ledger)->checkpoint.size, 4);
    cm_ledger_close(ledger);
    fixture_close(&f);
}

static bool disk_full;

static int bounded_fallocate(int fd, int mode, off_t offset, off_t len)
{
    if (disk_full) {
        errno = ENOSPC;
        return -1;
    }
    return fallocate(fd, mode, offset, len);
}

Test(writer, disk_is_kept_for_what_is_essential)
{
    struct fixture f;
    struct stat facts;
    struct cm_ledger_io io = cm_ledger_system_calls;
    static char large[60000];
    fixture_open(&f);
    const struct cm_ledger_options options = fixture_options(&f);
    struct cm_ledger *ledger;
    memset(large, 'x', sizeof large - 1);
    io.fallocate = bounded_fallocate;
    cr_assert_eq(cm_ledger_open_with(&ledger, &options, &io, NULL), CM_OK);
    cr_expect_eq(fixture_append_text(&f, ledger, "one", false), CM_OK);
    cr_assert_eq(stat(f.log, &facts), 0);
    cr_assert_lt(facts.st_size, 1000);
    const bool kept = facts.st_blocks * 512 >= CM_LOG_RESERVE; // not every file system can
    disk_full = true;
    unsigned taken = 0;
    while (kept && taken < 100 && fixture_append_text(&f, ledger, large, false) == CM_OK) {
        taken++;
    }
    cr_expect_lt(taken, 100);
    if (kept) {
        cr_expect(cm_ledger_full(ledger));
        for (unsigned i = 0; i < CM_LOG_RESERVE / sizeof large; i++) {
            cr_expect_eq(fixture_append_text(&f, ledger, large, true), CM_OK);
        }
    }
    disk_full = false;
    cr_expect_eq(fixture_append_text(&f, ledger, large, false), CM_OK, "there is room again");
    cm_ledger_close(ledger);
    cr_assert_eq(stat(f.log, &facts), 0);
    cr_expect_lt(facts.st_blocks * 512, facts.st_size + CM_LOG_RESERVE, "what was ahead goes back");
    cr_assert_eq(fixture_try(&f), CM_OK);
    fixture_close(&f);
}
