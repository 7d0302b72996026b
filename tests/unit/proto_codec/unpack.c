#include "support.h"

#include <criterion/criterion.h>
#include <string.h>

static enum cm_status again(struct cm_buf *out, struct cm_arena *arena, struct cm_bytes in,
                            struct cm_error *error)
{
    struct cm_query query;
    enum cm_status status = cm_query_decode(&query, arena, in, error);

    return status == CM_OK ? cm_query_encode(out, &query, error) : status;
}

static struct cm_buf joined(struct cm_bytes a, struct cm_bytes b)
{
    struct cm_buf out = {0};

    cr_assert_eq(cm_buf_add(&out, a.data, a.len), CM_OK);
    cr_assert_eq(cm_buf_add(&out, b.data, b.len), CM_OK);
    return out;
}

static void refuses_with(struct cm_bytes tail, const char *where)
{
    struct cm_buf query = codec_golden("query");
    struct cm_buf bent = joined(cm_buf_bytes(&query), tail);

    codec_refuses(again, cm_buf_bytes(&bent), CM_INVALID, where);
    cm_buf_clear(&query);
    cm_buf_clear(&bent);
}

#define BYTES(...)                                                                                 \
    ((struct cm_bytes){(const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__})})

Test(unpack, names_the_field_that_is_wrong)
{
    refuses_with(BYTES(0xe0, 0x01, 0x05), "deadline_ms"); // a second time
    refuses_with(BYTES(0xe8, 0x01, 0x05), "query");       // field 29 is unknown
    refuses_with(BYTES(0x0a, 0x01, 0x05), "query_id");    // after later fields
    refuses_with(BYTES(0xe5, 0x01), "deadline_ms");       // cut inside field 28 as 32 bit
    refuses_with(BYTES(0x80), "query");                   // a tag that does not end
    refuses_with(BYTES(0x00), "query");                   // field number 0
    refuses_with(BYTES(0xe0, 0x81, 0x00, 0x05), "query"); // a tag longer than it need be
}

// Field 28 alone, in forms that protobuf readers take and canonical form does not have.
Test(unpack, varints_are_minimal)
{
    codec_refuses(again, BYTES(0xe0, 0x01, 0x85, 0x00), CM_INVALID, "deadline_ms");
    codec_refuses(again, BYTES(0xe0, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2),
                  CM_INVALID, "deadline_ms");
    codec_refuses(again, BYTES(0xe0, 0x01, 0x80, 0x80, 0x80, 0x80, 0x10), CM_INVALID, "query");
    codec_refuses(again, BYTES(0xe0, 0x01, 0x00), CM_INVALID, "query");
}

Test(unpack, strings_are_utf8_without_nul)
{
    codec_refuses(again, BYTES(0x2a, 0x02, 'a', 0), CM_INVALID, "federation");
    codec_refuses(again, BYTES(0x2a, 0x02, 'a', 0xff), CM_INVALID, "federation");
    codec_refuses(again, BYTES(0x2a, 0x02, 0xc0, 0x80), CM_INVALID, "federation");
    codec_refuses(again, BYTES(0x3a, 0x01, 'a', 0x3a, 0x01, 0xff), CM_INVALID, "agencies[1]");
    codec_refuses(again, BYTES(0x62, 0x03, 0x0a, 0x01, 0), CM_INVALID, "plate.plate");
}

Test(unpack, lengths_stay_inside)
{
    codec_refuses(again, BYTES(0x2a, 0x05, 'a'), CM_INVALID, "federation");
    codec_refuses(again, BYTES(0x2a, 0xff, 0xff, 0xff, 0xff, 0x0f, 'a'), CM_INVALID, "federation");
    codec_refuses(again,
                  BYTES(0x2a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 'a'),
                  CM_INVALID, "federation");
}

Test(unpack, size_is_bounded_before_anything_is_read)
{
    static const uint8_t big[CM_MAX_PAYLOAD + 1];

    codec_refuses(again, (struct cm_bytes){big, sizeof big}, CM_INVALID, "query");
    codec_refuses(again, CM_BYTES_NONE, CM_INVALID, "query_id");
}
