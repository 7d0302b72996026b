#include "proto/ledger/publisher.h"

#include "fixture.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

// Checkpoints that were put in their place, or that are refused.
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned published;
    unsigned refused;
    bool refuse;
} watch = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static int watched_renameat(int a, const char *from, int b, const char *to)
{
    int result = 0;
    pthread_mutex_lock(&watch.lock);
    if (watch.refuse) {
        watch.refused++;
        errno = EIO;
        result = -1;
    } else {
        result = renameat(a, from, b, to);
        watch.published += strcmp(to, "checkpoint") == 0;
    }
    pthread_cond_signal(&watch.changed);
    pthread_mutex_unlock(&watch.lock);
    return result;
}

static void wait_for(const unsigned *count, unsigned least)
{
    pthread_mutex_lock(&watch.lock);
    while (*count < least) {
        pthread_cond_wait(&watch.changed, &watch.lock);
    }
    pthread_mutex_unlock(&watch.lock);
}

static void set_refuse(bool refuse)
{
    pthread_mutex_lock(&watch.lock);
    watch.refuse = refuse;
    pthread_mutex_unlock(&watch.lock);
}

static struct cm_ledger *open_watched(struct fixture *f, struct cm_ledger_io *io, unsigned pace_ms)
{
    struct cm_ledger_options options = fixture_options(f);
    struct cm_ledger *ledger;
    *io = cm_ledger_system_calls;
    io->renameat = watched_renameat;
    options.publish_ms = pace_ms;
    cr_assert_eq(cm_ledger_open_with(&ledger, &options, io, NULL), CM_OK);
    return ledger;
}

static uint64_t size_in_folder(const struct fixture *f)
{
    char path[96];
    struct cm_checkpoint checkpoint;
    snprintf(path, sizeof path, "%s/checkpoint", f->folder);
    struct cm_buf note = fixture_read(path);
    cr_assert_eq(cm_checkpoint_parse(&checkpoint, cm_buf_bytes(&note), NULL), CM_OK);
    cm_buf_clear(&note);
    return checkpoint.size;
}

Test(publisher, follows_while_the_ledger_is_open)
{
    struct fixture f;
    struct cm_ledger_io io;
    fixture_open(&f);
    struct cm_ledger *ledger = open_watched(&f, &io, 0);
    for (unsigned i = 1; i <= 3; i++) {
        cr_assert_eq(fixture_append_text(&f, ledger, "entry", false), CM_OK);
        wait_for(&watch.published, i);
        cr_expect_eq(size_in_folder(&f), i);
    }
    cm_ledger_close(ledger);
    cr_expect_eq(watch.published, 3, "nothing is published twice");
    fixture_close(&f);
}

// The loop has not heard of its entry yet when that is published.
Test(publisher, may_be_ahead_of_the_loop)
{
    struct fixture f;
    struct cm_ledger_io io;
    struct one first, second;
    fixture_open(&f);
    struct cm_ledger *ledger = open_watched(&f, &io, 0);
    fixture_start(&first, "first");
    fixture_start(&second, "second");
    cr_assert_eq(cm_ledger_append(ledger, &first.append), CM_OK);
    while (cm_ledger_published(ledger) == 0) {
        sched_yield();
    }
    cr_expect_eq(cm_ledger_append(ledger, &second.append), CM_OK);
    cm_ledger_close(ledger);
    cr_expect(first.done && second.done);
    cm_tree_head_unref(first.append.head);
    cm_tree_head_unref(second.append.head);
    fixture_close(&f);
}

Test(publisher, keeps_its_pace_but_for_the_end)
{
    struct fixture f;
    struct cm_ledger_io io;
    fixture_open(&f);
    struct cm_ledger *ledger = open_watched(&f, &io, 3600 * 1000);
    cr_assert_eq(fixture_append_text(&f, ledger, "entry", false), CM_OK);
    wait_for(&watch.published, 1);
    for (unsigned i = 0; i < 20; i++) {
        cr_assert_eq(fixture_append_text(&f, ledger, "entry", false), CM_OK);
    }
    cm_ledger_close(ledger);
    cr_expect_eq(watch.published, 2);
    cr_expect_eq(size_in_folder(&f), 21);
    fixture_close(&f);
}

Test(publisher, goes_on_after_a_fault)
{
    struct fixture f;
    struct cm_ledger_io io;
    fixture_open(&f);
    struct cm_ledger *ledger = open_watched(&f, &io, 0);
    set_refuse(true);
    cr_assert_eq(fixture_append_text(&f, ledger, "entry", false), CM_OK);
    wait_for(&watch.refused, 1);
    cr_expect_eq(cm_ledger_published(ledger), 0);
    set_refuse(false);
    cr_assert_eq(fixture_append_text(&f, ledger, "entry", false), CM_OK);
    cm_ledger_close(ledger);
    cr_expect_eq(size_in_folder(&f), 2);
    fixture_close(&f);
}

Test(publisher, does_not_publish_a_log_that_was_changed_under_it)
{
    struct fixture f;
    struct cm_ledger_io io;
    fixture_open(&f);
    struct cm_ledger *ledger = open_watched(&f, &io, 3600 * 1000);
    cr_assert_eq(fixture_append_text(&f, ledger, "entry", false), CM_OK);
    wait_for(&watch.published, 1);
    cr_assert_eq(fixture_append_text(&f, ledger, "another", false), CM_OK);
    struct cm_buf log = fixture_read(f.log);
    log.data[log.len - 1] ^= 1;
    fixture_write(f.log, log.data, log.len);
    cm_ledger_close(ledger);
    cr_expect_eq(size_in_folder(&f), 1);
    cm_buf_clear(&log);
    fixture_close(&f);
}
