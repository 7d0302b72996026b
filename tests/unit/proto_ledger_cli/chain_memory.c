#include "proto/ledger/cli/chain_memory.h"

#include <criterion/criterion.h>

#include <stdlib.h>

static struct cm_signature signed_by(uint8_t key, const char *certificate)
{
    struct cm_signature signature = {.keyid.b = {key}, .chain_count = 2};
    signature.chain[0] = cm_bytes_of(certificate);
    signature.chain[1] = cm_bytes_of("the agency's CA");
    return signature;
}

static void put(struct cm_chain_memory *memory, uint64_t index, uint32_t day, uint8_t key)
{
    const struct cm_signature signature = signed_by(key, "a certificate");
    cr_assert_eq(cm_chain_memory_put(memory, index, day, &signature), CM_OK);
}

static enum cm_status get(struct cm_chain_memory *memory, uint64_t index, uint32_t day, uint8_t key)
{
    struct cm_signature signature = {.keyid.b = {key}};
    const enum cm_status status = cm_chain_memory_get(&signature, memory, index, day);
    if (status == CM_OK) {
        cr_expect_eq(signature.chain_count, 2);
        cr_expect(cm_bytes_equal(signature.chain[0], cm_bytes_of("a certificate")));
        cr_expect(cm_bytes_equal(signature.chain[1], cm_bytes_of("the agency's CA")));
    }
    return status;
}

Test(chain_memory, gives_back_what_that_record_of_that_day_brought)
{
    struct cm_chain_memory *memory = cm_chain_memory_new();
    cr_expect_eq(get(memory, 0, 10, 1), CM_NOT_FOUND);
    put(memory, 3, 10, 1);
    put(memory, 5, 10, 2);
    cr_expect_eq(get(memory, 3, 10, 1), CM_OK);
    cr_expect_eq(get(memory, 5, 10, 2), CM_OK);
    cr_expect_eq(get(memory, 5, 10, 1), CM_NOT_FOUND, "another key's");
    cr_expect_eq(get(memory, 4, 10, 1), CM_NOT_FOUND, "another record");
    cr_expect_eq(get(memory, 3, 11, 1), CM_NOT_FOUND, "another day");
    cm_chain_memory_free(memory);
}

Test(chain_memory, forgets_what_is_older_than_the_day_before)
{
    struct cm_chain_memory *memory = cm_chain_memory_new();
    put(memory, 1, 10, 1);
    put(memory, 2, 11, 1);
    cr_expect_eq(get(memory, 1, 10, 1), CM_OK);
    put(memory, 3, 12, 1);
    cr_expect_eq(get(memory, 1, 10, 1), CM_NOT_FOUND);
    cr_expect_eq(get(memory, 2, 11, 1), CM_OK);
    cm_chain_memory_reset(memory);
    cr_expect_eq(get(memory, 3, 12, 1), CM_NOT_FOUND);
    cm_chain_memory_free(memory);
}

Test(chain_memory, is_bounded)
{
    enum { LARGE = 4 * 1024 * 1024 };
    struct cm_chain_memory *memory = cm_chain_memory_new();
    struct cm_signature signature = {.chain_count = 1};
    uint8_t *large = calloc(1, LARGE);
    enum cm_status status = CM_OK;
    signature.chain[0] = (struct cm_bytes){large, LARGE};
    uint64_t index = 0;
    for (; status == CM_OK && index < 100; index++) {
        status = cm_chain_memory_put(memory, index, 10, &signature);
    }
    cr_expect_eq(status, CM_MEMORY);
    cr_expect_eq(index, CM_MAX_CHAIN_MEMORY / LARGE + 1);
    cr_expect_eq(cm_chain_memory_put(memory, index, 12, &signature), CM_OK, "a new day has room");
    free(large);
    cm_chain_memory_free(memory);
}
