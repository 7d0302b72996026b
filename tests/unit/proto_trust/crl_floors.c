#include "proto/trust/crl_floors.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define FLOORS(floors)                                                                             \
    (struct cm_crl_floors)                                                                         \
    {                                                                                              \
        sizeof(floors) / sizeof((floors)[0]), floors                                               \
    }

static struct cm_crl_floors copy_of(const struct cm_crl_floors *floors)
{
    struct cm_crl_floors out = {0};
    cr_assert_eq(cm_crl_floors_merge(&out, floors), CM_OK);
    return out;
}

static uint64_t find(const struct cm_crl_floors *floors, uint8_t issuer)
{
    const struct cm_digest digest = {{issuer}};
    return cm_crl_floors_find(floors, &digest);
}

Test(crl_floors, the_higher_number_of_each_stays)
{
    struct cm_crl_floor some[] = {{{{1}}, 5}, {{{3}}, 7}, {{{4}}, UINT64_MAX}};
    struct cm_crl_floor others[] = {{{{2}}, 1}, {{{3}}, 9}, {{{4}}, 2}, {{{5}}, 3}};
    struct cm_crl_floors floors = copy_of(&FLOORS(some));
    cr_assert_eq(cm_crl_floors_merge(&floors, &FLOORS(others)), CM_OK);
    cr_expect_eq(floors.count, 5);
    cr_expect_eq(find(&floors, 1), 5);
    cr_expect_eq(find(&floors, 2), 1);
    cr_expect_eq(find(&floors, 3), 9);
    cr_expect_eq(find(&floors, 4), UINT64_MAX);
    cr_expect_eq(find(&floors, 5), 3);
    cr_expect_eq(find(&floors, 6), 0);
    cm_crl_floors_clear(&floors);
    cr_expect_eq(find(&floors, 1), 0);
}

Test(crl_floors, what_is_printed_is_parsed_and_nothing_else)
{
    struct cm_crl_floor some[] = {{{{1}}, 5}, {{{3}}, UINT64_MAX}};
    struct cm_crl_floors parsed;
    struct cm_error error = {0};
    struct cm_buf text = {0};
    cr_assert_eq(cm_crl_floors_print(&text, &FLOORS(some)), CM_OK);
    cr_assert_eq(cm_crl_floors_parse(&parsed, cm_buf_bytes(&text), "file", &error), CM_OK);
    cr_expect_eq(parsed.count, 2);
    cr_expect_eq(find(&parsed, 3), UINT64_MAX);
    cm_crl_floors_clear(&parsed);
    for (size_t len = 1; len < text.len; len++) {
        const struct cm_bytes part = {text.data, len};
        enum cm_status expected = text.data[len - 1] == '\n' ? CM_OK : CM_INVALID;
        cr_expect_eq(cm_crl_floors_parse(&parsed, part, "file", &error), expected, "%zu", len);
        cm_crl_floors_clear(&parsed);
    }
    cr_expect_str_eq(error.where, "file");
    // The same issuer twice.
    size_t line = text.len / 2;
    text.len = 0;
    struct cm_crl_floor twice[] = {{{{1}}, 5}, {{{1}}, 6}};
    cr_assert_eq(cm_crl_floors_print(&text, &FLOORS(twice)), CM_OK);
    cr_expect_eq(cm_crl_floors_parse(&parsed, cm_buf_bytes(&text), "file", &error), CM_INVALID);
    text.data[line / 2] = 'x';
    cr_expect_eq(cm_crl_floors_parse(&parsed, cm_buf_bytes(&text), "file", &error), CM_INVALID);
    cr_expect_eq(cm_crl_floors_parse(&parsed, CM_BYTES_NONE, "file", &error), CM_OK);
    cr_expect_eq(parsed.count, 0);
    cm_buf_clear(&text);
}
