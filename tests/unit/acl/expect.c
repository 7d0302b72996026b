// Expectations: what holds, what does not and which rule decided, what can't be read.
#include "acl/expect.h"

#include "valley.h"

#include <criterion/criterion.h>
#include <string.h>

static const char rules_text[] = "rules 1\n"
                                 "node ca.northport.pd\n"
                                 "site harbour = cam-07, \"cam 08\"\n"
                                 "permit self to any for any back all see all\n"
                                 "permit ca.southgate.pd, us.customs\n"
                                 "    to lookup for homicide back 30 days\n"
                                 "    see place, camera require case until 2027-01-01\n"
                                 "forbid not self at harbour\n"
                                 "forbid kind:federal unless court-order\n"
                                 "forbid ca.southgate.pd beyond 20 days see camera\n";

#define ASK "expect ca.southgate.pd role:investigator to lookup for homicide "

struct outcome {
    enum cm_status status;
    size_t count;
    struct cm_diagnostics errors, failures;
};

static struct outcome run(const char *text)
{
    struct outcome out = {0};
    struct cm_rules *rules = compiled(rules_text);
    struct cm_rule_file file = file_of("main.acltest", text);
    out.status =
        cm_expect_run(&out.count, &file, rules, &valley, NOON_MS, &out.errors, &out.failures);
    cm_rules_unref(rules);
    return out;
}

static void clear(struct outcome *outcome)
{
    cm_diagnostics_clear(&outcome->errors);
    cm_diagnostics_clear(&outcome->failures);
}

static void expect_holds(const char *text, size_t count)
{
    struct outcome outcome = run(text);
    cr_expect_eq(outcome.status, CM_OK, "%s", text);
    cr_expect_eq(outcome.count, count);
    cr_expect_eq(outcome.errors.count, 0, "%s", text);
    cr_expect_eq(outcome.failures.errors, 0, "%s: %s", text,
                 outcome.failures.count > 0 ? outcome.failures.list[0].text : "");
    clear(&outcome);
}

static void expect_failure(const char *text, const char *message, const char *hint)
{
    struct outcome outcome = run(text);
    cr_assert_eq(outcome.status, CM_OK, "%s", text);
    cr_assert_eq(outcome.failures.count, 1, "%s", text);
    cr_expect_str_eq(outcome.failures.list[0].text, message);
    cr_expect_str_eq(outcome.failures.list[0].hint, hint);
    clear(&outcome);
}

static void expect_error(const char *text, unsigned line, unsigned column, const char *message,
                         const char *hint)
{
    struct outcome outcome = run(text);
    cr_assert_eq(outcome.status, CM_INVALID, "%s", text);
    cr_assert_eq(outcome.errors.count, 1, "%s", text);
    const struct cm_diagnostic *error = &outcome.errors.list[0];
    cr_expect_str_eq(error->text, message);
    cr_expect_str_eq(error->hint, hint);
    cr_expect_eq(error->line, line, "%s: line %u", text, error->line);
    cr_expect_eq(error->column, column, "%s: column %u", text, error->column);
    cr_expect_eq(outcome.failures.errors, 0);
    clear(&outcome);
}

Test(expect, what_holds_is_silent)
{
    expect_holds("", 0);
    expect_holds("# a comment alone\n", 0);
    expect_holds(ASK "with case age 10 days on 2026-12-01 sees place, camera\n"
                     "expect us.customs role:investigator to lookup for homicide with case "
                     "age 1 day denied\n"
                     "expect us.customs role:supervisor to lookup for homicide with case, "
                     "court-order age 1 day sees camera, place\n"
                     "expect ca.northport.pd role:investigator to watch for other age 100 years "
                     "camera \"cam 08\" sees all\n",
                 4);
}

Test(expect, clauses_stand_in_any_order_and_have_defaults)
{
    expect_holds("expect ca.southgate.pd role:investigator age 0 s for homicide camera elsewhere "
                 "with case to lookup sees place, camera",
                 1);
    expect_holds(ASK "age 1 day denied", 1);
}

Test(expect, the_edges_of_age_and_date_are_exact)
{
    expect_holds(ASK "with case age 1728000 s sees place, camera " ASK
                     "with case age 1728001 s sees place " ASK
                     "with case age 30 days sees place " ASK "with case age 2592001 s denied " ASK
                     "with case age 1 day on 2026-12-31 sees place, camera " ASK
                     "with case age 1 day on 2027-01-01 denied",
                 6);
}

Test(expect, plate_is_a_row_without_fields)
{
    expect_failure(ASK "with case age 1 day sees plate",
                   "expected the plate alone, got place, camera", "place: shown by main.rules:5");
}

Test(expect, a_failure_names_the_rule_that_decided)
{
    expect_failure(ASK "with case age 1 day camera cam-07 sees place, camera",
                   "expected place, camera, got nothing", "the row: hidden by main.rules:8");
    expect_failure(ASK "with case age 25 days sees place, camera",
                   "expected place, camera, got place", "camera: hidden by main.rules:10");
    expect_failure(ASK "with case age 1 day denied", "expected nothing, got place, camera",
                   "the row: shown by main.rules:5");
    expect_failure(ASK "age 1 day sees place", "expected place, got nothing",
                   "the row: no permit shows it; not main.rules:5, because of `require`");
    expect_failure(ASK "with case age 31 days sees place", "expected place, got nothing",
                   "the row: no permit shows it; not main.rules:5, because of `back`");
    expect_failure(ASK "with case age 1 day sees image, place, camera",
                   "expected place, camera, image, got place, camera",
                   "image: no permit shows it; not main.rules:5, because of `see`");
    expect_failure(
        "expect ca.oakvale.so role:investigator to lookup for homicide age 1 day sees plate",
        "expected the plate alone, got nothing", "the row: no permit names who asks");
}

Test(expect, failures_come_in_the_order_of_the_file)
{
    struct outcome outcome = run(ASK "with case age 1 day denied\n"
                                     "expect us.customs role:investigator to lookup for warrant "
                                     "age 1 day sees plate\n" ASK "with case age 2 days denied\n");
    cr_assert_eq(outcome.failures.count, 3);
    for (unsigned i = 0; i < 3; i++) {
        cr_expect_eq(outcome.failures.list[i].line, i + 1);
    }
    clear(&outcome);
}

Test(expect, mistakes_are_said_where_they_are)
{
    expect_error("\nexpekt x", 2, 1, "each expectation begins with `expect`",
                 "did you mean expect?");
    expect_error("expect ca.southgat.pd role:investigator denied", 1, 8,
                 "unknown agency ca.southgat.pd", "did you mean ca.southgate.pd?");
    expect_error("expect ca.southgate.pd to lookup denied", 1, 24,
                 "after the agency stands the role of who asks",
                 "role:investigator or role:supervisor");
    expect_error("expect ca.southgate.pd role:admin to lookup denied", 1, 24,
                 "after the agency stands the role of who asks",
                 "role:investigator or role:supervisor");
    expect_error("expect ca.southgate.pd role:supervisor to lookup, fuzzy for homicide denied", 1,
                 40, "an expectation asks one question", "write one line for each");
    expect_error("expect ca.southgate.pd role:supervisor to lookup for homicides denied", 1, 54,
                 "unknown purpose homicides", "did you mean homicide?");
    expect_error("expect ca.southgate.pd role:supervisor to lookup for homicide age 1 dayz denied",
                 1, 69, "dayz is no unit of time", "did you mean days?");
    expect_error("expect ca.southgate.pd role:supervisor to lookup for homicide age -1 s denied", 1,
                 67, "this is no word",
                 "words begin with a letter or digit of the English alphabet");
    expect_error(ASK "with cas age 1 day denied", 1, 70, "unknown evidence cas",
                 "did you mean case?");
    expect_error(ASK "age 1 day on 2026-02-30 denied", 1, 78, "after `on` stands a date",
                 "year-month-day, such as 2027-01-31");
    expect_error(ASK "age 1 day see place", 1, 75, "unknown word see", "did you mean sees?");
    expect_error(ASK "age 1 day age 2 days denied", 1, 75, "a second `age`", "");
    expect_error(ASK "age 1 day denied camera x", 1, 82, "`sees` or `denied` ends an expectation",
                 "the next line begins with `expect`");
    expect_error(ASK "denied", 1, 1, "this expectation lacks `age`", "");
    expect_error(ASK "age 1 day", 1, 1, "this expectation does not say what is seen",
                 "end it with: sees place, camera  or: denied");
    expect_error("expect", 1, 1, "after `expect` stands who asks",
                 "write: expect ca.southgate.pd role:investigator ...");
}

Test(expect, all_mistakes_of_a_file_are_said_and_then_nothing_is_run)
{
    struct outcome outcome =
        run("expect a.b denied\n" ASK "age 1 day sees place\nexpect c.d denied\n");
    cr_expect_eq(outcome.status, CM_INVALID);
    cr_expect_eq(outcome.errors.errors, 2);
    cr_expect_eq(outcome.failures.errors, 0);
    clear(&outcome);
}

Test(expect, a_camera_written_differently_than_its_site_has_it_is_said)
{
    struct outcome outcome = run(ASK "with case age 1 day camera Cam07 sees place, camera\n" ASK
                                     "with case age 1 day camera cam-09 sees place, camera\n");
    cr_expect_eq(outcome.status, CM_OK);
    cr_assert_eq(outcome.errors.warnings, 1);
    cr_expect_str_eq(outcome.errors.list[0].text, "no site has the camera Cam07");
    cr_expect_str_eq(outcome.errors.list[0].hint, "did you mean cam-07?");
    clear(&outcome);
}

// 100,000 lines of 2,000 different requests: some 15 MB, more than an arena of words holds at once.
Test(expect, a_large_file_runs_with_little_memory, .timeout = 60)
{
    static const char *const agencies[] = {"ca.southgate.pd", "ca.milltown.pd", "us.customs",
                                           "nv.dryfork.pd"};
    struct cm_buf text = {0};
    for (unsigned i = 0; i < 100000; i++) {
        bool sees = i % 4 == 0 && i % 5 == 0 && i % 60 + 1 <= 20;
        cr_assert(cm_buf_printf(&text,
                                "expect %s role:investigator to lookup for %s with case age %u "
                                "days camera camera-%u on 2026-12-%02u %s # padding, padding\n",
                                agencies[i % 4], i % 5 == 0 ? "homicide" : "warrant", i % 60 + 1, i,
                                i % 31 + 1, sees ? "sees place, camera" : "denied") == CM_OK);
    }
    cr_assert(cm_buf_add(&text, "", 1) == CM_OK);
    struct outcome outcome = run((const char *)text.data);
    cr_expect_eq(outcome.status, CM_OK);
    cr_expect_eq(outcome.count, 100000);
    // Only southgate between 21 and 30 days: it sees the place alone.
    size_t wrong = 0;
    for (unsigned i = 0; i < 100000; i++) {
        wrong += i % 4 == 0 && i % 5 == 0 && i % 60 + 1 > 20 && i % 60 + 1 <= 30;
    }
    cr_expect_eq(outcome.failures.errors, wrong, "%zu, not %zu", outcome.failures.errors, wrong);
    cr_expect_eq(outcome.failures.count, CM_MAX_DIAGNOSTICS);
    clear(&outcome);
    cm_buf_clear(&text);
}
