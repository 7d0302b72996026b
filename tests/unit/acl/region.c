#include "acl/region.h"

#include <criterion/criterion.h>

static uint64_t agencies[4];
static uint64_t one_class[] = {1};

static struct cm_region region(uint64_t who, int64_t youngest_s, int64_t oldest_s)
{
    static size_t next;
    uint64_t *bits = &agencies[next++ % 4];
    *bits = who;
    return (struct cm_region){.agencies = bits,
                              .classes = one_class,
                              .purposes = 7,
                              .until_ms = 100,
                              .youngest_s = youngest_s,
                              .oldest_s = oldest_s,
                              .actions = 2,
                              .evidence = 0xffff,
                              .roles = 6,
                              .fields = 0x7f};
}

static bool covered(const struct cm_region *whole, const struct cm_region *others, size_t count,
                    uint64_t work, bool *known)
{
    bool result;
    struct cm_space space = {
        .arena = cm_arena_new(1 << 20), .agency_count = 8, .class_count = 1, .work = work};
    cr_assert(cm_region_covered(&space, whole, others, count, &result, known) == CM_OK);
    cm_arena_free(space.arena);
    return result;
}

Test(region, is_covered_by_others_together)
{
    bool known;
    struct cm_region whole = region(0x0f, 0, INT64_MAX);
    struct cm_region others[] = {region(0x03, 0, INT64_MAX), region(0xfe, 10, INT64_MAX),
                                 region(0xfc, 0, 9)};
    cr_expect(covered(&whole, others, 3, 1000, &known));
    cr_expect(known);
    cr_expect_not(covered(&whole, others, 2, 1000, &known));
    cr_expect(known);
    others[2].oldest_s = 8;
    cr_expect_not(covered(&whole, others, 3, 1000, &known), "one second is left");
}

Test(region, every_dimension_counts)
{
    bool known;
    struct cm_region whole = region(1, 0, 9);
    struct cm_region same = whole;
    cr_expect(covered(&whole, &same, 1, 1000, &known));
    same.purposes = 3;
    cr_expect_not(covered(&whole, &same, 1, 1000, &known));
    same = whole;
    same.actions = 4;
    cr_expect_not(covered(&whole, &same, 1, 1000, &known));
    same = whole;
    same.evidence = 0x7fff;
    cr_expect_not(covered(&whole, &same, 1, 1000, &known));
    same = whole;
    same.roles = 2;
    cr_expect_not(covered(&whole, &same, 1, 1000, &known));
    same = whole;
    same.fields = 0x7e;
    cr_expect_not(covered(&whole, &same, 1, 1000, &known));
    same = whole;
    same.from_ms = 1;
    cr_expect_not(covered(&whole, &same, 1, 1000, &known));
    same = whole;
    same.until_ms = 99;
    cr_expect_not(covered(&whole, &same, 1, 1000, &known));
    same = whole;
    same.youngest_s = 1;
    cr_expect_not(covered(&whole, &same, 1, 1000, &known));
}

Test(region, nothing_is_claimed_past_the_bound)
{
    bool known;
    struct cm_region whole = region(0x0f, 0, 9);
    struct cm_region others[] = {region(0x10, 0, 9), region(0x0f, 0, 9)};
    cr_expect_not(covered(&whole, others, 2, 1, &known));
    cr_expect_not(known);
    cr_expect(covered(&whole, others, 2, 10, &known));
}
