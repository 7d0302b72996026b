#include "gateway/client/receipt.h"

#include "tests/unit/gateway_client/receipt_world.h"

#include <criterion/criterion.h>
#include <string.h>

static struct receipt_answer answer;
static struct cm_buf bytes;
static struct cm_receipt receipt;
static struct cm_error error;

static void set_up(void)
{
    receipt_set_up();
    receipt_answer_of(&answer, RECEIPT_PLAIN);
    receipt_write(&bytes, &answer, true);
}

static void tear_down(void)
{
    cm_buf_clear(&bytes);
    world_tear_down();
}

TestSuite(receipt, .init = set_up, .fini = tear_down);

static enum cm_status read_again(void)
{
    return cm_receipt_read(&receipt, cm_buf_bytes(&bytes), &error);
}

Test(receipt, has_its_parts_in_order)
{
    struct cm_bytes response;
    size_t count = 0;
    cr_assert_eq(read_again(), CM_OK, "%s", error.text);
    cr_expect(cm_bytes_equal(receipt.question, answer.question));
    cr_expect(cm_bytes_equal(receipt.directory, answer.directory));
    cr_expect(cm_bytes_equal(receipt.gateway, answer.gateway));
    while (cm_receipt_next(&response, &receipt.responses)) {
        cr_expect(cm_bytes_equal(response, answer.messages[count]));
        count++;
    }
    cr_expect_eq(count, answer.count);
    cr_expect_gt(receipt.signature.len, 0);
}

Test(receipt, is_refused_with_a_part_that_is_missing_empty_or_past_its_bound)
{
    uint8_t part[CM_RECEIPT_PART_SIZE];
    struct cm_buf whole = bytes;
    cr_assert_eq(read_again(), CM_OK);
    const size_t question = CM_RECEIPT_MAGIC_SIZE;
    const size_t after = question + sizeof part + receipt.question.len;
    bytes = (struct cm_buf){0};
    cr_assert_eq(cm_buf_add(&bytes, whole.data, question), CM_OK);
    cr_assert_eq(cm_buf_add(&bytes, whole.data + after, whole.len - after), CM_OK);
    cr_expect_eq(read_again(), CM_INVALID, "no question");
    cm_buf_clear(&bytes);
    cr_assert_eq(cm_buf_add(&bytes, whole.data, whole.len), CM_OK);
    cm_receipt_part(part, CM_RECEIPT_QUESTION, 0);
    memcpy(bytes.data + question, part, sizeof part);
    cr_expect_eq(read_again(), CM_INVALID, "empty");
    cm_receipt_part(part, CM_RECEIPT_QUESTION, CM_MAX_ENVELOPE + 1);
    memcpy(bytes.data + question, part, sizeof part);
    cr_expect_eq(read_again(), CM_INVALID, "too large");
    memcpy(bytes.data, whole.data, whole.len);
    cr_assert_eq(cm_buf_add(&bytes, part, sizeof part), CM_OK);
    cr_expect_eq(read_again(), CM_INVALID, "goes on");
    cm_buf_clear(&whole);
}

Test(receipt, is_signed_over_all_that_stands_before)
{
    int64_t saved_ms = 0;
    struct cm_key *key;
    struct cm_key *another;
    cr_assert_eq(cm_key_new(&key, cm_signer_spki(receipt_person)), CM_OK);
    cr_assert_eq(cm_key_new(&another, cm_signer_spki(world_gateway_signer)), CM_OK);
    cr_assert_eq(read_again(), CM_OK);
    cr_expect_eq(cm_receipt_verify(&saved_ms, &receipt, key, &error), CM_OK, "%s", error.text);
    cr_expect_eq(saved_ms, world_pki->now_ms + 1000);
    cr_expect_eq(cm_receipt_verify(&saved_ms, &receipt, another, &error), CM_UNAUTHENTICATED);
    bytes.data[receipt.content.len - 1] ^= 1;
    cr_expect_eq(cm_receipt_verify(&saved_ms, &receipt, key, &error), CM_UNAUTHENTICATED);
    cr_expect_eq(cm_receipt_verify(&saved_ms, &receipt, NULL, &error), CM_UNAUTHENTICATED,
                 "also before the key is known");
    receipt.signature = CM_BYTES_NONE;
    cr_expect_eq(cm_receipt_verify(&saved_ms, &receipt, NULL, &error), CM_UNAUTHENTICATED);
    cm_key_free(key);
    cm_key_free(another);
}
