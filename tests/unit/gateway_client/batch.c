#include "gateway/client/batch.h"

#include "gateway/client/summary.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct cm_batch_list list;
static struct cm_error error;
static char *complaints;
static size_t complaints_len;

static enum cm_status parse(const char *text, const char *state)
{
    FILE *stream = open_memstream(&complaints, &complaints_len);
    enum cm_status status = cm_batch_parse(&list, cm_bytes_of(text), state, stream, &error);
    fclose(stream);
    return status;
}

Test(batch, reads_a_plate_a_line)
{
    cr_assert_eq(parse("\xef\xbb\xbf"
                       "8abc-123\r\n\n# a list\n 7XYZ9 , NV \n5MNO1,\n6PQR2",
                       "CA"),
                 CM_OK, "%s", error.text);
    cr_assert_eq(list.count, 4);
    cr_expect_str_eq(list.lines[0].plate, "8ABC123");
    cr_expect_str_eq(list.lines[0].state, "CA");
    cr_expect_eq(list.lines[1].number, 4);
    cr_expect_str_eq(list.lines[1].plate, "7XYZ9");
    cr_expect_str_eq(list.lines[1].state, "NV");
    cr_expect_str_eq(list.lines[2].state, "CA");
    cr_expect_eq(list.lines[3].number, 6);
    cm_batch_clear(&list);
    free(complaints);
}

Test(batch, asks_each_once)
{
    cr_assert_eq(parse("8ABC123\n8abc 123\n8ABC123,NV\n", ""), CM_OK);
    cr_expect_eq(list.count, 2, "another state is another question");
    cr_expect_eq(list.repeated, 1);
    cm_batch_clear(&list);
    free(complaints);
}

Test(batch, reports_every_bad_line_and_quotes_none)
{
    cr_expect_eq(parse("8ABC123\n8ABC1234567890\n7XYZ9,ZZ\n\n---\n7XYZ9,ca\n8A\xff\n", ""),
                 CM_INVALID);
    cr_expect_str_eq(complaints, "line 2 is no plate of 1 to 12 letters and digits\n"
                                 "line 3 has a state that there isn't: two capital letters\n"
                                 "line 5 is no plate of 1 to 12 letters and digits\n"
                                 "line 6 has a state that there isn't: two capital letters\n"
                                 "line 7 is no plate of 1 to 12 letters and digits\n");
    cr_expect_not_null(strstr(error.text, "5 bad lines: nothing was asked"));
    cr_expect_null(list.lines);
    free(complaints);
}

Test(batch, is_no_list_when_empty_or_too_long)
{
    cr_expect_eq(parse("\n# nothing\n", ""), CM_INVALID);
    free(complaints);
    char *text = calloc(CM_MAX_BATCH_LINES + 1, 8);
    for (int i = 0; i <= CM_MAX_BATCH_LINES; i++) {
        sprintf(text + strlen(text), "A%d\n", i);
    }
    cr_expect_eq(parse(text, ""), CM_INVALID);
    cr_expect_not_null(strstr(error.text, "more than 10000"), "%s", error.text);
    free(text);
    free(complaints);
}

static const enum cm_status *answers;
static size_t asked;
static char plates[64];
static volatile sig_atomic_t interrupted;

static enum cm_status call(struct cm_call_result *result, const struct cm_call_options *options)
{
    enum cm_status status = answers[asked++];
    const struct cm_plate_selector *selector = &options->asking->query.plate;
    snprintf(plates + strlen(plates), sizeof plates - strlen(plates), "%s%s ", selector->plate,
             selector->state);
    *result =
        (struct cm_call_result){.accepted = status == CM_OK, .dishonest = status == CM_INTERNAL};
    cm_error_fill(&result->error, status, "somewhere", "something");
    return status;
}

static int finish(const struct cm_call_result *result, const struct cm_call_options *options)
{
    (void)result;
    options->printer->rows += 2;
    return 0;
}

static char *printed;

static int visit(const enum cm_status *given)
{
    static const char *const gateways[] = {"gw-1"};
    static const struct cm_tour tour = {.call = call, .finish = finish};
    struct cm_settings settings = {.approvals = NULL};
    struct cm_asking asking = {.quiet = true, .query.deadline_ms = 1000};
    struct cm_seen seen = {0};
    size_t len = 0;
    FILE *out = open_memstream(&printed, &len);
    struct cm_printer printer = {.format = CM_FORMAT_JSON, .out = out, .batch = true};
    struct cm_call_options options = {.asking = &asking,
                                      .settings = &settings,
                                      .printer = &printer,
                                      .seen = &seen,
                                      .interrupted = &interrupted};
    cr_assert_eq(parse("8ABC123\n7XYZ9,NV\n5MNO1\n", ""), CM_OK);
    answers = given;
    asked = 0;
    plates[0] = '\0';
    int code = cm_batch_visit(&tour, &options, &list, gateways, 1, NULL);
    fclose(out);
    cm_batch_clear(&list);
    free(complaints);
    return code;
}

Test(batch, goes_on_after_what_is_refused_and_ends_with_the_worst)
{
    static const enum cm_status given[] = {CM_OK, CM_FORBIDDEN, CM_OK};
    cr_expect_eq(visit(given), CM_EXIT_REFUSED);
    cr_expect_str_eq(plates, "8ABC123 7XYZ9NV 5MNO1 ");
    cr_expect_str_eq(printed,
                     "{\"query\":1,\"asked\":{\"line\":1,\"plate\":\"8ABC123\",\"state\":\"\"}}\n"
                     "{\"query\":1,\"exit\":0}\n"
                     "{\"query\":2,\"asked\":{\"line\":2,\"plate\":\"7XYZ9\",\"state\":\"NV\"}}\n"
                     "{\"query\":2,\"exit\":5}\n"
                     "{\"query\":3,\"asked\":{\"line\":3,\"plate\":\"5MNO1\",\"state\":\"\"}}\n"
                     "{\"query\":3,\"exit\":0}\n");
    free(printed);
}

Test(batch, stops_when_no_gateway_answers_or_one_lied)
{
    static const enum cm_status away[] = {CM_OK, CM_UNAVAILABLE, CM_OK};
    static const enum cm_status lie[] = {CM_INTERNAL, CM_OK, CM_OK};
    cr_expect_eq(visit(away), CM_EXIT_NO_GATEWAY);
    cr_expect_eq(asked, 2);
    free(printed);
    cr_expect_eq(visit(lie), CM_EXIT_DISHONEST);
    cr_expect_eq(asked, 1);
    free(printed);
}

Test(batch, asks_nothing_more_once_interrupted)
{
    static const enum cm_status given[] = {CM_OK, CM_OK, CM_OK};
    interrupted = 1;
    cr_expect_eq(visit(given), CM_EXIT_INTERRUPTED);
    cr_expect_eq(asked, 0);
    free(printed);
}
