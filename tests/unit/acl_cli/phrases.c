// What people read of evidence, ages and limits.
#include "acl/cli/phrases.h"

#include <criterion/criterion.h>
#include <string.h>

// Requests that the cases cover, as bits of a change.
static uint16_t covered(const struct cm_evidence_case *cases, size_t count)
{
    unsigned requests = 0;
    for (unsigned kinds = 0; kinds < 16; kinds++) {
        for (size_t i = 0; i < count; i++) {
            unsigned shown = kinds << 1;
            bool fits = (shown & cases[i].with) == cases[i].with && (shown & cases[i].without) == 0;
            requests |= (unsigned)fits << kinds;
        }
    }
    return (uint16_t)requests;
}

Test(phrases, cases_cover_exactly_the_requests)
{
    for (unsigned evidence = 0; evidence <= UINT16_MAX; evidence += 37) {
        struct cm_evidence_case cases[CM_MOST_CASES];
        size_t count = cm_evidence_cases(cases, (uint16_t)evidence);
        cr_assert_leq(count, CM_MOST_CASES);
        cr_assert_eq(covered(cases, count), evidence, "%x", evidence);
    }
}

Test(phrases, what_a_rule_requires_is_one_case)
{
    struct cm_evidence_case cases[CM_MOST_CASES];
    // Requests with a case and a supervisor, whatever else.
    cr_assert_eq(cm_evidence_cases(cases, 0x8888), 1);
    cr_expect_eq(cases[0].with, 1u << CM_EVIDENCE_CASE | 1u << CM_EVIDENCE_SUPERVISOR);
    cr_expect_eq(cases[0].without, 0);
}

static void expect(struct cm_buf *out, const char *text)
{
    cr_assert(cm_buf_add(out, "", 1) == CM_OK);
    cr_expect_str_eq((const char *)out->data, text);
    cm_buf_clear(out);
}

Test(phrases, ages_and_limits_in_words)
{
    struct cm_buf out = {0};
    cm_say_ages(&out, -1, INT64_MAX);
    expect(&out, "of any age");
    cm_say_ages(&out, 86400, 2 * 86400);
    expect(&out, "beyond 1 day, up to 2 days back");
    cm_say_ages(&out, 3600, INT64_MAX);
    expect(&out, "beyond 1 hour back");
    cm_say_allowance(&out, (struct cm_allowance){0, 0});
    expect(&out, "nothing");
    cm_say_allowance(&out, (struct cm_allowance){5, 9});
    expect(&out, "5/day per investigator or 9/day per agency");
    cm_say_allowance(&out, (struct cm_allowance){UINT64_MAX, UINT64_MAX});
    expect(&out, "none");
    cm_say_fields(&out, 1u | CM_FIELDS_ALL);
    expect(&out, "the row and all fields");
}
