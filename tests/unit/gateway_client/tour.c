#include "gateway/client/tour.h"

#include "gateway/client/summary.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

// Gateways that answer as a test says, instead of calls to real ones.
struct answer {
    enum cm_status status;
    bool accepted;
    bool dishonest;
    uint32_t retry_after_ms;
    const char *rows; // event ids, a character each
};

static const struct answer *answers;
static size_t asked;
static size_t accounted_rows;
static volatile sig_atomic_t interrupted;
static struct cm_seen seen;
static struct cm_asking asking;

static enum cm_status call(struct cm_call_result *result, const struct cm_call_options *options)
{
    const struct answer *answer = &answers[asked++];
    *result = (struct cm_call_result){.accepted = answer->accepted, .dishonest = answer->dishonest};
    if (answer->accepted) {
        cm_seen_begin(options->seen);
    }
    for (const char *id = answer->rows; id != NULL && *id != '\0'; id++) {
        const char text[] = {*id, '\0'};
        bool fresh;
        cr_assert_eq(cm_seen_add(options->seen, &fresh, 1000, "ca.northport.pd", text), CM_OK);
        options->printer->rows += fresh;
    }
    if (answer->status != CM_OK) {
        cm_error_fill(&result->error, answer->status, "somewhere", "something");
        result->error.retry_after_ms = answer->retry_after_ms;
    }
    return answer->status;
}

static int finish(const struct cm_call_result *result, const struct cm_call_options *options)
{
    (void)result;
    accounted_rows = options->printer->rows - options->seen->unaccounted;
    return options->seen->unaccounted > 0 ? CM_EXIT_INCOMPLETE : 0;
}

static int visit(const struct answer *given, size_t count, FILE *out)
{
    static const char *const names[] = {"gw-1", "gw-2", "gw-3"};
    static const struct cm_tour tour = {.call = call, .finish = finish};
    struct cm_printer printer = {.format = CM_FORMAT_JSON, .out = out};
    struct cm_call_options options = {
        .asking = &asking,
        .printer = &printer,
        .seen = &seen,
        .interrupted = &interrupted,
    };
    answers = given;
    asked = 0;
    cm_seen_clear(&seen);
    asking.query.deadline_ms = 1000;
    int code = cm_tour_visit(&tour, &options, names, count);
    cm_seen_clear(&seen);
    return code;
}

static int ask(const struct answer *given, size_t count)
{
    FILE *out = fopen("/dev/null", "w");
    int code = visit(given, count, out);
    fclose(out);
    return code;
}

Test(tour, asks_the_first_that_answers)
{
    static const struct answer given[] = {{.accepted = true, .rows = "ab"}};
    cr_expect_eq(ask(given, 3), 0);
    cr_expect_eq(asked, 1);
}

Test(tour, goes_on_from_one_that_lags_is_full_busy_or_away)
{
    static const struct answer first[] = {
        {.status = CM_STALE},
        {.status = CM_UNAVAILABLE},
        {.status = CM_LATE},
        {.status = CM_EXHAUSTED, .retry_after_ms = 1},
    };
    for (size_t i = 0; i < 4; i++) {
        const struct answer given[] = {first[i], {.accepted = true}};
        cr_expect_eq(ask(given, 2), 0, "case %zu", i);
        cr_expect_eq(asked, 2, "case %zu", i);
    }
}

Test(tour, takes_a_refusal_as_it_is)
{
    static const struct answer first[] = {
        {.status = CM_INVALID},
        {.status = CM_FORBIDDEN},
        {.status = CM_REPLAYED},
        {.status = CM_UNAUTHENTICATED},
        {.status = CM_EXHAUSTED}, // too many agencies for the purpose: waiting doesn't help
        {.status = CM_EXHAUSTED, .retry_after_ms = 60000},
    };
    for (size_t i = 0; i < 6; i++) {
        cr_expect_eq(ask(&first[i], 2), CM_EXIT_REFUSED, "case %zu", i);
        cr_expect_eq(asked, 1, "case %zu", i);
    }
}

Test(tour, believes_no_other_after_a_lie)
{
    static const struct answer given[] = {{.status = CM_STALE, .dishonest = true}};
    cr_expect_eq(ask(given, 2), CM_EXIT_DISHONEST);
    cr_expect_eq(asked, 1);
}

Test(tour, has_a_question_recorded_by_two_gateways_at_most)
{
    static const struct answer given[] = {
        {.status = CM_UNAVAILABLE, .accepted = true},
        {.status = CM_UNAVAILABLE},
        {.status = CM_UNAVAILABLE, .accepted = true},
    };
    cr_expect_eq(ask(given, 3), CM_EXIT_NO_GATEWAY);
    cr_expect_eq(asked, 3, "the second never had it");
    static const struct answer twice[] = {
        {.status = CM_UNAVAILABLE, .accepted = true},
        {.status = CM_UNAVAILABLE, .accepted = true},
    };
    cr_expect_eq(ask(twice, 3), CM_EXIT_NO_GATEWAY);
    cr_expect_eq(asked, 2);
}

Test(tour, tells_a_refusal_from_a_gateway_that_was_not_reached)
{
    static const struct answer given[] = {{.status = CM_STALE}, {.status = CM_UNAVAILABLE}};
    cr_expect_eq(ask(given, 2), CM_EXIT_REFUSED);
}

Test(tour, counts_rows_that_the_second_answer_does_not_have)
{
    static const struct answer given[] = {
        {.status = CM_UNAVAILABLE, .accepted = true, .rows = "abc"},
        {.accepted = true, .rows = "bcd"},
    };
    cr_expect_eq(ask(given, 2), CM_EXIT_INCOMPLETE);
    cr_expect_eq(accounted_rows, 3);
}

Test(tour, says_so_when_no_manifest_came_at_all)
{
    static const struct answer given[] = {
        {.status = CM_UNAVAILABLE, .accepted = true, .rows = "abc"},
    };
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    cr_expect_eq(visit(given, 1, out), CM_EXIT_NO_GATEWAY);
    fclose(out);
    cr_expect_str_eq(text, "{\"unaccounted\":3}\n");
    free(text);
}

Test(tour, stops_when_interrupted)
{
    static const struct answer given[] = {{.status = CM_CANCELLED}};
    static const struct answer away[] = {{.status = CM_UNAVAILABLE}};
    cr_expect_eq(ask(given, 2), CM_EXIT_INTERRUPTED);
    interrupted = 1;
    ask(away, 2);
    cr_expect_eq(asked, 1);
}
