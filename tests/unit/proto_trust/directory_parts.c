#include "proto/trust/directory_parts.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct cm_bytes bundle_of(size_t len)
{
    uint8_t *data = malloc(len);
    for (size_t i = 0; i < len; i++) {
        data[i] = (uint8_t)(i * 31 + i / CM_DIRECTORY_PART);
    }
    return (struct cm_bytes){data, len};
}

static void free_bundle(struct cm_bytes bundle)
{
    free((void *)(uintptr_t)bundle.data);
}

static enum cm_status add(struct cm_directory_parts *parts, bool *whole, uint64_t serial,
                          uint32_t index, uint32_t count, struct cm_bytes data)
{
    struct cm_directory_part part = {serial, index, count, data};
    return cm_directory_parts_add(parts, whole, &part, NULL);
}

Test(directory_parts, what_was_split_is_joined_again)
{
    static const size_t sizes[] = {1, CM_DIRECTORY_PART, CM_DIRECTORY_PART + 1,
                                   3 * CM_DIRECTORY_PART + 17};
    struct cm_directory_parts parts = {0};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct cm_bytes bundle = bundle_of(sizes[i]);
        uint32_t count = cm_directory_part_count(bundle);
        bool whole = false;
        cr_assert_eq(count, (sizes[i] + CM_DIRECTORY_PART - 1) / CM_DIRECTORY_PART);
        for (uint32_t j = 0; j < count; j++) {
            struct cm_directory_part part = cm_directory_part_at(bundle, 7, j);
            cr_expect_not(whole);
            cr_expect_leq(part.data.len, (size_t)CM_DIRECTORY_PART);
            cr_assert_eq(cm_directory_parts_add(&parts, &whole, &part, NULL), CM_OK);
        }
        cr_expect(whole);
        cr_expect(cm_bytes_equal(cm_buf_bytes(&parts.data), bundle));
        cm_directory_parts_clear(&parts);
        free_bundle(bundle);
    }
}

Test(directory_parts, a_part_that_does_not_follow_empties_them)
{
    struct cm_bytes full = bundle_of(CM_DIRECTORY_PART);
    struct cm_bytes small = {full.data, 10};
    static const struct {
        uint64_t serial;
        uint32_t index, count;
        bool full;
    } wrong[] = {
        {7, 2, 3, true},  // skips one
        {7, 0, 0, true},  // of none
        {8, 1, 3, true},  // another directory's
        {7, 1, 4, true},  // another count
        {7, 1, 3, false}, // not full, and not the last
        {7, 3, 3, true},  // past the end
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct cm_directory_parts parts = {0};
        bool whole = true;
        cr_assert_eq(add(&parts, &whole, 7, 0, 3, full), CM_OK);
        cr_expect_eq(add(&parts, &whole, wrong[i].serial, wrong[i].index, wrong[i].count,
                         wrong[i].full ? full : small),
                     CM_INVALID, "case %zu", i);
        cr_expect_not(whole);
        cr_expect_eq(parts.data.len, 0);
        cr_expect_eq(add(&parts, &whole, 7, 1, 3, full), CM_INVALID, "it begins with part 0 again");
    }
    free_bundle(full);
}

Test(directory_parts, more_than_a_bundle_is_refused_at_once)
{
    struct cm_bytes full = bundle_of(CM_DIRECTORY_PART + 1);
    struct cm_bytes one = {full.data, CM_DIRECTORY_PART};
    struct cm_directory_parts parts = {0};
    bool whole;
    uint32_t most = CM_MAX_BUNDLE / CM_DIRECTORY_PART;
    cr_expect_eq(add(&parts, &whole, 7, 0, most + 1, one), CM_INVALID);
    cr_expect_eq(add(&parts, &whole, 7, 0, UINT32_MAX, one), CM_INVALID);
    cr_expect_eq(add(&parts, &whole, 7, 0, 1, full), CM_INVALID);
    cr_expect_eq(add(&parts, &whole, 7, 0, 1, CM_BYTES_NONE), CM_INVALID);
    cr_expect_eq(add(&parts, &whole, 7, 0, most, one), CM_OK);
    cm_directory_parts_clear(&parts);
    free_bundle(full);
}

Test(directory_parts, the_first_part_begins_anew)
{
    struct cm_bytes full = bundle_of(CM_DIRECTORY_PART);
    struct cm_bytes small = {full.data, 10};
    struct cm_directory_parts parts = {0};
    bool whole;
    cr_assert_eq(add(&parts, &whole, 7, 0, 3, full), CM_OK);
    cr_assert_eq(add(&parts, &whole, 8, 0, 1, small), CM_OK);
    cr_expect(whole);
    cr_expect(cm_bytes_equal(cm_buf_bytes(&parts.data), small));
    cm_directory_parts_clear(&parts);
    free_bundle(full);
}
