#include "nodes/store/columns.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct cm_arena *arena;

static void setup(void)
{
    arena = cm_arena_new(1u << 16);
}

static void teardown(void)
{
    cm_arena_free(arena);
}

TestSuite(columns, .init = setup, .fini = teardown);

static size_t column_of(const char *name)
{
    for (size_t i = 0; i < CM_COLUMN_COUNT; i++) {
        if (strcmp(cm_columns[i].name, name) == 0) {
            return i;
        }
    }
    cr_assert_fail("no column %s", name);
    return 0;
}

Test(columns, the_list_names_them_all_in_order)
{
    struct cm_buf list = {0};
    for (size_t i = 0; i < CM_COLUMN_COUNT; i++) {
        cr_assert_eq(cm_buf_printf(&list, "%s%s", i > 0 ? ", " : "", cm_columns[i].name), CM_OK);
    }
    cr_expect(cm_bytes_equal(cm_buf_bytes(&list), cm_bytes_of(cm_column_list)));
    cm_buf_clear(&list);
}

Test(columns, candidates_come_back_from_their_text)
{
    static const struct cm_candidate candidates[] = {{"8ABC\"123", 1.0 / 3}, {"\xc3\x84", 0}};
    struct cm_stored row = {
        .detection = {.present = CM_FIELDS_ALL, .candidates = candidates, .candidate_count = 2}};
    struct cm_stored back = {0};
    struct cm_cell cell;
    size_t column = column_of("candidates");
    cr_assert_eq(cm_column_get(&cell, &row, column, arena), CM_OK);
    cr_assert_eq(cm_column_set(&back, column, &cell, arena), CM_OK);
    cr_assert_eq(back.detection.candidate_count, 2);
    for (int i = 0; i < 2; i++) {
        double a = candidates[i].confidence, b = back.detection.candidates[i].confidence;
        cr_expect_str_eq(back.detection.candidates[i].plate, candidates[i].plate);
        cr_expect(a <= b && a >= b);
    }
}

Test(columns, a_damaged_cell_is_refused)
{
    struct cm_stored row = {0};
    const char *const bad[] = {"",
                               "{",
                               "{}",
                               "[1]",
                               "[{}]",
                               "[{\"plate\":1,\"confidence\":1}]",
                               "[{\"plate\":\"X\",\"confidence\":\"1\"}]",
                               "[0,0,0,0,0,0,0,0,0,0,0]"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct cm_cell cell = {.bytes = cm_bytes_of(bad[i])};
        cr_expect_eq(cm_column_set(&row, column_of("candidates"), &cell, arena), CM_INTERNAL, "%s",
                     bad[i]);
    }
    const struct cm_cell digest = {.bytes = cm_bytes_of("short")};
    cr_expect_eq(cm_column_set(&row, column_of("image_sha256"), &digest, arena), CM_INTERNAL);
}

Test(columns, no_memory_is_said)
{
    static const struct cm_candidate candidates[] = {{"8ABC123", 0.5}};
    struct cm_stored row = {
        .detection = {.present = CM_FIELDS_ALL, .candidates = candidates, .candidate_count = 1}};
    struct cm_arena *tight = cm_arena_new(16);
    struct cm_cell cell;
    cr_expect_eq(cm_column_get(&cell, &row, column_of("candidates"), tight), CM_MEMORY);
    cm_arena_free(tight);
}
