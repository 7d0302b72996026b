#include "tests/conformance/store/fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t t0 = 1790000000000;

TestSuite(find, .init = fixture_open, .fini = fixture_close);

static const char *all(const char *plate)
{
    return ids(plate, "", 0, INT64_MAX, 100);
}

Test(find, gives_every_value_back)
{
    const struct cm_stored row = full_row("ev-1", t0 + 1, "8ABC123");
    const struct cm_store_query query = {"8ABC123", "", {0, INT64_MAX}};
    struct cm_cursor *cursor = NULL;
    struct cm_detection got[2];
    size_t count = 0;
    put(&row, 1);
    fixture_reopen();
    cr_assert_eq(store->ops->find(store, &cursor, &query, NULL), CM_OK);
    cr_assert_eq(store->ops->next(cursor, arena, got, 2, &count, NULL), CM_OK);
    store->ops->close_cursor(cursor);
    cr_assert_eq(count, 1);
    const struct cm_detection *d = &row.detection;
    cr_expect_str_eq(got->event_id, d->event_id);
    cr_expect_str_eq(got->owner, OWNER);
    cr_expect_eq(got->captured_at_ms, t0 + 1);
    cr_expect_str_eq(got->plate_read, d->plate_read);
    cr_expect_str_eq(got->plate, d->plate);
    cr_expect_str_eq(got->state, d->state);
    cr_expect_eq(got->present, CM_FIELDS_ALL);
    cr_expect(got->latitude <= d->latitude && got->latitude >= d->latitude);
    cr_expect(got->longitude <= d->longitude && got->longitude >= d->longitude);
    cr_expect_str_eq(got->site, d->site);
    cr_expect_str_eq(got->camera, d->camera);
    cr_expect(got->heading <= d->heading && got->heading >= d->heading);
    cr_expect_str_eq(got->make, d->make);
    cr_expect_str_eq(got->model, d->model);
    cr_expect_str_eq(got->colour, d->colour);
    cr_expect_str_eq(got->body, d->body);
    cr_expect_eq(got->year, d->year);
    cr_expect(got->vehicle_confidence <= d->vehicle_confidence &&
              got->vehicle_confidence >= d->vehicle_confidence);
    cr_expect(got->confidence <= d->confidence && got->confidence >= d->confidence);
    cr_assert_eq(got->candidate_count, 2);
    cr_expect_str_eq(got->candidates[1].plate, "BABC123");
    cr_expect(got->candidates[1].confidence <= 0.1 && got->candidates[1].confidence >= 0.1);
    cr_expect_str_eq(got->image_reference, d->image_reference);
    cr_expect(cm_digest_equal(&got->image_sha256, &d->image_sha256));
}

Test(find, keeps_no_group_that_is_not_present)
{
    struct cm_stored row = full_row("ev-1", t0, "8ABC123");
    const struct cm_store_query query = {"8ABC123", "", {0, INT64_MAX}};
    struct cm_cursor *cursor = NULL;
    struct cm_detection got;
    size_t count = 0;
    row.detection.present = (cm_fields)(1u << CM_FIELD_CAMERA);
    put(&row, 1);
    cr_assert_eq(store->ops->find(store, &cursor, &query, NULL), CM_OK);
    cr_assert_eq(store->ops->next(cursor, arena, &got, 1, &count, NULL), CM_OK);
    store->ops->close_cursor(cursor);
    cr_assert_eq(count, 1);
    cr_expect_eq(got.present, 1u << CM_FIELD_CAMERA);
    cr_expect_str_eq(got.camera, "cam-07");
    cr_expect_str_eq(got.site, "");
    cr_expect_str_eq(got.make, "");
    cr_expect_eq(got.candidate_count, 0);
    cr_expect(cm_digest_is_zero(&got.image_sha256));
    cr_expect_str_eq(got.image_reference, "");
}

Test(find, orders_newest_first_then_by_event_id_as_bytes)
{
    const struct cm_stored rows[] = {
        plain_row("b", t0, "8ABC123"),        plain_row("a", t0 - 1, "8ABC123"),
        plain_row("B", t0, "8ABC123"),        plain_row("a2", t0, "8ABC123"),
        plain_row("\xc3\xa4", t0, "8ABC123"), plain_row("a-1", t0, "8ABC123"),
        plain_row("z", t0 + 1, "8ABC123"),    plain_row("other", t0, "8ABC124"),
    };
    put(rows, 8);
    for (size_t page = 1; page <= 9; page++) {
        cr_expect_str_eq(ids("8ABC123", "", 0, INT64_MAX, page), "z,B,a-1,a2,b,\xc3\xa4,a",
                         "in pages of %zu", page);
    }
}

Test(find, window_holds_its_start_but_not_its_end)
{
    const struct cm_stored rows[] = {
        plain_row("a", t0 - 1, "8ABC123"),
        plain_row("b", t0, "8ABC123"),
        plain_row("c", t0 + 999, "8ABC123"),
        plain_row("d", t0 + 1000, "8ABC123"),
    };
    put(rows, 4);
    cr_expect_str_eq(ids("8ABC123", "", t0, t0 + 1000, 10), "c,b");
    cr_expect_str_eq(ids("8ABC123", "", t0, t0 + 1, 10), "b");
    cr_expect_str_eq(ids("8ABC123", "", t0 + 1001, t0 + 2000, 10), "");
    cr_expect_str_eq(ids("8ABC123", "", INT64_MIN, INT64_MAX, 10), "d,c,b,a");
    cr_expect_str_eq(ids("8ABC123", "", INT64_MIN, INT64_MIN + 1, 10), "");
}

Test(find, unknown_state_always_matches)
{
    struct cm_stored rows[] = {
        plain_row("ca", t0 + 2, "8ABC123"),
        plain_row("nv", t0 + 1, "8ABC123"),
        plain_row("unknown", t0, "8ABC123"),
    };
    rows[0].detection.state = "CA";
    rows[1].detection.state = "NV";
    put(rows, 3);
    cr_expect_str_eq(ids("8ABC123", "", 0, INT64_MAX, 10), "ca,nv,unknown");
    cr_expect_str_eq(ids("8ABC123", "CA", 0, INT64_MAX, 10), "ca,unknown");
    cr_expect_str_eq(ids("8ABC123", "TX", 0, INT64_MAX, 10), "unknown");
}

Test(find, pages_through_ten_thousand_rows)
{
    enum { ROWS = 10000, PAGE = 512 };
    struct cm_stored *rows = calloc(ROWS, sizeof *rows);
    struct cm_detection *got = calloc(PAGE, sizeof *got);
    // Five rows share each millisecond, so that pages end within ties.
    for (int i = 0; i < ROWS; i++) {
        rows[i] = plain_row(text("ev-%05d", i), t0 - i / 5, "8ABC123");
    }
    put(rows, ROWS);
    const struct cm_store_query query = {"8ABC123", "", {0, INT64_MAX}};
    struct cm_cursor *cursor = NULL;
    cr_assert_eq(store->ops->find(store, &cursor, &query, NULL), CM_OK);
    struct cm_arena *page = cm_arena_new(1u << 20);
    size_t seen = 0, count = 0;
    do {
        cm_arena_reset(page);
        cr_assert_eq(store->ops->next(cursor, page, got, PAGE, &count, NULL), CM_OK);
        for (size_t i = 0; i < count; i++, seen++) {
            char want[16];
            snprintf(want, sizeof want, "ev-%05d", (int)seen);
            cr_assert_str_eq(got[i].event_id, want);
        }
    } while (count > 0);
    cr_expect_eq(seen, ROWS);
    store->ops->close_cursor(cursor);
    cm_arena_free(page);
    free(got);
    free(rows);
}

Test(find, an_open_cursor_blocks_nobody)
{
    const struct cm_stored first[] = {plain_row("a", t0, "8ABC123"),
                                      plain_row("b", t0 - 2, "8ABC123")};
    const struct cm_stored later = plain_row("c", t0 - 1, "8ABC123");
    const struct cm_store_query query = {"8ABC123", "", {0, INT64_MAX}};
    struct cm_cursor *cursors[8];
    struct cm_detection got;
    size_t count = 0;
    put(first, 2);
    // More cursors than connections, all in the middle of their rows.
    for (int i = 0; i < 8; i++) {
        cr_assert_eq(store->ops->find(store, &cursors[i], &query, NULL), CM_OK);
        cr_assert_eq(store->ops->next(cursors[i], arena, &got, 1, &count, NULL), CM_OK);
        cr_assert_str_eq(got.event_id, "a");
    }
    put(&later, 1);
    uint64_t deleted = 0;
    cr_assert_eq(store->ops->expire(store, t0 - 1, t0, 10, &deleted, NULL), CM_OK);
    cr_expect_eq(deleted, 1);
    for (int i = 0; i < 8; i++) {
        cr_assert_eq(store->ops->next(cursors[i], arena, &got, 1, &count, NULL), CM_OK);
        cr_expect_eq(count, 1);
        cr_expect_str_eq(got.event_id, "c");
        cr_assert_eq(store->ops->next(cursors[i], arena, &got, 1, &count, NULL), CM_OK);
        cr_expect_eq(count, 0);
        store->ops->close_cursor(cursors[i]);
    }
}

Test(find, refuses_what_is_no_question)
{
    struct cm_cursor *cursor = NULL;
    const struct cm_store_query bad[] = {
        {"", "", {0, 1}},         {"8abc123", "", {0, 1}},
        {"8ABC 123", "", {0, 1}}, {"8ABC1234567890", "", {0, 1}},
        {"8ABC123", "C", {0, 1}}, {"8ABC123", "CAL", {0, 1}},
        {"8ABC123", "", {5, 5}},  {"8ABC123", "", {6, 5}},
        {"' OR 1=1", "", {0, 1}}, {"8ABC123%", "", {0, 1}},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect_eq(store->ops->find(store, &cursor, &bad[i], NULL), CM_INVALID, "%zu", i);
        cr_expect_null(cursor);
    }
}

Test(find, past_the_memory_of_a_query_is_an_error_and_not_fewer_rows)
{
    const struct cm_stored rows[] = {full_row("a", t0, "8ABC123"), full_row("b", t0, "8ABC123")};
    const struct cm_store_query query = {"8ABC123", "", {0, INT64_MAX}};
    struct cm_cursor *cursor = NULL;
    struct cm_detection got[2];
    size_t count = 0;
    put(rows, 2);
    struct cm_arena *tight = cm_arena_new(600);
    cr_assert_eq(store->ops->find(store, &cursor, &query, NULL), CM_OK);
    cr_expect_eq(store->ops->next(cursor, tight, got, 2, &count, NULL), CM_MEMORY);
    cr_expect_eq(count, 0);
    cr_expect_eq(store->ops->next(cursor, arena, got, 2, &count, NULL), CM_OK);
    cr_expect_eq(count, 2, "the same page can be asked for again");
    store->ops->close_cursor(cursor);
    cm_arena_free(tight);
}

Test(find, text_that_looks_like_sql_is_text)
{
    const char *const nasty[] = {
        "'; DROP TABLE detection; --", "\\", "%_%", "a,b\"c", "$1", "NULL"};
    for (size_t i = 0; i < 6; i++) {
        struct cm_stored row = plain_row(nasty[i], t0 - (int64_t)i, "8ABC123");
        row.case_hold = nasty[i];
        put(&row, 1);
    }
    cr_expect_str_eq(all("8ABC123"), "'; DROP TABLE detection; --,\\,%_%,a,b\"c,$1,NULL");
}
