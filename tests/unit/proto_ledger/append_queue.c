#include "proto/ledger/append_queue.h"

#include <criterion/criterion.h>

enum { MANY = 3 };

static struct cm_append appends[MANY];
static struct cm_append_queue queue;
static unsigned room;
static enum cm_status refusal; // instead of taking any
static struct cm_append *given[MANY];
static size_t given_count, done_count;
static struct cm_append *done[MANY];

static enum cm_status append(void *context, struct cm_append *one)
{
    cr_assert_eq(context, &room);
    if (refusal) {
        return refusal;
    }
    if (room == 0) {
        return CM_EXHAUSTED;
    }
    room--;
    one->next = one; // the ledger's own now
    given[given_count++] = one;
    return CM_OK;
}

// As an owner does: there may be room now.
static void ended(struct cm_append *one)
{
    done[done_count++] = one;
    cm_append_queue_retry(&queue);
}

static void begin(void)
{
    queue = (struct cm_append_queue){.append = append, .context = &room};
    for (size_t i = 0; i < MANY; i++) {
        appends[i] = (struct cm_append){.done = ended, .status = CM_INTERNAL};
    }
}

TestSuite(append_queue, .init = begin);

static void add_all(void)
{
    for (size_t i = 0; i < MANY; i++) {
        cr_assert_eq(cm_append_queue_add(&queue, &appends[i]), CM_OK);
    }
}

Test(append_queue, gives_on_what_there_is_room_for_in_order)
{
    room = 1;
    add_all();
    cr_assert_eq(given_count, 1);
    cm_append_queue_retry(&queue);
    cr_assert_eq(given_count, 1, "there is no room yet");
    room = 2;
    cm_append_queue_retry(&queue);
    cr_assert_eq(given_count, MANY);
    for (size_t i = 0; i < MANY; i++) {
        cr_expect_eq(given[i], &appends[i]);
    }
    cr_assert_eq(done_count, 0, "that is the ledger's to tell");
}

Test(append_queue, lets_nothing_newer_pass)
{
    cr_assert_eq(cm_append_queue_add(&queue, &appends[0]), CM_OK);
    room = 1;
    cr_assert_eq(cm_append_queue_add(&queue, &appends[1]), CM_OK);
    cr_assert_eq(given_count, 1);
    cr_assert_eq(given[0], &appends[0]);
}

Test(append_queue, tells_at_once_what_cannot_be_recorded)
{
    refusal = CM_UNAVAILABLE;
    cr_assert_eq(cm_append_queue_add(&queue, &appends[0]), CM_UNAVAILABLE);
    cr_assert_eq(done_count, 0);
}

Test(append_queue, ends_what_waited_when_the_ledger_latches)
{
    add_all();
    refusal = CM_UNAVAILABLE;
    cm_append_queue_retry(&queue);
    cr_assert_eq(done_count, MANY);
    for (size_t i = 0; i < MANY; i++) {
        cr_expect_eq(done[i], &appends[i]);
        cr_expect_eq(appends[i].status, CM_UNAVAILABLE);
    }
}

Test(append_queue, drops_what_waits_even_where_there_is_room_again)
{
    add_all();
    room = MANY;
    cm_append_queue_drop(&queue);
    cr_assert_eq(given_count, 0, "nothing more is recorded");
    cr_assert_eq(done_count, MANY);
    cr_expect_eq(appends[0].status, CM_EXHAUSTED);
}
