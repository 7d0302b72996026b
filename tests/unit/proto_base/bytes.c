#include "proto/base/bytes.h"

#include <criterion/criterion.h>
#include <string.h>

static struct cm_bytes text(const char *s)
{
    return cm_bytes_of(s);
}

Test(bytes, orders_as_memcmp_and_the_shorter_first)
{
    cr_expect(cm_bytes_compare(text("a"), text("ab")) < 0);
    cr_expect(cm_bytes_compare(text("b"), text("ab")) > 0);
    cr_expect_eq(cm_bytes_compare(text(""), CM_BYTES_NONE), 0);
    cr_expect(cm_bytes_equal(text("same"), text("same")));
    cr_expect_not(cm_bytes_equal(text("same"), text("sane")));
    cr_expect(cm_secret_equal(text("same"), text("same")));
    cr_expect_not(cm_secret_equal(text("same"), text("sam")));
    cr_expect_not(cm_secret_equal(text("same"), text("sane")));
}

// FIPS 180-2 appendix B.1 and RFC 4231 test case 2.
Test(bytes, hashes_known_vectors)
{
    struct cm_digest digest;
    char hex[2 * CM_DIGEST_SIZE + 1];
    struct cm_bytes parts[] = {text("a"), text(""), text("bc")};
    cm_sha256(&digest, parts, 3);
    cm_hex(hex, cm_bytes_digest(&digest));
    cr_expect_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    cm_hmac_sha256(&digest, text("Jefe"), text("what do ya want for nothing?"));
    cm_hex(hex, cm_bytes_digest(&digest));
    cr_expect_str_eq(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

Test(bytes, keeps_a_buffer_inside_its_bound)
{
    struct cm_buf buf = {.max = 4};
    cr_assert_eq(cm_buf_add(&buf, "abc", 3), CM_OK);
    cr_expect_eq(cm_buf_add(&buf, "de", 2), CM_MEMORY);
    cr_expect_eq(buf.len, 3);
    cr_expect_eq(cm_buf_add(&buf, "d", 1), CM_OK);
    cr_expect(cm_bytes_equal(cm_buf_bytes(&buf), text("abcd")));
    cm_buf_clear(&buf);
    cr_expect_eq(buf.len, 0);
    cr_expect_eq(buf.max, 4);
}

Test(bytes, prints_into_a_buffer)
{
    struct cm_buf buf = {0};
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(cm_buf_printf(&buf, "%03d,", i), CM_OK);
    }
    cr_expect_eq(buf.len, 400);
    cr_expect_eq(memcmp(buf.data + 396, "099,", 4), 0);
    cm_buf_clear(&buf);
}

Test(bytes, reads_hex_of_the_exact_length_only)
{
    uint8_t out[2];
    cr_assert_eq(cm_unhex(out, 2, "0aFf"), CM_OK);
    cr_expect_eq(out[0], 0x0a);
    cr_expect_eq(out[1], 0xff);
    cr_expect_eq(cm_unhex(out, 2, "0aF"), CM_INVALID);
    cr_expect_eq(cm_unhex(out, 2, "0aFg"), CM_INVALID);
    cr_expect_eq(cm_unhex(out, 2, "0aff00"), CM_INVALID);
}

Test(bytes, reads_canonical_base64_only)
{
    static const char *const bad[] = {"Zg=", "Zh==", "Z===", "Zg==\n", " Zg==", "Zm9vZg=a", "===="};
    static const char *const good[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct cm_buf coded = {0}, plain = {0};
        cr_assert_eq(cm_base64(&coded, text(good[i][0])), CM_OK);
        cr_expect(cm_bytes_equal(cm_buf_bytes(&coded), text(good[i][1])));
        cr_assert_eq(cm_unbase64(&plain, text(good[i][1])), CM_OK);
        cr_expect(cm_bytes_equal(cm_buf_bytes(&plain), text(good[i][0])));
        cm_buf_clear(&coded);
        cm_buf_clear(&plain);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct cm_buf plain = {0};
        cr_expect_eq(cm_unbase64(&plain, text(bad[i])), CM_INVALID, "%s", bad[i]);
        cr_expect_eq(plain.len, 0);
        cm_buf_clear(&plain);
    }
}

Test(bytes, knows_well_formed_utf8)
{
    cr_expect(cm_utf8_valid(text("Zürich 東京")));
    cr_expect_not(cm_utf8_valid(text("\xc0\xaf")));
    cr_expect_not(cm_utf8_valid(text("\xed\xa0\x80")));
    cr_expect_not(cm_utf8_valid(text("\xf4\x90\x80\x80")));
    cr_expect_not(cm_utf8_valid((struct cm_bytes){(const uint8_t *)"a\0b", 3}));
}
