#include "proto/codec/receipt.h"

#include "proto/codec/bounds.h"

#include <criterion/criterion.h>

static struct cm_arena *arena;
static struct cm_buf packed;
static struct cm_error error;

static void set_up(void)
{
    const struct cm_receipt_seal seal = {.content = {{1, 2, 3}}, .saved_ms = 1763800000000};
    arena = cm_arena_new(64 * 1024);
    cr_assert_eq(cm_receipt_seal_encode(&packed, &seal), CM_OK);
}

static void tear_down(void)
{
    cm_buf_clear(&packed);
    cm_arena_free(arena);
}

TestSuite(receipt, .init = set_up, .fini = tear_down);

Test(receipt, comes_back_as_it_was)
{
    struct cm_receipt_seal back;
    cr_assert_eq(cm_receipt_seal_decode(&back, arena, cm_buf_bytes(&packed), &error), CM_OK);
    cr_expect_eq(back.content.b[1], 2);
    cr_expect_eq(back.saved_ms, 1763800000000);
    cr_expect_leq(packed.len, CM_MAX_RECEIPT_SEAL);
}

Test(receipt, is_refused_cut_longer_or_with_a_time_that_is_none)
{
    struct cm_receipt_seal back;
    const struct cm_receipt_seal early = {.content = {{1}}, .saved_ms = -1};
    struct cm_bytes bytes = cm_buf_bytes(&packed);
    for (size_t len = 0; len < bytes.len; len++) {
        cr_expect_eq(
            cm_receipt_seal_decode(&back, arena, (struct cm_bytes){bytes.data, len}, &error),
            CM_INVALID, "%zu", len);
    }
    cr_assert_eq(cm_buf_add(&packed, "\x18\x01", 2), CM_OK); // a field that nobody knows
    cr_expect_eq(cm_receipt_seal_decode(&back, arena, cm_buf_bytes(&packed), &error), CM_INVALID);
    cr_expect_eq(cm_receipt_seal_encode(&packed, &early), CM_INVALID);
}
