#include "proto/ledger/cli/digest_set.h"

#include <criterion/criterion.h>

static struct cm_digest digest_of(unsigned i)
{
    struct cm_digest digest;
    cm_sha256_of(&digest, (struct cm_bytes){(const uint8_t *)&i, sizeof i});
    return digest;
}

Test(digest_set, holds_what_was_added_and_nothing_else)
{
    struct cm_digest_set set = {.count = 0};
    struct cm_digest zero = {.b = {0}};
    for (unsigned i = 0; i < 5000; i += 2) {
        const struct cm_digest digest = digest_of(i);
        cr_assert_eq(cm_digest_set_add(&set, &digest), CM_OK);
        cr_assert_eq(cm_digest_set_add(&set, &digest), CM_OK);
    }
    cr_expect_eq(set.count, 2500);
    for (unsigned i = 0; i < 5000; i++) {
        const struct cm_digest digest = digest_of(i);
        cr_assert_eq(cm_digest_set_has(&set, &digest), i % 2 == 0);
    }
    cr_expect_eq(cm_digest_set_add(&set, &zero), CM_OK);
    cr_expect_not(cm_digest_set_has(&set, &zero));
    cm_digest_set_clear(&set);
    cr_expect_not(cm_digest_set_has(&set, &zero));
}
