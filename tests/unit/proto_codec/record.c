#include "support.h"

#include <criterion/criterion.h>

static enum cm_status again(struct cm_buf *out, struct cm_arena *arena, struct cm_bytes in,
                            struct cm_error *error)
{
    struct cm_record record;
    enum cm_status status = cm_record_decode(&record, arena, in, error);

    return status == CM_OK ? cm_record_encode(out, &record) : status;
}

Test(record, golden)
{
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_record record = codec_record();
    struct cm_record got;
    struct cm_digest digest;
    struct cm_digest want;
    struct cm_buf bytes = {0};

    cr_assert_eq(cm_record_encode(&bytes, &record), CM_OK);
    codec_expect("record", cm_buf_bytes(&bytes), again);
    cr_assert_eq(cm_record_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_expect(cm_bytes_equal(got.entry, record.entry));
    cr_expect(cm_bytes_equal(got.checkpoint, record.checkpoint));
    cr_expect(got.inclusion.index == 5 && got.inclusion.size == 8 && got.inclusion.count == 3);
    cr_expect(cm_digest_equal(&got.inclusion.hashes[2], &record.inclusion.hashes[2]));
    cm_sha256_of(&want, cm_buf_bytes(&bytes));
    cr_assert_eq(cm_record_digest(&digest, &got), CM_OK);
    cr_expect(cm_digest_equal(&digest, &want));
    cm_buf_clear(&bytes);
    cm_arena_free(arena);
}

#define RECORD(status, change)                                                                     \
    do {                                                                                           \
        struct cm_record whole = codec_record();                                                   \
        struct cm_record *r = &whole;                                                              \
        change;                                                                                    \
        cr_expect_eq(cm_record_encode(&out, r), status, #change);                                  \
    } while (0)

Test(record, form)
{
    static const uint8_t big[CM_MAX_ENTRY + 1];
    static struct cm_digest hashes[CM_MAX_PROOF];
    struct cm_buf out = {0};

    RECORD(CM_INVALID, r->entry = CM_BYTES_NONE);
    RECORD(CM_INVALID, r->checkpoint = CM_BYTES_NONE);
    RECORD(CM_INVALID, (r->entry = (struct cm_bytes){big, CM_MAX_ENTRY + 1}));
    RECORD(CM_INVALID, (r->checkpoint = (struct cm_bytes){big, CM_MAX_CHECKPOINT + 1}));
    RECORD(CM_INVALID, r->inclusion.index = 8);
    // The largest of all has room.
    RECORD(CM_OK, r->entry = ((struct cm_bytes){big, CM_MAX_ENTRY});
           r->checkpoint = ((struct cm_bytes){big, CM_MAX_CHECKPOINT});
           r->inclusion = ((struct cm_inclusion){INT64_MAX - 1, INT64_MAX, CM_MAX_PROOF, hashes}));
    codec_refuses(again, CM_BYTES_NONE, CM_INVALID, "record.inclusion");
    codec_refuses(again, cm_bytes_of("\x0a\x01x"), CM_INVALID, "record.inclusion");
    cm_buf_clear(&out);
}
