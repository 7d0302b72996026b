#include "acl/members.h"

#include <criterion/criterion.h>

static const struct cm_digest pins[] = {{{1}}, {{2}}, {{3}}};

static const struct cm_agency agencies[] = {
    {.id = "a.one",
     .kind = CM_KIND_LOCAL,
     .state = "CA",
     .active = true,
     .ca_pin_count = 2,
     .ca_pins = pins},
    {.id = "b.two", .kind = CM_KIND_FEDERAL, .state = "", .active = false},
};

static const struct cm_directory directory = {.agency_count = 2, .agencies = agencies};

Test(members, are_found_with_what_they_were)
{
    struct cm_members *members;
    cr_assert(cm_members_new(&members, &directory) == CM_OK);
    const struct cm_member *one = cm_members_find(members, "a.one");
    const struct cm_member *two = cm_members_find(members, "b.two");
    cr_assert_not_null(one);
    cr_assert_not_null(two);
    cr_expect_str_eq(one->state, "CA");
    cr_expect(one->active);
    cr_expect_eq(two->kind, CM_KIND_FEDERAL);
    cr_expect_str_eq(two->state, "");
    cr_expect_not(two->active);
    cr_expect_null(cm_members_find(members, "c.three"));
    cm_members_unref(members);
}

Test(members, keep_their_keys_while_no_other_is_added)
{
    struct cm_members *members;
    cr_assert(cm_members_new(&members, &directory) == CM_OK);
    const struct cm_member *one = cm_members_find(members, "a.one");
    struct cm_agency now = agencies[0];
    cr_expect(cm_member_keeps_keys(one, &now));
    now.ca_pin_count = 1;
    cr_expect(cm_member_keeps_keys(one, &now), "one less");
    now.ca_pins = pins + 1;
    cr_expect(cm_member_keeps_keys(one, &now), "the other one");
    now.ca_pin_count = 2;
    cr_expect_not(cm_member_keeps_keys(one, &now), "a new one beside it");
    struct cm_members *shared = cm_members_ref(members);
    cm_members_unref(members);
    cr_expect_not_null(cm_members_find(shared, "b.two"));
    cm_members_unref(shared);
}

Test(members, of_one_signed_directory_are_shared)
{
    struct cm_members *first, *second, *unsigned_ones, *later;
    struct cm_directory as_signed = directory;
    as_signed.digest.b[0] = 1;
    cr_assert(cm_members_new(&first, &as_signed) == CM_OK);
    cr_assert(cm_members_new(&second, &as_signed) == CM_OK);
    cr_assert(cm_members_new(&unsigned_ones, &directory) == CM_OK);
    cr_expect_eq(first, second);
    cr_expect_neq(first, unsigned_ones, "nothing says that it is the same");
    as_signed.digest.b[0] = 2;
    cr_assert(cm_members_new(&later, &as_signed) == CM_OK);
    cr_expect_neq(first, later);
    cm_members_unref(first);
    cr_expect_not_null(cm_members_find(second, "a.one"), "one reference is left");
    cm_members_unref(second);
    cm_members_unref(unsigned_ones);
    cm_members_unref(later);
    cr_assert(cm_members_new(&first, &as_signed) == CM_OK, "all had gone");
    cm_members_unref(first);
}
