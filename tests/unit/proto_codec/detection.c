#include "support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static enum cm_status again(struct cm_buf *out, struct cm_arena *arena, struct cm_bytes in,
                            struct cm_error *error)
{
    struct cm_detection detection;
    enum cm_status status = cm_row_decode(&detection, arena, in, error);

    return status == CM_OK ? cm_row_encode(out, &detection, CM_FIELDS_ALL) : status;
}

Test(detection, golden)
{
    struct cm_detection detection = codec_detection();
    struct cm_buf bytes = {0};

    cr_assert_eq(cm_row_encode(&bytes, &detection, CM_FIELDS_ALL), CM_OK);
    codec_expect("row", cm_buf_bytes(&bytes), again);
    cm_buf_clear(&bytes);
}

Test(detection, decodes_every_member)
{
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_buf bytes = codec_golden("row");
    struct cm_detection want = codec_detection();
    struct cm_detection got;

    cr_assert_eq(cm_row_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_expect_str_eq(got.event_id, want.event_id);
    cr_expect_str_eq(got.owner, want.owner);
    cr_expect_eq(got.captured_at_ms, want.captured_at_ms);
    cr_expect_str_eq(got.plate_read, want.plate_read);
    cr_expect_str_eq(got.plate, want.plate);
    cr_expect_str_eq(got.state, want.state);
    cr_expect_eq(got.present, CM_FIELDS_ALL);
    cr_expect_eq(got.latitude, want.latitude);
    cr_expect_eq(got.longitude, want.longitude);
    cr_expect_str_eq(got.site, want.site);
    cr_expect_str_eq(got.camera, want.camera);
    cr_expect_eq(got.heading, want.heading);
    cr_expect_str_eq(got.make, want.make);
    cr_expect_str_eq(got.model, want.model);
    cr_expect_str_eq(got.colour, want.colour);
    cr_expect_str_eq(got.body, want.body);
    cr_expect_eq(got.year, want.year);
    cr_expect_eq(got.vehicle_confidence, want.vehicle_confidence);
    cr_expect_eq(got.confidence, want.confidence);
    cr_assert_eq(got.candidate_count, 2);
    cr_expect_str_eq(got.candidates[1].plate, "BABC123");
    cr_expect_eq(got.candidates[1].confidence, 0.25);
    cr_expect_str_eq(got.image_reference, want.image_reference);
    cr_expect(cm_digest_equal(&got.image_sha256, &want.image_sha256));
    cm_buf_clear(&bytes);
    cm_arena_free(arena);
}

// What is not visible leaves no byte: neither its value nor that it is there.
Test(detection, withheld_groups_leave_no_trace)
{
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_detection full = codec_detection();
    struct cm_buf bytes = {0};
    struct cm_detection got;

    for (int field = CM_FIELD_NONE; field < CM_FIELD_COUNT; field++) {
        cm_fields only = (cm_fields)(field == CM_FIELD_NONE ? 0 : 1u << field);

        bytes.len = 0;
        cr_assert_eq(cm_row_encode(&bytes, &full, only), CM_OK);
        cr_assert_eq(cm_row_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
        cr_expect_eq(got.present, only);
        cr_expect_str_eq(got.site, field == CM_FIELD_PLACE ? "Pier Road" : "");
        cr_expect_str_eq(got.camera, field == CM_FIELD_CAMERA ? "cam-07" : "");
        cr_expect_eq(memmem(bytes.data, bytes.len, "img/", 4) != NULL, field == CM_FIELD_IMAGE);
    }
    full.present = 0;
    bytes.len = 0;
    cr_assert_eq(cm_row_encode(&bytes, &full, CM_FIELDS_ALL), CM_OK);
    cr_assert_eq(cm_row_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_expect_eq(got.present, 0, "a group that is not there can't be shown");
    cm_buf_clear(&bytes);
    cm_arena_free(arena);
}

// A camera whose id is unknown differs from a camera that is withheld.
Test(detection, empty_groups_stay_present)
{
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_detection d = codec_detection();
    struct cm_buf bytes = {0};
    struct cm_detection got;

    d.camera = d.site = "";
    d.latitude = d.longitude = 0;
    cr_assert_eq(cm_row_encode(&bytes, &d, CM_FIELDS_ALL), CM_OK);
    cr_assert_eq(cm_row_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_expect_eq(got.present, CM_FIELDS_ALL);
    cm_buf_clear(&bytes);
    cm_arena_free(arena);
}

#define REFUSES(change)                                                                            \
    do {                                                                                           \
        struct cm_detection d = codec_detection();                                                 \
        change;                                                                                    \
        cr_expect_eq(cm_row_encode(&out, &d, CM_FIELDS_ALL), CM_INVALID, #change);                 \
        cr_expect_eq(out.len, 0);                                                                  \
    } while (0)

Test(detection, form)
{
    struct cm_buf out = {0};
    char longest[CM_MAX_EVENT_ID + 2];

    memset(longest, 'e', sizeof longest);
    longest[CM_MAX_EVENT_ID + 1] = '\0';
    REFUSES(d.event_id = "");
    REFUSES(d.event_id = longest);
    REFUSES(d.owner = "milltown");
    REFUSES(d.captured_at_ms = -1);
    REFUSES(d.plate = "");
    REFUSES(d.plate = "8abc123");
    REFUSES(d.plate_read = "8ABC\n123");
    REFUSES(d.latitude = 90.5);
    REFUSES(d.longitude = NAN);
    REFUSES(d.latitude = INFINITY);
    REFUSES(d.heading = 360);
    REFUSES(d.heading = NAN);
    REFUSES(d.confidence = 1.01);
    REFUSES(d.vehicle_confidence = -0.1);
    REFUSES(d.year = 10000);
    REFUSES(d.site = "\xff");
    REFUSES(d.candidate_count = CM_MAX_CANDIDATES + 1);
    cm_buf_clear(&out);
}

Test(detection, key_golden)
{
    struct cm_buf golden = codec_golden("row_key");
    struct cm_buf key = {0};
    int64_t captured_ms;
    struct cm_bytes agency;
    struct cm_bytes event;

    cr_assert_eq(cm_row_key(&key, 1767225599123, "ca.milltown.pd", "evt-0001"), CM_OK);
    cr_expect(cm_bytes_equal(cm_buf_bytes(&key), cm_buf_bytes(&golden)));
    cr_assert_eq(cm_row_key_parse(cm_buf_bytes(&golden), &captured_ms, &agency, &event), CM_OK);
    cr_expect_eq(captured_ms, 1767225599123);
    cr_expect(cm_bytes_equal(agency, cm_bytes_of("ca.milltown.pd")));
    cr_expect(cm_bytes_equal(event, cm_bytes_of("evt-0001")));
    cm_buf_clear(&key);
    cm_buf_clear(&golden);
}

Test(detection, leaf_golden)
{
    struct cm_buf key = codec_golden("row_key");
    struct cm_buf row = codec_golden("row");
    struct cm_buf golden = codec_golden("row_leaf");
    struct cm_digest leaf;

    cm_row_leaf(&leaf, cm_buf_bytes(&key), cm_buf_bytes(&row));
    cr_expect(cm_bytes_equal(cm_bytes_digest(&leaf), cm_buf_bytes(&golden)));
    cm_buf_clear(&key);
    cm_buf_clear(&row);
    cm_buf_clear(&golden);
}

static struct cm_buf key_of(int64_t captured_ms, const char *agency, const char *event)
{
    struct cm_buf key = {0};

    cr_assert_eq(cm_row_key(&key, captured_ms, agency, event), CM_OK);
    return key;
}

// Time descending, then agency, then event id.
Test(detection, keys_sort_as_rows_do)
{
    struct cm_buf keys[] = {
        key_of(CM_MAX_TIME_MS, "ca.a", "z"),
        key_of(2000, "ca.a", "a"),
        key_of(2000, "ca.a", "b"),
        key_of(2000, "ca.a.b", "a"),
        key_of(2000, "ca.b", "a"),
        key_of(1999, "ca.a", "a"),
        key_of(0, "ca.a", "a"),
    };

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        for (size_t k = i + 1; k < sizeof keys / sizeof keys[0]; k++) {
            cr_expect_lt(cm_bytes_compare(cm_buf_bytes(&keys[i]), cm_buf_bytes(&keys[k])), 0);
        }
    }
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        cm_buf_clear(&keys[i]);
    }
}

Test(detection, malformed_keys)
{
    struct cm_buf out = {0};
    struct cm_buf key = key_of(2000, "ca.a", "a");
    int64_t captured_ms;
    struct cm_bytes agency;
    struct cm_bytes event;

    cr_expect_eq(cm_row_key(&out, -1, "ca.a", "a"), CM_INVALID);
    cr_expect_eq(cm_row_key(&out, 1, "", "a"), CM_INVALID);
    cr_expect_eq(cm_row_key(&out, 1, "ca.a", ""), CM_INVALID);
    for (size_t len = 0; len < key.len; len++) {
        cr_expect_eq(
            cm_row_key_parse((struct cm_bytes){key.data, len}, &captured_ms, &agency, &event),
            CM_INVALID);
    }
    key.data[0] = 0x7f;
    cr_expect_eq(cm_row_key_parse(cm_buf_bytes(&key), &captured_ms, &agency, &event), CM_INVALID);
    cm_buf_clear(&key);
}

Test(detection, open_binds_a_row_to_its_key)
{
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_buf row = codec_golden("row");
    struct cm_buf key = codec_golden("row_key");
    struct cm_buf others[] = {
        key_of(1767225599122, "ca.milltown.pd", "evt-0001"),
        key_of(1767225599123, "ca.southgate.pd", "evt-0001"),
        key_of(1767225599123, "ca.milltown.pd", "evt-0002"),
    };
    struct cm_detection got;
    struct cm_error error;

    cr_expect_eq(cm_row_open(&got, arena, cm_buf_bytes(&key), cm_buf_bytes(&row), NULL), CM_OK);
    for (size_t i = 0; i < 3; i++) {
        cr_expect_eq(cm_row_open(&got, arena, cm_buf_bytes(&others[i]), cm_buf_bytes(&row), &error),
                     CM_INVALID);
        cr_expect_str_eq(error.where, "key");
        cm_buf_clear(&others[i]);
    }
    cm_buf_clear(&row);
    cm_buf_clear(&key);
    cm_arena_free(arena);
}
