#include "nodes/ingest/row.h"

#include <criterion/criterion.h>
#include <string.h>

#define OWNER "ca.northport.pd"

static const int64_t now = 1795337603000;
static struct cm_arena *arena;
static struct cm_row_layout layout;
static struct cm_stored row;
static struct cm_error error;

static void setup(void)
{
    arena = cm_arena_new(1 << 20);
}

static void teardown(void)
{
    cm_arena_free(arena);
}

TestSuite(row, .init = setup, .fini = teardown);

// Fields parted by '|'.
static struct cm_csv_record record_of(const char *text)
{
    struct cm_bytes *fields = cm_arena_array(arena, 32, sizeof *fields);
    struct cm_csv_record record = {.kind = CM_CSV_RECORD, .fields = fields};
    for (const char *at = text;; at++) {
        size_t len = strcspn(at, "|");
        fields[record.field_count++] = (struct cm_bytes){(const uint8_t *)at, len};
        at += len;
        if (*at == '\0') {
            return record;
        }
    }
}

static enum cm_status header(const char *text)
{
    struct cm_csv_record record = record_of(text);
    return cm_row_header(&layout, &record, "x.csv", &error);
}

static enum cm_status read_row(const char *text)
{
    struct cm_csv_record record = record_of(text);
    memset(&error, 0, sizeof error);
    return cm_row_read(&row, &layout, &record, OWNER, now, arena, &error);
}

Test(row, the_header_names_columns_in_any_order)
{
    cr_assert_eq(header("plate_read|captured_at|event_id|state"), CM_OK);
    cr_assert_eq(read_row("8abc-123|2026-11-22T08:53:22.5Z|ev-1|ca"), CM_OK, "%s %s", error.where,
                 error.text);
    cr_expect_str_eq(row.detection.event_id, "ev-1");
    cr_expect_str_eq(row.detection.owner, OWNER);
    cr_expect_str_eq(row.detection.plate_read, "8abc-123");
    cr_expect_str_eq(row.detection.plate, "8ABC123");
    cr_expect_str_eq(row.detection.state, "CA");
    cr_expect_eq(row.detection.captured_at_ms, now - 500);
    cr_expect_eq(row.detection.present, 0);
    cr_expect_str_eq(row.case_hold, "");
}

Test(row, a_wrong_header_is_named)
{
    cr_expect_eq(header("event_id|captured_at|plate_read|color"), CM_INVALID);
    cr_expect_not_null(strstr(error.text, "column 4 \"color\" is unknown"), "%s", error.text);
    cr_expect_eq(header("event_id|captured_at|event_id|plate_read"), CM_INVALID);
    cr_expect_not_null(strstr(error.text, "\"event_id\" stands there twice"), "%s", error.text);
    cr_expect_eq(header("event_id|plate_read"), CM_INVALID);
    cr_expect_not_null(strstr(error.text, "\"captured_at\" is missing"), "%s", error.text);
    cr_expect_eq(header("ev-1|2026-11-22T08:53:22Z|8ABC123"), CM_INVALID);
    cr_expect_null(strstr(error.text, "ev-1"), "data is not repeated: %s", error.text);
}

Test(row, every_column_finds_its_place)
{
    cr_assert_eq(header("event_id|captured_at|plate_read|latitude|longitude|site|camera|heading|"
                        "make|model|colour|body|year|vehicle_confidence|confidence|candidates|"
                        "image_reference|image_sha256|expires_at|case_hold|reject_reason"),
                 CM_OK);
    cr_assert_eq(
        read_row("e|1795337602000|8ABC123|37.5|-121.25|Harbour|cam-07|90.5|Make|Model|blue|suv|"
                 "2019|0.5|0.75|8ABC123:0.75;8ABC128:0.25|img/1|"
                 "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F|1795337999000|"
                 "26-1|an old reason"),
        CM_OK, "%s %s", error.where, error.text);
    const struct cm_detection *d = &row.detection;
    cr_expect_eq(d->present, CM_FIELDS_ALL);
    cr_expect(d->latitude > 37.4 && d->latitude < 37.6);
    cr_expect(d->longitude > -121.3 && d->longitude < -121.2);
    cr_expect_str_eq(d->site, "Harbour");
    cr_expect_str_eq(d->camera, "cam-07");
    cr_expect(d->heading > 90 && d->heading < 91);
    cr_expect_str_eq(d->make, "Make");
    cr_expect_str_eq(d->model, "Model");
    cr_expect_str_eq(d->colour, "blue");
    cr_expect_str_eq(d->body, "suv");
    cr_expect_eq(d->year, 2019);
    cr_expect(d->vehicle_confidence > 0.4 && d->vehicle_confidence < 0.6);
    cr_expect(d->confidence > 0.7 && d->confidence < 0.8);
    cr_expect_eq(d->candidate_count, 2);
    cr_expect_str_eq(d->image_reference, "img/1");
    cr_expect_eq(d->image_sha256.b[31], 0x1f);
    cr_expect_eq(row.expires_at_ms, 1795337999000);
    cr_expect_str_eq(row.case_hold, "26-1");
}

static void refused(const char *text, const char *column, const char *why)
{
    cr_expect_eq(read_row(text), CM_INVALID, "%s", text);
    cr_expect_str_eq(error.where, column, "%s", text);
    cr_expect_not_null(strstr(error.text, why), "%s: %s", text, error.text);
    cr_expect_null(strstr(error.text, "8ABC"), "no plate in an error");
}

Test(row, a_wrong_value_is_refused_with_column_and_reason)
{
    cr_assert_eq(header("event_id|captured_at|plate_read|state|latitude|longitude|heading|"
                        "confidence|year"),
                 CM_OK);
    refused("|1795337602000|8ABC123|CA|1|1|1|1|1999", "event_id", "empty");
    refused("e||8ABC123|CA|1|1|1|1|1999", "captured_at", "empty");
    refused("e|1795337602000||CA|1|1|1|1|1999", "plate_read", "empty");
    refused("e|1795337602000|---|CA|1|1|1|1|1999", "plate_read", "no plate");
    refused("e|1795337602000|8ABC123456789|CA|1|1|1|1|1999", "plate_read", "no plate");
    refused("e|1795337602000|8ABC123|California|1|1|1|1|1999", "state", "two letters");
    refused("e|1795337602000|8ABC123|CA|north|1|1|1|1999", "latitude", "no number");
    refused("e|1795337602000|8ABC123|CA|91|1|1|1|1999", "latitude", "-90 to 90");
    refused("e|1795337602000|8ABC123|CA|1||1|1|1999", "latitude", "needs longitude");
    refused("e|1795337602000|8ABC123|CA||1|1|1|1999", "longitude", "needs latitude");
    refused("e|1795337602000|8ABC123|CA|1|1|360|1|1999", "heading", "is not from");
    refused("e|1795337602000|8ABC123|CA|1|1|1|87|1999", "confidence", "is not from");
    refused("e|1795337602000|8ABC123|CA|1|1|1|1|19999", "year", "no year");
    refused("e|1795337602000|8ABC123|CA|1|1|1|1", "", "has 8 fields where the header has 9");
}

Test(row, a_read_may_be_ahead_by_the_skew_of_clocks_and_no_more)
{
    cr_assert_eq(header("event_id|captured_at|plate_read"), CM_OK);
    cr_expect_eq(read_row("e|1795337608000|8ABC123"), CM_OK);
    refused("e|1795337608001|8ABC123", "captured_at", "future");
}

Test(row, text_must_be_text)
{
    cr_assert_eq(header("event_id|captured_at|plate_read|camera"), CM_OK);
    refused("\xff|1795337602000|8ABC123|c", "event_id", "UTF-8");
    refused("e|1795337602000|8ABC123|a\nb", "camera", "control");
    const struct cm_bytes fields[] = {{(const uint8_t *)"e\0f", 3},
                                      cm_bytes_of("1795337602000"),
                                      cm_bytes_of("8ABC123"),
                                      cm_bytes_of("c")};
    const struct cm_csv_record nul = {.field_count = 4, .fields = fields};
    cr_expect_eq(cm_row_read(&row, &layout, &nul, OWNER, now, arena, &error), CM_INVALID);
    cr_expect_not_null(strstr(error.text, "NUL"));
}
