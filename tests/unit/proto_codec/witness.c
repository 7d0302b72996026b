#include "support.h"

#include <criterion/criterion.h>

static enum cm_status again_up(struct cm_buf *out, struct cm_arena *arena, struct cm_bytes in,
                               struct cm_error *error)
{
    struct cm_attach_up up;
    enum cm_status status = cm_attach_up_decode(&up, arena, in, error);

    return status == CM_OK ? cm_attach_up_encode(out, &up) : status;
}

static enum cm_status again_down(struct cm_buf *out, struct cm_arena *arena, struct cm_bytes in,
                                 struct cm_error *error)
{
    struct cm_attach_down down;
    enum cm_status status = cm_attach_down_decode(&down, arena, in, error);

    return status == CM_OK ? cm_attach_down_encode(out, &down) : status;
}

static struct cm_witness_checkpoint a_checkpoint(void)
{
    static struct cm_digest hashes[1];
    struct cm_witness_checkpoint out = {.checkpoint = cm_bytes_of("a checkpoint"),
                                        .consistency = {4, 8, 1, hashes}};

    hashes[0] = codec_digest(3);
    codec_envelope(&out.epoch, CM_FAMILY_EPOCH);
    return out;
}

static struct cm_cosignature a_cosignature(void)
{
    static struct cm_bytes chain[2];

    chain[0] = cm_bytes_of("leaf");
    chain[1] = cm_bytes_of("authority");
    return (struct cm_cosignature){
        .size = 8, .line = cm_bytes_of("— gw-1 AAAA\n"), .chain_count = 2, .chain = chain};
}

Test(witness, golden_up)
{
    struct cm_attach_up up = {.kind = CM_UP_CHECKPOINT, .checkpoint = a_checkpoint()};
    struct cm_attach_up first = {.kind = CM_UP_CHECKPOINT,
                                 .checkpoint = {.checkpoint = cm_bytes_of("a checkpoint")}};
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_attach_up got;
    struct cm_buf bytes = {0};

    cr_assert_eq(cm_attach_up_encode(&bytes, &up), CM_OK);
    codec_expect("up_checkpoint", cm_buf_bytes(&bytes), again_up);
    cr_assert_eq(cm_attach_up_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_assert_eq(got.kind, CM_UP_CHECKPOINT);
    cr_expect(cm_bytes_equal(got.checkpoint.checkpoint, up.checkpoint.checkpoint));
    cr_expect(got.checkpoint.consistency.old_size == 4 && got.checkpoint.consistency.count == 1);
    cr_expect_eq(got.checkpoint.epoch.family, CM_FAMILY_EPOCH);
    bytes.len = 0;
    cr_assert_eq(cm_attach_up_encode(&bytes, &first), CM_OK);
    codec_expect("up_checkpoint_first", cm_buf_bytes(&bytes), again_up);
    bytes.len = 0;
    up = (struct cm_attach_up){.kind = CM_UP_COSIGNATURE, .cosignature = a_cosignature()};
    cr_assert_eq(cm_attach_up_encode(&bytes, &up), CM_OK);
    codec_expect("up_cosignature", cm_buf_bytes(&bytes), again_up);
    cm_buf_clear(&bytes);
    cm_arena_free(arena);
}

Test(witness, golden_down)
{
    struct cm_attach_down down = {.kind = CM_DOWN_CHECKPOINT, .checkpoint = a_checkpoint()};
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_attach_down got;
    struct cm_buf bytes = {0};

    cr_assert_eq(cm_attach_down_encode(&bytes, &down), CM_OK);
    codec_expect("down_checkpoint", cm_buf_bytes(&bytes), again_down);
    bytes.len = 0;
    down = (struct cm_attach_down){.kind = CM_DOWN_COSIGNATURE, .cosignature = a_cosignature()};
    cr_assert_eq(cm_attach_down_encode(&bytes, &down), CM_OK);
    codec_expect("down_cosignature", cm_buf_bytes(&bytes), again_down);
    cr_assert_eq(cm_attach_down_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_assert_eq(got.kind, CM_DOWN_COSIGNATURE);
    cr_expect_eq(got.cosignature.size, 8);
    cr_expect(cm_bytes_equal(got.cosignature.line, down.cosignature.line));
    cr_assert_eq(got.cosignature.chain_count, 2);
    cr_expect(cm_bytes_equal(got.cosignature.chain[1], cm_bytes_of("authority")));
    bytes.len = 0;
    down.cosignature = (struct cm_cosignature){.seen = cm_bytes_of("a checkpoint")};
    cr_assert_eq(cm_attach_down_encode(&bytes, &down), CM_OK);
    codec_expect("down_cosignature_refused", cm_buf_bytes(&bytes), again_down);
    cr_assert_eq(cm_attach_down_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_expect(cm_bytes_equal(got.cosignature.seen, cm_bytes_of("a checkpoint")));
    cm_buf_clear(&bytes);
    cm_arena_free(arena);
}

#define COSIGNATURE(change)                                                                        \
    do {                                                                                           \
        struct cm_attach_up up = {.kind = CM_UP_COSIGNATURE, .cosignature = a_cosignature()};      \
        struct cm_cosignature *c = &up.cosignature;                                                \
        change;                                                                                    \
        cr_expect_eq(cm_attach_up_encode(&out, &up), CM_INVALID, #change);                         \
    } while (0)

Test(witness, a_cosignature_is_one_line_or_what_speaks_against)
{
    static const uint8_t big[CM_MAX_CHECKPOINT + 1];
    struct cm_buf out = {0};

    COSIGNATURE(c->size = 0);
    COSIGNATURE(c->line = CM_BYTES_NONE);
    COSIGNATURE(c->line = cm_bytes_of("— gw-1 AAAA"));
    COSIGNATURE(c->line = cm_bytes_of("— gw-1 AAAA\n— gw-2 AAAA\n"));
    COSIGNATURE((c->line = (struct cm_bytes){big, CM_MAX_COSIGNATURE_LINE + 1}));
    COSIGNATURE(c->chain_count = 0);
    COSIGNATURE(c->chain_count = CM_MAX_CHAIN + 1);
    COSIGNATURE(c->seen = cm_bytes_of("a checkpoint"));
    COSIGNATURE((*c = (struct cm_cosignature){0}));
    COSIGNATURE((*c = (struct cm_cosignature){.seen = {big, CM_MAX_CHECKPOINT + 1}}));
    cm_buf_clear(&out);
}

#define CHECKPOINT(change)                                                                         \
    do {                                                                                           \
        struct cm_attach_down down = {.kind = CM_DOWN_CHECKPOINT, .checkpoint = a_checkpoint()};   \
        struct cm_witness_checkpoint *c = &down.checkpoint;                                        \
        change;                                                                                    \
        cr_expect_eq(cm_attach_down_encode(&out, &down), CM_INVALID, #change);                     \
    } while (0)

Test(witness, a_checkpoint_is_a_note_with_a_proof)
{
    struct cm_buf out = {0};

    CHECKPOINT(c->checkpoint = CM_BYTES_NONE);
    CHECKPOINT(c->consistency.old_size = 9);
    CHECKPOINT(c->epoch.family = CM_FAMILY_AUDIT);
    codec_refuses(again_up, cm_bytes_of("\x3a\x02\x0a"), CM_INVALID, "checkpoint");
    cm_buf_clear(&out);
}
