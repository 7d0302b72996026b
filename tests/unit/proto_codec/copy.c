#include "support.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static enum cm_status again(struct cm_buf *out, struct cm_arena *arena, struct cm_bytes in,
                            struct cm_error *error)
{
    struct cm_attach_down down;
    enum cm_status status = cm_attach_down_decode(&down, arena, in, error);

    return status == CM_OK ? cm_attach_down_encode(out, &down) : status;
}

static struct cm_bytes leaves[CM_MAX_DIRECTORY_AGENCIES + 1];

static struct cm_attach_down a_copy(void)
{
    struct cm_attach_down down = {
        .kind = CM_DOWN_COPY,
        .copy = {.number = 300, .record = codec_record(), .leaf_count = 2, .leaves = leaves}};

    leaves[0] = cm_bytes_of("a leaf");
    leaves[1] = cm_bytes_of("another");
    codec_envelope(&down.copy.query, CM_FAMILY_QUERY);
    codec_envelope(&down.copy.manifest, CM_FAMILY_MANIFEST);
    return down;
}

Test(copy, golden)
{
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_attach_down down = a_copy();
    struct cm_attach_down got;
    struct cm_buf bytes = {0};

    cr_assert_eq(cm_attach_down_encode(&bytes, &down), CM_OK);
    codec_expect("down_copy", cm_buf_bytes(&bytes), again);
    cr_assert_eq(cm_attach_down_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_assert_eq(got.kind, CM_DOWN_COPY);
    cr_expect_eq(got.copy.number, 300);
    cr_expect_eq(got.copy.query.family, CM_FAMILY_QUERY);
    cr_expect(cm_bytes_equal(got.copy.record.entry, cm_bytes_of("an entry")));
    cr_assert_eq(got.copy.leaf_count, 2);
    cr_expect(cm_bytes_equal(got.copy.leaves[1], leaves[1]));
    cr_expect_eq(got.copy.manifest.family, CM_FAMILY_MANIFEST);
    cm_buf_clear(&bytes);
    cm_arena_free(arena);
}

#define COPY(change)                                                                               \
    do {                                                                                           \
        struct cm_attach_down down = a_copy();                                                     \
        struct cm_copy *c = &down.copy;                                                            \
        change;                                                                                    \
        cr_expect_eq(cm_attach_down_encode(&out, &down), CM_INVALID, #change);                     \
    } while (0)

Test(copy, form)
{
    static const uint8_t big[CM_MAX_LEAF + 1];
    struct cm_buf out = {0};

    COPY(c->query.family = CM_FAMILY_REACH);
    COPY(c->query.family = CM_FAMILY_NONE);
    COPY(c->manifest.family = CM_FAMILY_NONE);
    COPY(c->record.entry = CM_BYTES_NONE);
    COPY(c->leaf_count = CM_MAX_DIRECTORY_AGENCIES + 1);
    COPY((void)c; leaves[1] = CM_BYTES_NONE);
    COPY((void)c; leaves[1] = ((struct cm_bytes){big, CM_MAX_LEAF + 1}));
    cm_buf_clear(&out);
}

// Ten thousand agencies with the longest names, each with an account.
Test(copy, the_largest_federation_has_room)
{
    enum { LEAF = 170 };
    static const uint8_t zero[CM_MAX_MANIFEST];
    struct cm_arena *arena = cm_arena_new((size_t)4 * CM_MAX_COPY);
    struct cm_attach_down down = a_copy();
    struct cm_attach_down got;
    struct cm_buf bytes = {0};

    for (size_t i = 0; i < CM_MAX_DIRECTORY_AGENCIES; i++) {
        leaves[i] = (struct cm_bytes){zero, LEAF};
    }
    down.copy.leaf_count = CM_MAX_DIRECTORY_AGENCIES;
    down.copy.manifest.payload = (struct cm_bytes){zero, CM_MAX_MANIFEST};
    cr_assert_eq(cm_attach_down_encode(&bytes, &down), CM_OK);
    cr_assert_eq(cm_attach_down_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_expect_eq(got.copy.leaf_count, CM_MAX_DIRECTORY_AGENCIES);
    for (size_t i = 0; i < CM_MAX_DIRECTORY_AGENCIES; i++) {
        leaves[i].len = CM_MAX_LEAF;
    }
    bytes.len = 0;
    cr_expect_eq(cm_attach_down_encode(&bytes, &down), CM_INVALID, "past 6 MiB");
    cm_buf_clear(&bytes);
    cm_arena_free(arena);
}
