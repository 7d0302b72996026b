#include "proto/ledger/cosigners.h"

#include <criterion/criterion.h>

#include <string.h>

enum { ARENA = 64 * 1024 };

static const uint8_t der[200] = {0x30, 0x81, 0xc5, 1, 2, 3};

// Two witnesses, of one and of three certificates.
static struct cm_buf two(void)
{
    const struct cm_bytes chain[] = {{der, sizeof der}, {der, 1}, {der + 3, 48}};
    struct cm_buf out = {0};
    cr_assert_eq(cm_cosigners_add(&out, "valley.test/gateway/gw-1", chain, 1), CM_OK);
    cr_assert_eq(cm_cosigners_add(&out, "valley.test/ca.northport.pd/node/n1", chain, 3), CM_OK);
    return out;
}

Test(cosigners, are_read_as_they_were_written)
{
    struct cm_buf text = two();
    struct cm_bytes rest = cm_buf_bytes(&text);
    struct cm_arena *arena = cm_arena_new(ARENA);
    struct cm_cosigner got;
    cr_assert_eq(cm_cosigners_next(&got, arena, &rest, NULL), CM_OK);
    cr_expect_str_eq(got.name, "valley.test/gateway/gw-1");
    cr_expect_eq(got.chain_count, 1);
    cr_expect(cm_bytes_equal(got.chain[0], (struct cm_bytes){der, sizeof der}));
    cr_assert_eq(cm_cosigners_next(&got, arena, &rest, NULL), CM_OK);
    cr_expect_str_eq(got.name, "valley.test/ca.northport.pd/node/n1");
    cr_expect_eq(got.chain_count, 3);
    cr_expect(cm_bytes_equal(got.chain[2], (struct cm_bytes){der + 3, 48}));
    cr_expect_eq(rest.len, 0);
    cm_arena_free(arena);
    cm_buf_clear(&text);
}

// Whether all of it reads as witnesses.
static bool reads(struct cm_bytes text, size_t *count)
{
    struct cm_arena *arena = cm_arena_new(ARENA);
    struct cm_cosigner got;
    enum cm_status status = CM_OK;
    for (*count = 0; status == CM_OK && text.len > 0; ++*count) {
        status = cm_cosigners_next(&got, arena, &text, NULL);
        cr_expect(status == CM_OK || status == CM_INVALID);
    }
    cm_arena_free(arena);
    return status == CM_OK;
}

Test(cosigners, nothing_else_is_taken_for_them)
{
    static const char *const wrong[] = {
        "x",
        "# ",
        "# \n",
        "# name\n",
        "# name",
        "name\n-----BEGIN CERTIFICATE-----\n",
        "# name\n-----BEGIN CERTIFICATE-----\nMA==\n",
        "# name\n-----BEGIN CERTIFICATE-----\nMA==-----END CERTIFICATE-----\n",
        "# name\n-----BEGIN CERTIFICATE-----\nMB==\n-----END CERTIFICATE-----\n",
        "# name\n-----BEGIN CERTIFICATE-----\n\nMA==\n-----END CERTIFICATE-----\n",
        "# name\n\n-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"};
    size_t count;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cr_expect_not(reads(cm_bytes_of(wrong[i]), &count), "%s", wrong[i]);
    }
    cr_expect(
        reads(cm_bytes_of("# name\n-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"),
              &count));
}

Test(cosigners, cut_anywhere_they_end_between_certificates_or_are_refused)
{
    struct cm_buf text = two();
    unsigned good = 0;
    size_t count;
    for (size_t len = 1; len <= text.len; len++) {
        good += reads((struct cm_bytes){text.data, len}, &count);
    }
    // After the first witness, and after each certificate of the second.
    cr_expect_eq(good, 4);
    cm_buf_clear(&text);
}
