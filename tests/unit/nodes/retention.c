#include "nodes/retention.h"

#include <criterion/criterion.h>

static struct cm_job *waiting;
static uint64_t left, swept_rows;
static int64_t swept_before, asked_before;
static unsigned calls;
static enum cm_status expire_status;

static enum cm_status submit(void *context, struct cm_job *job)
{
    (void)context;
    waiting = job;
    return CM_OK;
}

static void swept(void *context, uint64_t rows, int64_t before_ms)
{
    (void)context;
    swept_rows += rows;
    swept_before = before_ms;
}

static enum cm_status expire(struct cm_store *store, int64_t before_ms, int64_t now_ms,
                             uint64_t max, uint64_t *deleted, struct cm_error *error)
{
    (void)store;
    (void)now_ms;
    calls++;
    asked_before = before_ms;
    if (expire_status) {
        return cm_fail(error, expire_status, "store", "made to fail");
    }
    *deleted = left < max ? left : max;
    left -= *deleted;
    return CM_OK;
}

static const struct cm_store_ops ops = {.name = "fake", .expire = expire};
static struct cm_store store = {&ops};
static struct cm_retention retention = {.store = &store, .submit = submit, .swept = swept};

static void run(void)
{
    while (waiting) {
        struct cm_job *job = waiting;
        waiting = NULL;
        job->work(job);
        job->done(job);
    }
}

Test(retention, goes_on_in_batches_until_nothing_is_left)
{
    left = 2500;
    cm_retention_sweep(&retention, 60, 1000000);
    cm_retention_sweep(&retention, 60, 1000000); // one at a time
    run();
    cr_assert_eq(calls, 3);
    cr_assert_eq(left, 0);
    cr_assert_eq(swept_rows, 2500);
    // A row of 60.999 s is 60 s old: it stays.
    cr_assert_eq(asked_before, 1000000 - 60999);
    cr_assert_eq(swept_before, asked_before);
    cr_assert_not(retention.busy);
}

Test(retention, without_retain_only_what_expires_by_itself)
{
    left = 1;
    cm_retention_sweep(&retention, INT64_MAX, 1000000);
    run();
    cr_assert_eq(asked_before, 0);
    cr_assert_eq(swept_rows, 1);
}

Test(retention, a_failing_store_is_tried_at_the_next_sweep)
{
    expire_status = CM_UNAVAILABLE;
    cm_retention_sweep(&retention, 60, 1000000);
    run();
    cr_assert_not(retention.busy);
    cr_assert_eq(swept_rows, 0);
    expire_status = CM_OK;
    left = 10;
    cm_retention_sweep(&retention, 60, 1000000);
    run();
    cr_assert_eq(swept_rows, 10);
}
