#include "proto/ledger/recovery.h"

#include "planned.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

Test(recovery, every_flipped_bit_is_found_and_the_file_left_alone)
{
    struct fixture f;
    fixture_open(&f);
    fixture_fill(&f, 2);
    struct cm_buf log = fixture_read(f.log);
    for (size_t bit = 0; bit < log.len * 8; bit += 7) { // all of them: log_reader
        log.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        fixture_write(f.log, log.data, log.len);
        cr_expect_eq(fixture_try(&f), CM_INVALID, "bit %zu of byte %zu of %zu", bit % 8, bit / 8,
                     log.len);
        struct cm_buf after = fixture_read(f.log);
        cr_expect(cm_bytes_equal(cm_buf_bytes(&after), cm_buf_bytes(&log)));
        cm_buf_clear(&after);
        log.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    cm_buf_clear(&log);
    fixture_close(&f);
}

Test(recovery, a_torn_tail_is_cut)
{
    struct fixture f;
    struct fixture_seen seen;
    fixture_open(&f);
    fixture_fill(&f, 3);
    struct cm_buf log = fixture_read(f.log);
    for (size_t len = log.len - 1; len > 4; len -= 5) { // each of them: log_reader
        fixture_unpublish(&f);
        fixture_write(f.log, log.data, len);
        struct cm_ledger *ledger = fixture_ledger(&f, &seen);
        struct one one;
        cr_assert_leq(seen.count, 2);
        cr_assert_eq(cm_ledger_head(ledger)->checkpoint.size, seen.count);
        if (len % 4 == 0) {
            cr_assert_eq(fixture_append(&f, ledger, &one, "again"), CM_OK);
            cr_assert_eq(one.append.index, seen.count);
            cm_tree_head_unref(one.append.head);
        }
        cm_ledger_close(ledger);
        if (len % 4 == 0) {
            cr_assert_eq(fixture_try(&f), CM_OK);
        }
    }
    cm_buf_clear(&log);
    fixture_close(&f);
}

// Where the log ended after count entries, each with its checkpoint.
static size_t length_after(struct fixture *f, unsigned count)
{
    struct stat facts;
    unlink(f->log);
    fixture_fill(f, count);
    cr_assert_eq(stat(f->log, &facts), 0);
    return (size_t)facts.st_size;
}

Test(recovery, unwritten_blocks_are_a_torn_tail)
{
    struct fixture f;
    struct fixture_seen seen;
    fixture_open(&f);
    const size_t end = length_after(&f, 2);
    struct cm_buf log = fixture_read(f.log);
    static const uint8_t zeros[4096];
    cr_assert_eq(log.len, end);
    cr_assert_eq(cm_buf_add(&log, zeros, sizeof zeros), CM_OK);
    fixture_write(f.log, log.data, log.len);
    struct cm_ledger *ledger = fixture_ledger(&f, &seen);
    cr_assert_eq(seen.count, 2);
    cm_ledger_close(ledger);
    // Garbage in place of zeros isn't what a crash leaves.
    log.data[log.len - 1] = 1;
    fixture_write(f.log, log.data, log.len);
    cr_assert_eq(fixture_try(&f), CM_INVALID);
    cm_buf_clear(&log);
    fixture_close(&f);
}

// Child: appends one after another, tells each acknowledged index, dies at the planned step.
static void run_child(struct fixture *f, int out)
{
    struct cm_ledger *ledger = planned_open(f);
    for (unsigned i = 0; i < 100000; i++) { // until it is killed
        struct one one;
        char entry[32];
        snprintf(entry, sizeof entry, "entry %u", i);
        if (fixture_append(f, ledger, &one, entry) != CM_OK) {
            _exit(1);
        }
        if (write(out, &one.append.index, sizeof one.append.index) < 0) {
            _exit(1);
        }
        cm_tree_head_unref(one.append.head);
    }
    _exit(2);
}

Test(recovery, what_was_acknowledged_survives_a_crash_at_any_step)
{
    struct fixture f;
    struct fixture_seen seen;
    fixture_open(&f);
    uint64_t held = 0;
    srandom(20251122);
    for (unsigned round = 0; round < 40; round++) {
        memset(&plan, 0, sizeof plan);
        plan.half = random() % 2;
        plan.tiles = round % 2;
        plan.step = 1 + random() % (plan.tiles ? 40 : 9);
        int ends[2];
        cr_assert_eq(pipe(ends), 0);
        const pid_t child = fork();
        cr_assert(child >= 0);
        if (child == 0) {
            run_child(&f, ends[1]);
        }
        close(ends[1]);
        for (uint64_t index; read(ends[0], &index, sizeof index) == sizeof index;) {
            held = index + 1;
        }
        close(ends[0]);
        int status;
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 42, "round %u", round);
        struct cm_ledger *ledger = fixture_ledger(&f, &seen);
        cr_assert_geq(seen.count, held, "round %u", round);
        cr_assert_leq(seen.count, held + 1);
        held = seen.count;
        cm_ledger_close(ledger);
    }
    cr_assert_geq(held, 20);
    fixture_close(&f);
}

Test(recovery, tiles_that_cannot_be_written_hold_nothing_up)
{
    struct fixture f;
    struct fixture_seen seen;
    fixture_open(&f);
    memset(&plan, 0, sizeof plan);
    plan.tiles = plan.always = true;
    plan.number = ENOSPC;
    struct cm_ledger *ledger = planned_open(&f);
    for (unsigned i = 0; i < 20; i++) {
        cr_assert_eq(fixture_append_text(&f, ledger, "recorded all the same", false), CM_OK);
    }
    cr_assert_eq(cm_ledger_published(ledger), 0);
    cm_ledger_close(ledger);
    // Nor do they keep it from starting.
    ledger = planned_open(&f);
    cr_assert_eq(fixture_append_text(&f, ledger, "and after a start", false), CM_OK);
    cm_ledger_close(ledger);
    ledger = fixture_ledger(&f, &seen);
    cr_assert_eq(seen.count, 21);
    cm_ledger_close(ledger);
    ledger = fixture_ledger(&f, &seen);
    cr_assert_eq(cm_ledger_published(ledger), 21);
    cm_ledger_close(ledger);
    fixture_close(&f);
}

// What was published is compared at a start, also where that start can write no more.
Test(recovery, a_tile_that_was_changed_is_found_at_start)
{
    struct fixture f;
    char path[128];
    fixture_open(&f);
    fixture_fill(&f, 300);
    snprintf(path, sizeof path, "%s/tile/entries/000", f.folder);
    struct cm_buf tile = fixture_read(path);
    tile.data[tile.len - 1] ^= 1;
    fixture_write(path, tile.data, tile.len);
    cr_expect_eq(fixture_try(&f), CM_INVALID);
    tile.data[tile.len - 1] ^= 1;
    fixture_write(path, tile.data, tile.len);
    cr_expect_eq(fixture_try(&f), CM_OK);
    snprintf(path, sizeof path, "%s/vkey", f.folder);
    fixture_write(path, (const uint8_t *)"another+00000000+AAAA\n", 22);
    cr_expect_eq(fixture_try(&f), CM_INVALID);
    cm_buf_clear(&tile);
    fixture_close(&f);
}

Test(recovery, a_tile_that_cannot_be_read_is_named)
{
    struct fixture f;
    char path[128];
    struct cm_error error = {.text = ""};
    struct cm_ledger *ledger;
    fixture_open(&f);
    const struct cm_ledger_options options = fixture_options(&f);
    fixture_fill(&f, 300);
    snprintf(path, sizeof path, "%s/tile/0/000", f.folder);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(mkdir(path, 0700), 0);
    cr_assert_eq(cm_ledger_open(&ledger, &options, &error), CM_IO);
    cr_expect_str_eq(error.where, "tile/0/000");
    fixture_close(&f);
}

static int failing_fdatasync(int fd)
{
    (void)fd;
    errno = EIO;
    return -1;
}

// A process that was killed after a write leaves it in the system's memory alone.
Test(recovery, nothing_is_built_on_what_is_not_durable)
{
    struct fixture f;
    struct cm_error error = {.text = ""};
    struct cm_ledger_io io = cm_ledger_system_calls;
    struct cm_ledger *ledger;
    fixture_open(&f);
    const struct cm_ledger_options options = fixture_options(&f);
    fixture_fill(&f, 2);
    io.fdatasync = failing_fdatasync;
    cr_expect_eq(cm_ledger_open_with(&ledger, &options, &io, &error), CM_IO);
    cr_expect(strstr(error.text, "durable"), "%s", error.text);
    fixture_close(&f);
}
