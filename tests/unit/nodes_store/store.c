#include "nodes/store/store.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#define OWNER "ca.northport.pd"

static const struct cm_candidate candidates[CM_MAX_CANDIDATES + 1] = {
    {"8ABC123", 1}, {"BABC123", 0}, {"1", 0}, {"2", 0}, {"3", 0}, {"4", 0},
    {"5", 0},       {"6", 0},       {"7", 0}, {"8", 0}, {"9", 0}};

static struct cm_stored good(void)
{
    return (struct cm_stored){
        .detection = {.event_id = "ev-1",
                      .owner = OWNER,
                      .captured_at_ms = 1790000000000,
                      .plate_read = "8ABC-123",
                      .plate = "8ABC123",
                      .state = "CA",
                      .present = CM_FIELDS_ALL,
                      .latitude = -90,
                      .longitude = 180,
                      .site = "Harbour",
                      .camera = "cam-07",
                      .heading = 359.999,
                      .make = "",
                      .model = "",
                      .colour = "",
                      .body = "",
                      .year = 2019,
                      .vehicle_confidence = 0,
                      .confidence = 1,
                      .candidate_count = CM_MAX_CANDIDATES,
                      .candidates = candidates,
                      .image_reference = "img/1"},
        .case_hold = "",
    };
}

static char long_text[1024];

static void expect_refused(const struct cm_stored *row, const char *column)
{
    struct cm_error error = {0};
    cr_expect_eq(cm_stored_check(row, OWNER, &error), CM_INVALID, "%s is let in", column);
    cr_expect_str_eq(error.where, column);
}

Test(store, lets_a_whole_row_in)
{
    struct cm_stored row = good();
    struct cm_error error = {0};
    cr_expect_eq(cm_stored_check(&row, OWNER, &error), CM_OK, "%s %s", error.where, error.text);
    row.detection.present = 0;
    row.detection.state = "";
    row.detection.latitude = NAN;
    cr_expect_eq(cm_stored_check(&row, OWNER, &error), CM_OK, "a group that isn't there");
}

#define REFUSED(column, member, value)                                                             \
    do {                                                                                           \
        struct cm_stored row = good();                                                             \
        row.member = value;                                                                        \
        expect_refused(&row, column);                                                              \
    } while (0)

Test(store, refuses_each_value_that_is_out_of_its_range)
{
    REFUSED("event_id", detection.event_id, "");
    REFUSED("owner", detection.owner, "ca.southgate.pd");
    REFUSED("captured_at", detection.captured_at_ms, 0);
    REFUSED("captured_at", detection.captured_at_ms, INT64_MAX);
    REFUSED("expires_at", expires_at_ms, -1);
    REFUSED("plate", detection.plate, "8abc123");
    REFUSED("plate", detection.plate, "8ABC-123");
    REFUSED("plate", detection.plate, "");
    REFUSED("plate", detection.plate, "1234567890123");
    REFUSED("plate_read", detection.plate_read, "");
    REFUSED("state", detection.state, "ca");
    REFUSED("state", detection.state, "C");
    REFUSED("state", detection.state, "CAL");
    REFUSED("latitude", detection.latitude, -90.001);
    REFUSED("latitude", detection.latitude, NAN);
    REFUSED("longitude", detection.longitude, 180.001);
    REFUSED("longitude", detection.longitude, INFINITY);
    REFUSED("heading", detection.heading, 360);
    REFUSED("heading", detection.heading, -0.1);
    REFUSED("camera", detection.camera, "");
    REFUSED("year", detection.year, 10000);
    REFUSED("vehicle_confidence", detection.vehicle_confidence, 1.01);
    REFUSED("confidence", detection.confidence, -0.01);
    REFUSED("candidates", detection.candidate_count, CM_MAX_CANDIDATES + 1);
}

Test(store, refuses_text_that_is_too_long_or_no_text)
{
    memset(long_text, 'x', sizeof long_text - 1);
    REFUSED("event_id", detection.event_id, long_text);
    REFUSED("plate_read", detection.plate_read, long_text);
    REFUSED("site", detection.site, long_text);
    REFUSED("camera", detection.camera, long_text);
    REFUSED("make", detection.make, long_text);
    REFUSED("body", detection.body, long_text);
    REFUSED("image_reference", detection.image_reference, long_text);
    REFUSED("case_hold", case_hold, long_text);
    REFUSED("event_id", detection.event_id, "a\nb");
    REFUSED("site", detection.site, "\x1b[2J");
    REFUSED("model", detection.model, "\xc3");
    REFUSED("colour", detection.colour, "\xed\xa0\x80");
    REFUSED("row", detection.site,
            "a\xe2\x80\xae"
            "b"); // right-to-left override
}

Test(store, candidates_are_judged_one_by_one)
{
    static const struct cm_candidate empty[] = {{"8ABC123", 0.5}, {"", 0.5}};
    static const struct cm_candidate sure[] = {{"8ABC123", 2}};
    struct cm_stored row = good();
    row.detection.candidates = empty;
    row.detection.candidate_count = 2;
    expect_refused(&row, "candidates");
    row.detection.candidates = sure;
    row.detection.candidate_count = 1;
    expect_refused(&row, "candidates");
}

Test(store, open_says_what_it_wants)
{
    struct cm_store *store = NULL;
    struct cm_error error = {0};
    cr_expect_eq(cm_store_open(&store, "mysql:x", OWNER, 1, &error), CM_INVALID);
    cr_expect_not_null(strstr(error.hint, "sqlite:"));
    cr_expect_eq(cm_store_open(&store, "sqlite:", OWNER, 1, &error), CM_INVALID);
    cr_expect_eq(cm_store_open(&store, "sqlite:/tmp/x", "", 1, &error), CM_INVALID);
    cr_expect_eq(cm_store_open(&store, "sqlite:/tmp/x", OWNER, 0, &error), CM_INVALID);
    cr_expect_eq(cm_store_open(&store, "sqlite:/tmp/x", OWNER, 65, &error), CM_INVALID);
    cr_expect_null(store);
}
