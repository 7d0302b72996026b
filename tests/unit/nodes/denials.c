#include "nodes/denials.h"

#include <criterion/criterion.h>

static const struct cm_digest first = {{1}}, second = {{2}};

Test(denials, one_entry_a_minute_for_the_same_refusal)
{
    struct cm_denials denials = {.left_out = 0};
    cr_expect(cm_denials_admit(&denials, &first, CM_REFUSAL_STALE, 1000));
    cr_expect_not(cm_denials_admit(&denials, &first, CM_REFUSAL_STALE, 2000));
    cr_expect(cm_denials_admit(&denials, &first, CM_REFUSAL_REPLAYED, 2000), "another refusal");
    cr_expect(cm_denials_admit(&denials, &second, CM_REFUSAL_STALE, 2000), "another query");
    cr_expect_not(cm_denials_admit(&denials, &first, CM_REFUSAL_STALE, 60999));
    cr_expect(cm_denials_admit(&denials, &first, CM_REFUSAL_STALE, 61000));
}

Test(denials, so_many_a_minute_whatever_comes)
{
    struct cm_denials denials = {.left_out = 0};
    unsigned admitted = 0;
    for (unsigned i = 0; i < 10000; i++) {
        const struct cm_digest query = {{(uint8_t)i, (uint8_t)(i >> 8)}};
        admitted += cm_denials_admit(&denials, &query, CM_REFUSAL_BAD_RECORD, 1 + i);
    }
    cr_expect_eq(admitted, CM_DENIALS_A_MINUTE);
    cr_expect(cm_denials_admit(&denials, &first, CM_REFUSAL_BAD_RECORD, 70000));
}

Test(denials, tells_once_a_minute_how_many_were_left_out)
{
    struct cm_denials denials = {.left_out = 0};
    cr_expect_eq(cm_denials_take(&denials, 1), 0);
    cr_assert(cm_denials_admit(&denials, &first, CM_REFUSAL_STALE, 1000));
    cr_expect_eq(cm_denials_take(&denials, 100000), 0, "it has its entry");
    for (int i = 0; i < 5; i++) {
        cm_denials_leave_out(&denials, 200000 + i);
    }
    cr_expect_eq(cm_denials_take(&denials, 259999), 0);
    cr_expect_eq(cm_denials_take(&denials, 260000), 5);
    cr_expect_eq(cm_denials_take(&denials, 400000), 0);
}
