#include "tests/conformance/store/fixture.h"

#include <criterion/criterion.h>

static const int64_t now = 1790000000000;

TestSuite(expire, .init = fixture_open, .fini = fixture_close);

static uint64_t expire(int64_t before_ms, uint64_t max)
{
    uint64_t deleted = 99;
    cr_assert_eq(store->ops->expire(store, before_ms, now, max, &deleted, NULL), CM_OK);
    return deleted;
}

static const char *left(void)
{
    return ids("8ABC123", "", 0, INT64_MAX, 10);
}

Test(expire, deletes_what_was_captured_before)
{
    const struct cm_stored rows[] = {plain_row("old", now - 11, "8ABC123"),
                                     plain_row("edge", now - 10, "8ABC123"),
                                     plain_row("new", now, "8ABC123")};
    put(rows, 3);
    cr_expect_eq(expire(0, 10), 0);
    cr_expect_eq(expire(now - 10, 10), 1);
    cr_expect_str_eq(left(), "new,edge");
}

Test(expire, deletes_a_row_whose_own_time_is_over)
{
    struct cm_stored rows[] = {plain_row("over", now - 3, "8ABC123"),
                               plain_row("later", now - 2, "8ABC123"),
                               plain_row("never", now - 1, "8ABC123")};
    rows[0].expires_at_ms = now;
    rows[1].expires_at_ms = now + 1;
    put(rows, 3);
    cr_expect_eq(expire(0, 10), 1);
    cr_expect_str_eq(left(), "never,later");
}

Test(expire, never_touches_a_held_row)
{
    struct cm_stored rows[] = {plain_row("held", now - 1000, "8ABC123"),
                               plain_row("free", now - 1000, "8ABC123")};
    rows[0].expires_at_ms = rows[1].expires_at_ms = now - 1;
    rows[0].case_hold = "26-1234";
    put(rows, 2);
    cr_expect_eq(expire(now, 10), 1);
    cr_expect_str_eq(left(), "held");
    cr_expect_eq(expire(now, 10), 0);
}

Test(expire, deletes_no_more_than_it_was_told)
{
    struct cm_stored rows[6];
    for (int i = 0; i < 6; i++) {
        rows[i] = plain_row(text("e%d", i), now - 100, "8ABC123");
        rows[i].expires_at_ms = i < 3 ? now - 1 : 0;
    }
    put(rows, 6);
    cr_expect_eq(expire(now - 99, 2), 2);
    cr_expect_eq(rows_stored(), 4);
    cr_expect_eq(expire(now - 99, 3), 3);
    cr_expect_eq(expire(now - 99, UINT64_MAX), 1);
    cr_expect_eq(rows_stored(), 0);
}

Test(expire, a_deleted_row_may_come_again)
{
    const struct cm_stored row = plain_row("a", now - 100, "8ABC123");
    put(&row, 1);
    cr_expect_eq(expire(now, 10), 1);
    put(&row, 1);
    cr_expect_eq(rows_stored(), 1);
}
