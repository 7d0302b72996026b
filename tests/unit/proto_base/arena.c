#include "proto/base/arena.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

Test(arena, gives_zeroed_aligned_memory_up_to_its_cap)
{
    struct cm_arena *arena = cm_arena_new(100000);
    size_t given = 0;
    for (size_t size = 1;; size = size % 4000 + 7) {
        uint8_t *p = cm_arena_alloc(arena, size);
        if (p == NULL) {
            break;
        }
        cr_assert_eq((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < size; i++) {
            cr_assert_eq(p[i], 0);
        }
        memset(p, 0xff, size);
        given += size;
    }
    cr_expect_gt(given, 90000);
    cr_expect_leq(cm_arena_used(arena), 100000);
    cm_arena_free(arena);
}

Test(arena, forgets_on_reset)
{
    struct cm_arena *arena = cm_arena_new(10000);
    memset(cm_arena_alloc(arena, 9000), 0xff, 9000);
    cr_expect_null(cm_arena_alloc(arena, 9000));
    cm_arena_reset(arena);
    cr_expect_eq(cm_arena_used(arena), 0);
    cr_expect_not_null(cm_arena_alloc(arena, 9000));
    cm_arena_free(arena);
}

Test(arena, refuses_overflow)
{
    struct cm_arena *arena = cm_arena_new(1000);
    cr_expect_null(cm_arena_array(arena, SIZE_MAX / 2, 3));
    cr_expect_null(cm_arena_alloc(arena, SIZE_MAX));
    cr_expect_not_null(cm_arena_alloc(arena, 0));
    cr_expect_str_eq(cm_arena_string(arena, cm_bytes_of("word")), "word");
    cm_arena_free(arena);
}

Test(arena, wipes_what_it_forgets)
{
    struct cm_arena *arena = cm_arena_new(1000);
    const char *kept = cm_arena_string(arena, cm_bytes_of("8ZZZ123"));
    cm_arena_reset(arena);
    // The first block stays the arena's own: its bytes may be looked at.
    cr_expect_str_empty(kept);
    cm_arena_free(arena);
}
