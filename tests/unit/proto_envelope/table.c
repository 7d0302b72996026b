#include "proto/envelope/table.h"

#include <criterion/criterion.h>

static struct cm_digest key_of(uint32_t number)
{
    struct cm_digest digest;
    cm_sha256_of(&digest, (struct cm_bytes){(const uint8_t *)&number, sizeof(number)});
    return digest;
}

Test(table, finds_what_it_holds_and_nothing_else)
{
    enum { N = 1000 };
    struct cm_table *table;
    cr_assert_eq(cm_table_new(&table, N), CM_OK);
    uint32_t slots[N];
    for (uint32_t i = 0; i < N; i++) {
        struct cm_digest key = key_of(i);
        cr_expect_eq(cm_table_find(table, &key), CM_TABLE_NONE);
        slots[i] = cm_table_add(table, &key);
        cr_assert_lt(slots[i], N);
    }
    struct cm_digest more = key_of(N);
    cr_expect_eq(cm_table_add(table, &more), CM_TABLE_NONE, "full");
    for (uint32_t i = 0; i < N; i += 2) {
        cm_table_remove(table, slots[i]);
    }
    cr_expect_eq(cm_table_count(table), N / 2);
    for (uint32_t i = 0; i < N; i++) {
        struct cm_digest key = key_of(i);
        cr_expect_eq(cm_table_find(table, &key), i % 2 == 0 ? CM_TABLE_NONE : slots[i]);
    }
    cr_expect_neq(cm_table_add(table, &more), CM_TABLE_NONE, "room again");
    cm_table_free(table);
}

Test(table, refuses_a_capacity_out_of_range)
{
    struct cm_table *table;
    cr_expect_eq(cm_table_new(&table, 0), CM_INVALID);
    cr_expect_null(table);
    cr_expect_eq(cm_table_new(&table, ((size_t)1 << 24) + 1), CM_INVALID);
    cr_expect_eq(cm_table_new(&table, 1), CM_OK);
    struct cm_digest a = key_of(1);
    struct cm_digest b = key_of(2);
    cr_expect_eq(cm_table_add(table, &a), 0);
    cr_expect_eq(cm_table_add(table, &b), CM_TABLE_NONE);
    cm_table_free(table);
}
