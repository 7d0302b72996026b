#include "tests/conformance/store/fixture.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static const int64_t t0 = 1790000000000;

TestSuite(ingest, .init = fixture_open, .fini = fixture_close);

static enum cm_status ingest(const struct cm_stored *rows, size_t count,
                             struct cm_ingest_counts *counts, bool *conflict,
                             struct cm_error *error)
{
    return store->ops->ingest(store, rows, count, counts, conflict, error);
}

Test(ingest, the_same_rows_again_are_duplicates)
{
    struct cm_stored rows[] = {full_row("a", t0, "8ABC123"), plain_row("b", t0, "8ABC124")};
    rows[0].expires_at_ms = t0 + 5;
    rows[0].case_hold = "26-1";
    struct cm_ingest_counts counts;
    bool conflict[2] = {true, true};
    put(rows, 2);
    cr_assert_eq(ingest(rows, 2, &counts, conflict, NULL), CM_OK);
    cr_expect_eq(counts.accepted, 0);
    cr_expect_eq(counts.duplicates, 2);
    cr_expect_eq(counts.conflicts, 0);
    cr_expect(!conflict[0] && !conflict[1]);
    cr_expect_eq(rows_stored(), 2);
}

Test(ingest, a_known_event_id_with_other_content_is_refused_and_changes_nothing)
{
    const struct cm_stored row = full_row("a", t0, "8ABC123");
    struct cm_stored other[12];
    bool conflict[12] = {false};
    struct cm_ingest_counts counts;
    for (size_t i = 0; i < 12; i++) {
        other[i] = row;
    }
    struct cm_candidate candidates[2] = {row.detection.candidates[0], row.detection.candidates[1]};
    candidates[1].confidence = nextafter(candidates[1].confidence, 1);
    other[0].detection.captured_at_ms++;
    other[1].detection.plate = "8ABC124";
    other[2].detection.state = "";
    other[3].detection.latitude = nextafter(row.detection.latitude, 90);
    other[4].detection.present = (cm_fields)(CM_FIELDS_ALL & ~(1u << CM_FIELD_IMAGE));
    other[5].detection.image_sha256.b[31]++;
    other[6].detection.candidates = candidates;
    other[7].detection.candidate_count = 1;
    other[8].expires_at_ms = t0 + 1;
    other[9].case_hold = "26-1";
    other[10].detection.year = 0;
    other[11].detection.plate_read = "8ABC 123";
    put(&row, 1);
    cr_assert_eq(ingest(other, 12, &counts, conflict, NULL), CM_OK);
    cr_expect_eq(counts.conflicts, 12);
    cr_expect_eq(counts.accepted + counts.duplicates, 0);
    for (size_t i = 0; i < 12; i++) {
        cr_expect(conflict[i], "row %zu", i);
    }
    cr_assert_eq(ingest(&row, 1, &counts, conflict, NULL), CM_OK);
    cr_expect_eq(counts.duplicates, 1, "what was stored first is still what is stored");
}

Test(ingest, sees_duplicates_and_conflicts_within_one_batch)
{
    const struct cm_stored rows[] = {
        plain_row("a", t0, "8ABC123"),
        plain_row("a", t0, "8ABC123"),
        plain_row("a", t0, "8ABC999"),
        plain_row("b", t0, "8ABC123"),
    };
    struct cm_ingest_counts counts;
    bool conflict[4] = {false};
    cr_assert_eq(ingest(rows, 4, &counts, conflict, NULL), CM_OK);
    cr_expect_eq(counts.accepted, 2);
    cr_expect_eq(counts.duplicates, 1);
    cr_expect_eq(counts.conflicts, 1);
    cr_expect(!conflict[0] && !conflict[1] && conflict[2] && !conflict[3]);
}

Test(ingest, is_all_or_nothing_and_names_the_bad_row)
{
    struct cm_stored rows[] = {plain_row("a", t0, "8ABC123"), plain_row("b", t0, "8abc")};
    struct cm_ingest_counts counts;
    bool conflict[2] = {false};
    struct cm_error error = {0};
    cr_assert_eq(ingest(rows, 2, &counts, conflict, &error), CM_INVALID);
    cr_expect(strstr(error.text, "row 2") != NULL && strstr(error.text, "plate") != NULL, "%s",
              error.text);
    cr_expect_null(strstr(error.text, "8abc"), "no plate in an error");
    cr_expect_eq(counts.accepted, 0);
    cr_expect_eq(rows_stored(), 0);
}

Test(ingest, outlives_a_restart)
{
    const struct cm_stored row = full_row("a", t0, "8ABC123");
    put(&row, 1);
    fixture_reopen();
    cr_expect_eq(rows_stored(), 1);
}

Test(ingest, nothing_is_nothing)
{
    struct cm_ingest_counts counts = {.accepted = 7};
    cr_expect_eq(ingest(NULL, 0, &counts, NULL, NULL), CM_OK);
    cr_expect_eq(counts.accepted, 0);
}
