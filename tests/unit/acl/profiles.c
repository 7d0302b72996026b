#include "acl/profiles.h"

#include <criterion/criterion.h>
#include <string.h>

enum { PURPOSE = 3 };

enum { MOST_BOXES = 4, BOX = sizeof(struct cm_profile_box), WORD = sizeof(uint64_t) };

// Bytes as a split makes them: each box with a word of purposes and, if sited, one of classes.
static struct cm_profile_head head;
static uint8_t boxes[MOST_BOXES][BOX + 2 * WORD];
static uint8_t bytes[sizeof head + sizeof boxes];

static struct cm_bytes pack(void)
{
    size_t stride = BOX + (size_t)(head.purpose_words + head.class_words) * WORD;
    size_t len = sizeof head;
    memcpy(bytes, &head, len);
    for (uint32_t i = 0; i < head.permits + head.forbids; i++, len += stride) {
        memcpy(bytes + len, boxes[i], stride);
    }
    return (struct cm_bytes){bytes, len};
}

static void set_box(size_t index, int64_t age_s, uint8_t evidence, uint64_t classes)
{
    const struct cm_profile_box box = {.age_s = age_s,
                                       .from_ms = 1000,
                                       .until_ms = 2000,
                                       .actions = 1u << 1,
                                       .roles = 1u << 1,
                                       .evidence = evidence};
    const uint64_t bits[2] = {1u << PURPOSE, classes};
    memcpy(boxes[index], &box, BOX);
    memcpy(boxes[index] + BOX, bits, sizeof bits);
}

static struct cm_profiles *profiles;
static const struct cm_profile_request met = {
    .role = 1, .action = 1, .purpose = PURPOSE, .evidence = 2, .now_ms = 1000, .youngest_s = 50};

static void setup(void)
{
    head = (struct cm_profile_head){.purpose_words = 1};
    cr_assert(cm_profiles_new(&profiles) == CM_OK);
}

static void teardown(void)
{
    cm_profiles_free(profiles);
}

TestSuite(profiles, .init = setup, .fini = teardown);

static uint32_t held(void)
{
    uint32_t number;
    cr_assert(cm_profiles_hold(profiles, &number, pack()) == CM_OK);
    return number;
}

static enum cm_verdict ask(uint32_t profile, struct cm_profile_request request)
{
    cm_profiles_ask(profiles, &request);
    enum cm_verdict verdict = cm_profiles_verdict(profiles, profile);
    cr_assert_eq(cm_profiles_verdict(profiles, profile), verdict, "the second time too");
    return verdict;
}

Test(profiles, a_permit_holds_in_every_dimension)
{
    struct cm_profile_request other;
    head.permits = 1;
    set_box(0, 50, 2, 0);
    uint32_t profile = held();
    cr_expect_eq(ask(profile, met), CM_VERDICT_PERMITTED);
    other = met, other.role = 2;
    cr_expect_eq(ask(profile, other), CM_VERDICT_DENIED);
    other = met, other.action = 2;
    cr_expect_eq(ask(profile, other), CM_VERDICT_DENIED);
    other = met, other.purpose = PURPOSE + 1;
    cr_expect_eq(ask(profile, other), CM_VERDICT_DENIED);
    other = met, other.evidence = 4;
    cr_expect_eq(ask(profile, other), CM_VERDICT_DENIED);
    other = met, other.now_ms = 999;
    cr_expect_eq(ask(profile, other), CM_VERDICT_DENIED);
    other = met, other.now_ms = 2000;
    cr_expect_eq(ask(profile, other), CM_VERDICT_DENIED, "until is exclusive");
    other = met, other.youngest_s = 51;
    cr_expect_eq(ask(profile, other), CM_VERDICT_DENIED);
}

Test(profiles, a_forbid_hides_unless_lifted_or_for_older_rows)
{
    struct cm_profile_request other;
    head.permits = head.forbids = 1;
    set_box(0, 1000, 0, 0);
    set_box(1, 49, 4, 0);
    uint32_t profile = held();
    cr_expect_eq(ask(profile, met), CM_VERDICT_HIDDEN);
    other = met, other.youngest_s = 49;
    cr_expect_eq(ask(profile, other), CM_VERDICT_PERMITTED);
    other = met, other.evidence = 4;
    cr_expect_eq(ask(profile, other), CM_VERDICT_PERMITTED);
    cr_expect_not(cm_profiles_sited(profiles, profile));
}

Test(profiles, sites_are_judged_one_by_one)
{
    head.permits = 2;
    head.forbids = 1;
    head.class_words = 1;
    set_box(0, 1000, 0, 1);
    set_box(1, 1000, 0, 6);
    set_box(2, -1, 0, 5);
    uint32_t left = held();
    set_box(2, -1, 0, 7);
    uint32_t none = held();
    cr_expect(cm_profiles_sited(profiles, left));
    cr_expect_eq(ask(left, met), CM_VERDICT_PERMITTED);
    cr_expect_eq(ask(none, met), CM_VERDICT_HIDDEN);
}

Test(profiles, equal_ones_are_kept_once_and_as_long_as_held)
{
    enum { MANY = 3000 };
    static uint32_t numbers[MANY];
    head.permits = 1;
    for (int64_t i = 0; i < MANY; i++) {
        set_box(0, i, 0, 0);
        numbers[i] = held();
        cr_assert_eq(held(), numbers[i]);
    }
    cr_expect_eq(cm_profiles_count(profiles), MANY);
    for (int64_t i = 0; i < MANY; i++) {
        cm_profiles_drop(profiles, numbers[i]);
    }
    cr_expect_eq(cm_profiles_count(profiles), MANY, "each was held twice");
    cr_expect_eq(ask(numbers[50], met), CM_VERDICT_PERMITTED);
    cr_expect_eq(ask(numbers[49], met), CM_VERDICT_DENIED);
    for (int64_t i = 0; i < MANY; i++) {
        cm_profiles_drop(profiles, numbers[i]);
    }
    cr_expect_eq(cm_profiles_count(profiles), 0);
    set_box(0, 50, 0, 0);
    cr_expect_eq(ask(held(), met), CM_VERDICT_PERMITTED, "a number used again remembers nothing");
}
