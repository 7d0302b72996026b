#include "gateway/client/printer.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct cm_detection sample(void)
{
    static const struct cm_candidate candidates[] = {{"8ZZZ123", 0.91}, {"8ZZZ1Z3", 0.40}};
    return (struct cm_detection){
        .event_id = "e-1",
        .owner = "ca.northport.pd",
        .captured_at_ms = 1795000000007,
        .plate_read = "8ZZZ 123",
        .plate = "8ZZZ123",
        .state = "CA",
        .present = CM_FIELDS_ALL,
        .latitude = 37.25,
        .longitude = -121.5,
        .site = "Harbour, \"gate\" 2",
        .camera = "cam-07",
        .heading = 91.0,
        .make = "Roadster",
        .model = "Six",
        .colour = "green",
        .body = "sedan",
        .year = 2019,
        .vehicle_confidence = 0.5,
        .confidence = 0.91,
        .candidate_count = 2,
        .candidates = candidates,
        .image_reference = "img/1",
    };
}

// What is printed of rows, as one string to free.
static char *print(enum cm_format format, const struct cm_detection *rows, size_t count)
{
    char *text;
    size_t len;
    struct cm_printer printer = {.format = format, .out = open_memstream(&text, &len)};
    cm_printer_start(&printer);
    for (size_t i = 0; i < count; i++) {
        cm_printer_row(&printer, &rows[i]);
    }
    cr_assert_eq(cm_printer_end(&printer, NULL, 0), CM_OK);
    fclose(printer.out);
    return text;
}

static void in_utc(void)
{
    setenv("TZ", "UTC", 1);
    tzset();
}

TestSuite(printer, .init = in_utc);

Test(printer, prints_a_table_with_what_is_visible)
{
    struct cm_detection row = sample();
    char *text = print(CM_FORMAT_TABLE, &row, 1);
    cr_expect_not_null(strstr(text, "2026-11-18 11:06:40+00:00  8ZZZ 123 CA  ca.northport.pd"),
                       "%s", text);
    cr_expect_not_null(strstr(text, "Harbour, \"gate\" 2, cam-07, to E, green Roadster Six, 91%"));
    free(text);
    row.present = 0;
    text = print(CM_FORMAT_TABLE, &row, 1);
    cr_expect_null(strstr(text, "cam-07"));
    cr_expect_null(strstr(text, "Harbour"));
    free(text);
}

Test(printer, prints_an_object_a_line_without_what_is_withheld)
{
    struct cm_detection row = sample();
    char *text = print(CM_FORMAT_JSON, &row, 1);
    json_t *object = json_loads(text, 0, NULL);
    cr_assert_not_null(object);
    cr_expect_str_eq(json_string_value(json_object_get(object, "captured_at")),
                     "2026-11-18T11:06:40.007Z");
    cr_expect_eq(json_real_value(json_object_get(object, "latitude")), 37.25);
    cr_expect_eq(json_array_size(json_object_get(object, "candidates")), 2);
    json_decref(object);
    free(text);
    row.present = 1u << CM_FIELD_CAMERA;
    text = print(CM_FORMAT_JSON, &row, 1);
    object = json_loads(text, 0, NULL);
    cr_expect_null(json_object_get(object, "latitude"));
    cr_expect_null(json_object_get(object, "vehicle"));
    cr_expect_null(json_object_get(object, "confidence"));
    cr_expect_str_eq(json_string_value(json_object_get(object, "camera")), "cam-07");
    json_decref(object);
    free(text);
}

Test(printer, quotes_csv_and_disarms_formulas)
{
    struct cm_detection row = sample();
    row.make = "=cmd()";
    char *text = print(CM_FORMAT_CSV, &row, 1);
    cr_expect_not_null(strstr(text, "\r\ne-1,ca.northport.pd,2026-11-18T11:06:40.007Z,8ZZZ 123,"
                                    "8ZZZ123,CA,37.250000,-121.500000,"));
    cr_expect_not_null(strstr(text, ",\"Harbour, \"\"gate\"\" 2\",cam-07,91.0,\"'=cmd()\",Six,"),
                       "%s", text);
    free(text);
}

Test(printer, makes_one_geojson_document)
{
    struct cm_detection rows[] = {sample(), sample()};
    rows[1].present = 0;
    char *text = print(CM_FORMAT_GEOJSON, rows, 2);
    json_t *document = json_loads(text, 0, NULL);
    cr_assert_not_null(document, "%s", text);
    json_t *features = json_object_get(document, "features");
    cr_assert_eq(json_array_size(features), 2);
    json_t *point =
        json_object_get(json_object_get(json_array_get(features, 0), "geometry"), "coordinates");
    cr_expect_eq(json_real_value(json_array_get(point, 0)), -121.5);
    cr_expect(json_is_null(json_object_get(json_array_get(features, 1), "geometry")));
    json_decref(document);
    free(text);
    text = print(CM_FORMAT_GEOJSON, rows, 0);
    document = json_loads(text, 0, NULL);
    cr_expect_not_null(document, "%s", text);
    json_decref(document);
    free(text);
}

Test(printer, says_how_many_rows_no_manifest_covers)
{
    struct cm_detection row = sample();
    for (int format = CM_FORMAT_JSON; format <= CM_FORMAT_GEOJSON; format++) {
        char *text;
        size_t len;
        struct cm_printer printer = {.format = (enum cm_format)format};
        printer.out = open_memstream(&text, &len);
        cm_printer_start(&printer);
        cm_printer_row(&printer, &row);
        cr_assert_eq(cm_printer_end(&printer, NULL, 1), CM_OK);
        fclose(printer.out);
        cr_expect_eq(strstr(text, "\"unaccounted\":1}\n") != NULL, format != CM_FORMAT_CSV, "%s",
                     text);
        free(text);
    }
}

Test(printer, tells_of_what_could_not_be_written)
{
    struct cm_detection row = sample();
    struct cm_printer printer = {.format = CM_FORMAT_CSV, .out = fopen("/dev/full", "w")};
    cr_assert_not_null(printer.out);
    cm_printer_start(&printer);
    cm_printer_row(&printer, &row);
    cr_expect_eq(cm_printer_end(&printer, NULL, 0), CM_IO);
    fclose(printer.out);
}

// Two queries of a batch, the second without rows.
static char *print_batch(enum cm_format format)
{
    char *text;
    size_t len;
    struct cm_detection row = sample();
    struct cm_printer printer = {
        .format = format, .out = open_memstream(&text, &len), .batch = true};
    cm_printer_start(&printer);
    cm_printer_query(&printer, 4, "8ZZZ123", "CA");
    cm_printer_row(&printer, &row);
    cr_expect_eq(printer.rows, 1);
    cr_expect_eq(cm_printer_query_end(&printer, 0), CM_OK);
    cm_printer_query(&printer, 7, "7YYY123", "");
    cr_expect_eq(printer.rows, 0, "rows are counted by query");
    cr_expect_eq(cm_printer_end(&printer, NULL, 3), CM_OK);
    cr_expect_eq(cm_printer_query_end(&printer, 3), CM_OK);
    fclose(printer.out);
    return text;
}

Test(printer, numbers_the_queries_of_a_batch)
{
    char *text = print_batch(CM_FORMAT_TABLE);
    cr_expect_eq(strncmp(text, "1. 8ZZZ123 CA, line 4\nTIME", 26), 0, "%s", text);
    cr_expect_not_null(strstr(text, "\n\n2. 7YYY123, line 7\n"), "%s", text);
    free(text);
    text = print_batch(CM_FORMAT_CSV);
    cr_expect_eq(strncmp(text, "query,event_id,", 15), 0, "%s", text);
    cr_expect_not_null(strstr(text, "\r\n1,e-1,"), "%s", text);
    free(text);
    text = print_batch(CM_FORMAT_JSON);
    cr_expect_not_null(strstr(text, "{\"query\":1,\"event_id\":\"e-1\","), "%s", text);
    cr_expect_not_null(strstr(text, "{\"query\":2,\"unaccounted\":3}\n{\"query\":2,\"exit\":3}\n"),
                       "%s", text);
    free(text);
}
