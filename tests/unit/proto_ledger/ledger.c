#include "proto/ledger/ledger.h"

#include "fixture.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct seen {
    uint64_t count;
    char last[64];
};

static enum cm_status note_entry(void *context, const struct cm_log_item *item)
{
    struct seen *seen = context;
    cr_assert_eq(item->index, seen->count++);
    snprintf(seen->last, sizeof seen->last, "%.*s", (int)item->entry.len,
             (const char *)item->entry.data);
    return CM_OK;
}

static struct cm_ledger *open_ledger(struct fixture *f, struct seen *seen)
{
    struct cm_ledger_options options = fixture_options(f);
    struct cm_error error = {.text = ""};
    struct cm_ledger *ledger;
    *seen = (struct seen){0};
    options.replay = note_entry;
    options.context = seen;
    cr_assert_eq(cm_ledger_open(&ledger, &options, &error), CM_OK, "%s", error.text);
    return ledger;
}

static enum cm_status try_open(struct fixture *f)
{
    const struct cm_ledger_options options = fixture_options(f);
    struct cm_ledger *ledger;
    const enum cm_status status = cm_ledger_open(&ledger, &options, NULL);
    if (!status) {
        cm_ledger_close(ledger);
    }
    return status;
}

static void fill(struct fixture *f, unsigned count)
{
    struct seen seen;
    struct cm_ledger *ledger = open_ledger(f, &seen);
    for (unsigned i = 0; i < count; i++) {
        struct one one;
        char entry[32];
        snprintf(entry, sizeof entry, "entry %u", i);
        cr_assert_eq(fixture_append(f, ledger, &one, entry), CM_OK);
        cr_assert_eq(one.append.index, i);
        cm_tree_head_unref(one.append.head);
    }
    cm_ledger_close(ledger);
}

static void check_proof(const struct cm_ledger *ledger, const struct cm_append *append)
{
    struct cm_arena *arena = cm_arena_new(1 << 14);
    struct cm_inclusion proof;
    struct cm_digest leaf;
    const struct cm_checkpoint *checkpoint = &append->head->checkpoint;
    cr_assert_eq(cm_ledger_prove_inclusion(&proof, arena, ledger, append->index, checkpoint->size),
                 CM_OK);
    cm_merkle_leaf(&leaf, append->entry);
    cr_assert_eq(cm_merkle_check_inclusion(&proof, &leaf, &checkpoint->root), CM_OK);
    cm_arena_free(arena);
}

Test(ledger, an_empty_one_has_a_signed_head)
{
    struct fixture f;
    struct seen seen;
    fixture_open(&f);
    struct cm_ledger *ledger = open_ledger(&f, &seen);
    struct cm_tree_head *head = cm_ledger_head(ledger);
    struct cm_checkpoint opened;
    struct cm_key *key;
    cr_assert_eq(cm_key_new(&key, cm_signer_spki(f.signer)), CM_OK);
    cr_assert_eq(cm_checkpoint_open(&opened, head->note, key, NULL), CM_OK);
    cr_assert_eq(opened.size, 0);
    cr_assert_str_eq(opened.origin, FIXTURE_ORIGIN);
    cm_key_free(key);
    cm_ledger_close(ledger);
    struct stat facts;
    cr_assert_eq(stat(f.log, &facts), 0);
    cr_assert_eq(facts.st_mode & 0777, 0600);
    fixture_close(&f);
}

Test(ledger, entries_are_there_again_after_reopening)
{
    struct fixture f;
    struct seen seen;
    fixture_open(&f);
    fill(&f, 7);
    struct cm_ledger *ledger = open_ledger(&f, &seen);
    cr_assert_eq(seen.count, 7);
    cr_assert_str_eq(seen.last, "entry 6");
    struct cm_tree_head *old = cm_tree_head_ref(cm_ledger_head(ledger));
    cr_assert_eq(old->checkpoint.size, 7);
    struct one one;
    cr_assert_eq(fixture_append(&f, ledger, &one, "after"), CM_OK);
    cr_assert_eq(one.append.index, 7);
    check_proof(ledger, &one.append);
    struct cm_arena *arena = cm_arena_new(1 << 14);
    struct cm_consistency proof;
    cr_assert_eq(cm_ledger_prove_consistency(&proof, arena, ledger, 7, 8), CM_OK);
    cr_assert_eq(cm_merkle_check_consistency(&proof, &old->checkpoint.root,
                                             &one.append.head->checkpoint.root),
                 CM_OK);
    cm_arena_free(arena);
    cm_tree_head_unref(old);
    cm_tree_head_unref(one.append.head);
    cm_ledger_close(ledger);
    fixture_close(&f);
}

Test(ledger, what_waits_shares_a_checkpoint_and_close_completes_it)
{
    enum { COUNT = 50 };
    struct fixture f;
    struct seen seen;
    struct one ones[COUNT];
    fixture_open(&f);
    struct cm_ledger *ledger = open_ledger(&f, &seen);
    for (unsigned i = 0; i < COUNT; i++) {
        fixture_start(&ones[i], "one of many");
        ones[i].append.access = cm_bytes_of("sealed");
        cr_assert_eq(cm_ledger_append(ledger, &ones[i].append), CM_OK);
    }
    while (!ones[COUNT - 1].done) {
        pump_one(&f.pump);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        cr_assert_eq(ones[i].append.status, CM_OK);
        cr_assert_eq(ones[i].append.index, i);
        check_proof(ledger, &ones[i].append);
        cm_tree_head_unref(ones[i].append.head);
    }
    struct one last;
    fixture_start(&last, "in flight at close");
    cr_assert_eq(cm_ledger_append(ledger, &last.append), CM_OK);
    cm_ledger_close(ledger);
    cr_assert(last.done);
    cr_assert_eq(last.append.status, CM_OK);
    cm_tree_head_unref(last.append.head);
    ledger = open_ledger(&f, &seen);
    cr_assert_eq(seen.count, COUNT + 1);
    cm_ledger_close(ledger);
    fixture_close(&f);
}

Test(ledger, bounds)
{
    struct fixture f;
    struct one first, second;
    fixture_open(&f);
    struct cm_ledger_options options = fixture_options(&f);
    struct cm_ledger *ledger;
    options.max_waiting = 1;
    cr_assert_eq(cm_ledger_open(&ledger, &options, NULL), CM_OK);
    static uint8_t large[CM_MAX_ENTRY + 1];
    fixture_start(&first, "");
    cr_assert_eq(cm_ledger_append(ledger, &first.append), CM_INVALID);
    first.append.entry = (struct cm_bytes){large, sizeof large};
    cr_assert_eq(cm_ledger_append(ledger, &first.append), CM_INVALID);
    first.append.entry.len--;
    cr_assert_eq(cm_ledger_append(ledger, &first.append), CM_OK);
    fixture_start(&second, "too many");
    cr_assert_eq(cm_ledger_append(ledger, &second.append), CM_EXHAUSTED);
    while (!first.done) {
        pump_one(&f.pump);
    }
    cr_assert_eq(first.append.status, CM_OK);
    cm_tree_head_unref(first.append.head);
    cm_ledger_close(ledger);
    fixture_close(&f);
}

Test(ledger, one_process_at_a_time_and_one_writer)
{
    struct fixture f;
    struct seen seen;
    fixture_open(&f);
    fill(&f, 2);
    struct cm_ledger *ledger = open_ledger(&f, &seen);
    cr_assert_eq(try_open(&f), CM_UNAVAILABLE);
    cm_ledger_close(ledger);
    // Another key of the same name, then the same key under another name's origin.
    struct cm_signer *own = f.signer;
    f.signer = fixture_signer(&f, FIXTURE_SPIFFE);
    cr_assert_eq(try_open(&f), CM_UNAUTHENTICATED);
    cm_signer_unref(f.signer);
    f.signer = fixture_signer(&f, "spiffe://test.example/ca.northport.pd/node/n1");
    cr_assert_eq(try_open(&f), CM_INVALID);
    cm_signer_unref(f.signer);
    f.signer = fixture_signer(&f, "spiffe://test.example/ca.northport.pd/investigator/i");
    cr_assert_eq(try_open(&f), CM_INVALID);
    cm_signer_unref(f.signer);
    f.signer = own;
    cr_assert_eq(try_open(&f), CM_OK);
    fixture_close(&f);
}

Test(ledger, every_flipped_bit_is_found_and_the_file_left_alone)
{
    struct fixture f;
    fixture_open(&f);
    fill(&f, 2);
    struct cm_buf log = fixture_read(f.log);
    for (size_t bit = 0; bit < log.len * 8; bit++) {
        log.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        fixture_write(f.log, log.data, log.len);
        cr_expect_eq(try_open(&f), CM_INVALID, "bit %zu of byte %zu of %zu", bit % 8, bit / 8,
                     log.len);
        struct cm_buf after = fixture_read(f.log);
        cr_expect(cm_bytes_equal(cm_buf_bytes(&after), cm_buf_bytes(&log)));
        cm_buf_clear(&after);
        log.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    cm_buf_clear(&log);
    fixture_close(&f);
}

// Where the log ended after count entries, each with its checkpoint.
static size_t length_after(struct fixture *f, unsigned count)
{
    struct stat facts;
    unlink(f->log);
    fill(f, count);
    cr_assert_eq(stat(f->log, &facts), 0);
    return (size_t)facts.st_size;
}

Test(ledger, a_torn_tail_is_cut)
{
    struct fixture f;
    struct seen seen;
    fixture_open(&f);
    fill(&f, 3);
    struct cm_buf log = fixture_read(f.log);
    // DER signatures vary in length, so the end of two is found by opening ever shorter files.
    for (size_t len = log.len; len-- > 0;) {
        fixture_unpublish(&f);
        fixture_write(f.log, log.data, len);
        struct cm_ledger *ledger = open_ledger(&f, &seen);
        struct one one;
        cr_assert_leq(seen.count, 2);
        cr_assert_eq(cm_ledger_head(ledger)->checkpoint.size, seen.count);
        if (len % 16 == 0) {
            cr_assert_eq(fixture_append(&f, ledger, &one, "again"), CM_OK);
            cr_assert_eq(one.append.index, seen.count);
            cm_tree_head_unref(one.append.head);
        }
        cm_ledger_close(ledger);
        if (len % 16 == 0) {
            cr_assert_eq(try_open(&f), CM_OK);
        }
    }
    cm_buf_clear(&log);
    fixture_close(&f);
}

Test(ledger, unwritten_blocks_are_a_torn_tail)
{
    struct fixture f;
    struct seen seen;
    fixture_open(&f);
    const size_t end = length_after(&f, 2);
    struct cm_buf log = fixture_read(f.log);
    static const uint8_t zeros[4096];
    cr_assert_eq(log.len, end);
    cr_assert_eq(cm_buf_add(&log, zeros, sizeof zeros), CM_OK);
    fixture_write(f.log, log.data, log.len);
    struct cm_ledger *ledger = open_ledger(&f, &seen);
    cr_assert_eq(seen.count, 2);
    cm_ledger_close(ledger);
    // Garbage in place of zeros isn't what a crash leaves.
    log.data[log.len - 1] = 1;
    fixture_write(f.log, log.data, log.len);
    cr_assert_eq(try_open(&f), CM_INVALID);
    cm_buf_clear(&log);
    fixture_close(&f);
}

// A step of the writer's that fails or kills: counted over all its system calls.
static struct {
    long step; // the call to act on, from 1
    long calls;
    int number; // errno to fail with; 0: die
    bool half;  // a write gets half done first
    bool fsync_only;
} plan;

static bool strikes(bool is_fsync)
{
    if (plan.fsync_only && !is_fsync) {
        return false;
    }
    return ++plan.calls == plan.step;
}

static ssize_t planned_pwrite(int fd, const void *data, size_t len, off_t offset)
{
    if (!strikes(false)) {
        return pwrite(fd, data, len, offset);
    }
    if (plan.half && pwrite(fd, data, len / 2, offset) < 0) {
        abort();
    }
    if (plan.number == 0) {
        _exit(42);
    }
    errno = plan.number;
    return -1;
}

static int planned_fdatasync(int fd)
{
    if (!strikes(true)) {
        return fdatasync(fd);
    }
    if (plan.number == 0) {
        _exit(42);
    }
    errno = plan.number;
    return -1;
}

static struct cm_ledger_io planned;

static struct cm_ledger *open_planned(struct fixture *f)
{
    const struct cm_ledger_options options = fixture_options(f);
    struct cm_ledger *ledger;
    plan.calls = 0;
    planned = cm_ledger_system_calls;
    planned.pwrite = planned_pwrite;
    planned.fdatasync = planned_fdatasync;
    cr_assert_eq(cm_ledger_open_with(&ledger, &options, &planned, NULL), CM_OK);
    return ledger;
}

static void check_latches(int number, bool fsync_only)
{
    struct fixture f;
    struct one one;
    fixture_open(&f);
    memset(&plan, 0, sizeof plan);
    plan.step = fsync_only ? 2 : 3; // the second batch's write or fsync
    plan.number = number;
    plan.fsync_only = fsync_only;
    struct cm_ledger *ledger = open_planned(&f);
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

Test(ledger, a_failed_write_or_fsync_latches)
{
    check_latches(EIO, false);
    check_latches(EIO, true);
    check_latches(ENOSPC, true);
}

Test(ledger, a_full_disk_refuses_until_there_is_room)
{
    struct fixture f;
    struct seen seen;
    struct one one;
    fixture_open(&f);
    memset(&plan, 0, sizeof plan);
    plan.step = 3;
    plan.number = ENOSPC;
    plan.half = true;
    struct cm_ledger *ledger = open_planned(&f);
    cr_assert_eq(fixture_append(&f, ledger, &one, "held"), CM_OK);
    cm_tree_head_unref(one.append.head);
    cr_assert_eq(fixture_append(&f, ledger, &one, "no room"), CM_UNAVAILABLE);
    cr_assert_not(cm_ledger_latched(ledger));
    cr_assert_eq(fixture_append(&f, ledger, &one, "room again"), CM_OK);
    cr_assert_eq(one.append.index, 1);
    check_proof(ledger, &one.append);
    cm_tree_head_unref(one.append.head);
    cm_ledger_close(ledger);
    ledger = open_ledger(&f, &seen);
    cr_assert_eq(seen.count, 2);
    cr_assert_str_eq(seen.last, "room again");
    cm_ledger_close(ledger);
    fixture_close(&f);
}

// Child: appends one after another, tells each acknowledged index, dies at the planned step.
static void run_child(struct fixture *f, int out)
{
    struct cm_ledger *ledger = open_planned(f);
    for (unsigned i = 0; i < 100; i++) {
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

Test(ledger, what_was_acknowledged_survives_a_crash_at_any_step)
{
    struct fixture f;
    struct seen seen;
    fixture_open(&f);
    uint64_t held = 0;
    srandom(20251122);
    for (unsigned round = 0; round < 40; round++) {
        memset(&plan, 0, sizeof plan);
        plan.step = 1 + random() % 9;
        plan.half = random() % 2;
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
        struct cm_ledger *ledger = open_ledger(&f, &seen);
        cr_assert_geq(seen.count, held, "round %u", round);
        cr_assert_leq(seen.count, held + 1);
        held = seen.count;
        cm_ledger_close(ledger);
    }
    cr_assert_geq(held, 20);
    fixture_close(&f);
}
