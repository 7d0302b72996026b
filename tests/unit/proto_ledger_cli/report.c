#include "proto/ledger/cli/report_print.h"

#include "story.h"

#include <criterion/criterion.h>
#include <jansson.h>

#include <stdlib.h>
#include <string.h>

static struct story story;
static struct cm_report report;
static const struct cm_report_view everything;
static const struct cm_trusts nobody;

static void begin(void)
{
    const struct cm_report_options options = {.to_ms = INT64_MAX,
                                              .repeat = 5,
                                              .repeat_no_case = 2,
                                              .same_reason = 5,
                                              .together_ms = 600000,
                                              .serious = "homicide,violent-crime"};
    story_open(&story);
    cr_assert_eq(cm_report_init(&report, &options, NULL), CM_OK);
}

static void end(void)
{
    cm_report_clear(&report);
    story_close(&story);
}

TestSuite(report, .init = begin, .fini = end);

static void tell(const struct story_search *search, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        story_tell(&story, search);
    }
}

static void gather(struct made *made)
{
    struct cm_error error = {.text = ""};
    struct cm_ledger_folder *folder = made_folder(made);
    cr_assert_eq(cm_report_gather(&report, folder, &nobody, &error), CM_OK, "%s", error.text);
    cm_ledger_folder_close(folder);
}

static void finish(struct made *made)
{
    gather(made);
    cr_assert_eq(cm_report_finish(&report, NULL), CM_OK);
}

static const struct cm_flag *flagged(enum cm_flag_kind kind)
{
    const struct cm_flag *flag = report.flags;
    while (flag != NULL && flag->kind != kind) {
        flag = flag->next;
    }
    return flag;
}

static const struct cm_tally *tally(const struct cm_tallies *tallies, const char *name)
{
    for (size_t i = 0; i < tallies->count; i++) {
        if (strcmp(tallies->sorted[i]->name, name) == 0) {
            return tallies->sorted[i];
        }
    }
    return NULL;
}

// What a printer writes, the caller's.
static char *printed(void (*print)(FILE *, const struct cm_report *, const struct cm_report_view *),
                     const struct cm_report_view *view)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    print(out, &report, view);
    fclose(out);
    return text;
}

static void json_printer(FILE *out, const struct cm_report *r, const struct cm_report_view *view)
{
    cr_assert_eq(cm_report_json(out, r, view), CM_OK);
}

static const struct story_search plain = {.rows = 3};

Test(report, adds_up_by_person_purpose_agency_outcome_and_recipient)
{
    const struct story_search other = {
        .rows = 2, .question = {.person = "ortiz", .purpose = "narcotics", .plate = "8XYZ987"}};
    const struct story_search refused = {.refused = true, .outcome = CM_OUTCOME_REFUSED};
    tell(&plain, 2);
    tell(&other, 1);
    tell(&refused, 1);
    finish(&story.south);
    cr_assert_eq(report.count, 4);
    cr_expect_eq(
        tally(&report.people, "spiffe://valley.test/" NORTHPORT "/investigator/lee")->searches, 3);
    cr_expect_eq(
        tally(&report.recipients, "spiffe://valley.test/" NORTHPORT "/investigator/ortiz")->rows,
        2);
    cr_expect_eq(tally(&report.recipient_agencies, NORTHPORT)->rows, 8);
    cr_expect_eq(tally(&report.purposes, "homicide")->searches, 3);
    cr_expect_eq(tally(&report.outcomes, "released")->searches, 3);
    cr_expect_eq(tally(&report.outcomes, "refused")->searches, 1);
    cr_expect_eq(tally(&report.refusals, "not permitted")->searches, 1);
    cr_expect_eq(report.counts.released, 8);
    cr_expect_eq(report.counts.not_reviewed, 4);
}

Test(report, counts_what_was_erased)
{
    tell(&plain, 3);
    const uint32_t today = cm_day_of(story.south.now_ms);
    cr_assert_eq(cm_day_keys_erase(story.south.keys, today + 1, NULL, NULL), CM_OK);
    finish(&story.south);
    cr_expect_eq(report.count, 3);
    cr_expect_eq(report.counts.clear[CM_CLEAR_ERASED], 3);
    cr_expect_eq(report.counts.clear[CM_CLEAR_OPEN], 0);
    char *text = printed(cm_report_text, &everything);
    cr_expect(strstr(text, "3 erased"));
    cr_expect(strstr(text, "  erased\n"));
    free(text);
}

Test(report, a_search_that_crashed_stands_out)
{
    const struct story_search crashed = {.rows = 3, .no_release = true};
    tell(&plain, 1);
    tell(&crashed, 1);
    finish(&story.south);
    cr_expect_eq(tally(&report.outcomes, "no end recorded")->searches, 1);
    cr_expect(flagged(CM_FLAG_NO_END));
}

Test(report, what_is_wrong_in_one_ledger_stands_out_though_another_can_be_read)
{
    const struct story_search altered = {.rows = 3, .copy_commits_otherwise = true};
    tell(&altered, 1);
    gather(&story.south);
    finish(&story.north);
    cr_expect_eq(report.counts.clear[CM_CLEAR_OPEN], 1);
    const struct cm_flag *flag = flagged(CM_FLAG_DAMAGED);
    cr_assert(flag);
    cr_expect_str_eq(flag->who, story.north.origin);
}

Test(report, the_same_plate_again_stands_out_sooner_without_a_case)
{
    const struct story_search stalking = {.rows = 1,
                                          .question = {.person = "ortiz",
                                                       .plate = "8STALK1",
                                                       .purpose = "amber-alert",
                                                       .reason = "looking for a child",
                                                       .case_number = ""}};
    tell(&plain, 4);
    tell(&stalking, 2);
    finish(&story.north);
    const struct cm_flag *flag = flagged(CM_FLAG_REPEATED_PLATE);
    cr_assert(flag);
    cr_expect_str_eq(flag->what, "8STALK1");
    cr_expect_eq(flag->count, 2);
    cr_expect_eq(flag->other, 2);
    cr_expect_null(flag->next);
}

Test(report, the_same_plate_often_enough_stands_out_with_a_case_too)
{
    tell(&plain, 5);
    finish(&story.north);
    const struct cm_flag *flag = flagged(CM_FLAG_REPEATED_PLATE);
    cr_assert(flag);
    cr_expect_eq(flag->count, 5);
    cr_expect_eq(flag->other, 0);
}

Test(report, reasons_alike_for_many_plates_stand_out)
{
    static const char *const plates[] = {"8ABC001", "8ABC002", "8ABC003", "8ABC004", "8ABC005"};
    for (size_t i = 0; i < 5; i++) {
        const struct story_search one = {
            .rows = 1,
            .question = {.plate = plates[i],
                         .reason = i % 2 ? "As Part Of The Case" : "as part of the case"}};
        tell(&one, 1);
    }
    finish(&story.north);
    const struct cm_flag *flag = flagged(CM_FLAG_SAME_REASON);
    cr_assert(flag);
    cr_expect_str_eq(flag->who, NORTHPORT);
    cr_expect_eq(flag->count, 5);
    cr_expect_eq(flag->other, 1);
}

// As sightings say it, without a ledger: certificates and gateways are not easily made.
static struct cm_search *place(struct cm_search_values *values, uint8_t key, const char *gateway,
                               int64_t when_ms)
{
    struct made *made = &story.north;
    const struct made_question question = {.plate = NULL};
    const struct cm_query query = made_query(made, &question);
    const struct cm_envelope envelope = made_sign(made, &query);
    struct cm_search *search = cm_arena_alloc(made->arena, sizeof *search);
    struct cm_search_values *own = cm_arena_alloc(made->arena, sizeof *own);
    static const struct cm_source source = {.origin = "valley.test/ca.northport.pd/node/n1"};
    static struct cm_sighting seen = {
        .source = &source, .kind = CM_ENTRY_COPY, .gateway = "", .rule = ""};
    cm_sha256_of(&search->digest, envelope.payload);
    *own = *values;
    own->key_hash.b[0] = key;
    own->gateway = gateway;
    search->values = own;
    search->when_ms = when_ms;
    search->sightings = &seen;
    return search;
}

static void find(struct cm_search *const *list, size_t count)
{
    report.list = list;
    report.count = count;
    cr_assert_eq(cm_report_find_flags(&report), CM_OK);
}

static struct cm_search_values someone(void)
{
    return (struct cm_search_values){.person = "lee",
                                     .agency = NORTHPORT,
                                     .plate = "8ABC123",
                                     .purpose = "homicide",
                                     .case_number = "1",
                                     .reason = "r",
                                     .gateway = "gw-1"};
}

Test(report, two_certificates_at_once_stand_out)
{
    struct cm_search_values values = someone();
    struct cm_search *const list[] = {place(&values, 1, "gw-1", 0),
                                      place(&values, 2, "gw-1", 7200000),
                                      place(&values, 1, "gw-1", 14400000)};
    find(list, 3);
    cr_assert(flagged(CM_FLAG_TWO_CERTIFICATES));
    cr_expect_null(flagged(CM_FLAG_TWO_GATEWAYS));
}

Test(report, a_renewed_certificate_does_not)
{
    struct cm_search_values values = someone();
    struct cm_search *const list[] = {
        place(&values, 1, "gw-1", 0), place(&values, 1, "gw-1", 10000),
        place(&values, 2, "gw-1", 7200000), place(&values, 2, "gw-1", 7300000)};
    find(list, 4);
    cr_expect_null(flagged(CM_FLAG_TWO_CERTIFICATES));
}

Test(report, two_gateways_at_once_stand_out_and_leaving_one_does_not)
{
    struct cm_search_values values = someone();
    struct cm_search *const there[] = {place(&values, 1, "gw-1", 0),
                                       place(&values, 1, "gw-2", 5000)};
    find(there, 2);
    cr_expect_null(flagged(CM_FLAG_TWO_GATEWAYS));
    struct cm_search *const back[] = {place(&values, 1, "gw-1", 0), place(&values, 1, "gw-2", 5000),
                                      place(&values, 1, "gw-1", 9000)};
    find(back, 3);
    cr_expect(flagged(CM_FLAG_TWO_GATEWAYS));
}

Test(report, lesser_purposes_that_reach_more_stand_out)
{
    const struct story_search serious = {.rows = 1};
    const struct story_search lesser = {
        .rows = 1, .question = {.purpose = "administrative", .plate = "8ABC777"}};
    tell(&serious, 1);
    tell(&lesser, 1);
    struct cm_ledger_folder *folder = made_folder(&story.north);
    cr_assert_eq(cm_report_gather(&report, folder, &nobody, NULL), CM_OK);
    cm_ledger_folder_close(folder);
    struct cm_search *const *list;
    size_t count;
    cr_assert_eq(cm_searches_list(&list, &count, report.searches), CM_OK);
    cr_assert_eq(count, 2);
    list[1]->sightings->asked = 40;
    cr_assert_eq(cm_report_finish(&report, NULL), CM_OK);
    const struct cm_flag *flag = flagged(CM_FLAG_REACH);
    cr_assert(flag);
    cr_expect_str_eq(flag->who, "administrative");
    cr_expect_eq(flag->count, 40);
    cr_expect_eq(flag->other, 1);
}

Test(report, csv_has_a_line_for_each_search_and_no_formulas)
{
    const struct story_search evil = {.rows = 1,
                                      .question.reason = "=HYPERLINK(\"http://x\") two three"};
    tell(&evil, 1);
    tell(&plain, 1);
    finish(&story.north);
    char *text = printed(cm_report_csv, &everything);
    size_t lines = 0;
    for (const char *at = text; (at = strstr(at, "\r\n")) != NULL; at++) {
        lines++;
    }
    cr_expect_eq(lines, 3);
    cr_expect(strstr(text, "\"'=HYPERLINK(\"\"http://x\"\") two three\""));
    cr_expect(strstr(text, "\"8ABC123\",\"CA\",\"lookup\""));
    cr_expect(
        strstr(text, "\"spiffe://valley.test/" NORTHPORT "/investigator/lee\",\"" NORTHPORT "\""));
    free(text);
}

Test(report, csv_has_no_full_width_formulas)
{
    const struct story_search evil = {.rows = 1, .question.reason = "\uff1d1+1 two three four"};
    tell(&evil, 1);
    finish(&story.north);
    char *text = printed(cm_report_csv, &everything);
    cr_expect(strstr(text, "\"'\uff1d1+1"));
    free(text);
}

Test(report, json_is_one_object_with_all_searches)
{
    tell(&plain, 3);
    finish(&story.south);
    char *text = printed(json_printer, &everything);
    json_error_t where;
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, &where);
    cr_assert(object, "%s", where.text);
    const json_t *searches = json_object_get(object, "searches");
    cr_assert_eq(json_array_size(searches), 3);
    const json_t *first = json_array_get(searches, 0);
    cr_expect_str_eq(json_string_value(json_object_get(first, "plate")), "8ABC123");
    cr_expect_eq(json_integer_value(json_object_get(first, "rows_released")), 3);
    cr_expect(json_is_false(json_object_get(first, "reviewed")));
    json_decref(object);
    free(text);
}

Test(report, the_public_gets_no_plate_reason_case_or_person)
{
    const struct cm_report_view view = {.public_only = true};
    static const char *const secrets[] = {"8ABC123", "26-1234", "witness", "/lee"};
    void (*const printers[])(FILE *, const struct cm_report *, const struct cm_report_view *) = {
        cm_report_text, cm_report_csv, json_printer};
    tell(&plain, 6);
    finish(&story.north);
    for (size_t p = 0; p < 3; p++) {
        char *all = printed(printers[p], &everything);
        char *text = printed(printers[p], &view);
        for (size_t i = 0; i < 4; i++) {
            cr_expect(strstr(all, secrets[i]), "printer %zu: %s", p, secrets[i]);
            cr_expect_null(strstr(text, secrets[i]), "printer %zu: %s", p, secrets[i]);
        }
        cr_expect(strstr(text, "homicide"));
        free(text);
        free(all);
    }
}

// Anybody's word stands where the purpose should, in a question that is refused for it.
Test(report, the_public_gets_no_word_that_was_refused)
{
    const struct cm_report_view view = {.public_only = true};
    const struct story_search slip = {.refused_unread = true, .question.purpose = "8stalk1"};
    tell(&plain, 1);
    tell(&slip, 1);
    finish(&story.north);
    cr_expect_null(tally(&report.purposes, "8stalk1"));
    cr_expect_eq(tally(&report.purposes, "(refused)")->searches, 1);
    cr_expect_eq(tally(&report.outcomes, "refused")->searches, 1);
    char *text = printed(cm_report_text, &view);
    cr_expect_null(strstr(text, "8stalk1"));
    free(text);
}

Test(report, says_who_approved)
{
    struct cm_query query = made_query(&story.south, &(struct made_question){0});
    query.approval = made_approval(&story.south, &query, "sue");
    struct cm_access access = {
        .question = made_sign(&story.south, &query), .person = "", .text = ""};
    const struct cm_entry entry = made_entry(&access.question, CM_ENTRY_NODE);
    made_add(&story.south, &entry, &access);
    finish(&story.south);
    char *text = printed(cm_report_text, &everything);
    cr_expect(strstr(text, "approved by"));
    free(text);
    text = printed(cm_report_csv, &everything);
    cr_expect(strstr(text, "\"\",\"spiffe://valley.test/" NORTHPORT "/supervisor/sue\""));
    free(text);
}

Test(report, small_counts_that_follow_from_a_sum_are_withheld_too)
{
    const struct cm_report_view view = {.public_only = true, .small = 5};
    const struct story_search one = {.rows = 1, .question.purpose = "narcotics"};
    const struct story_search other = {.rows = 1, .question.purpose = "warrant"};
    const struct story_search six = {.rows = 1, .question.purpose = "kidnapping"};
    tell(&plain, 7);
    tell(&six, 6);
    tell(&one, 1);
    tell(&other, 1);
    finish(&story.north);
    struct cm_report_table tables[CM_REPORT_TABLES];
    cm_report_tables(tables, &report);
    cr_expect_not(cm_report_withheld(&tables[2], &view, 0));
    cr_expect(cm_report_withheld(&tables[2], &view, 1), "of 2 it is known that each is 1");
    cr_expect(cm_report_withheld(&tables[2], &view, 2));
    cr_expect(cm_report_withheld(&tables[2], &view, 3));
}

Test(report, small_parts_of_what_is_shown_are_withheld_together)
{
    const struct cm_report_view view = {.public_only = true, .small = 3};
    tell(&plain, 5);
    made_asked(&story.north, &(struct made_question){0});
    finish(&story.north);
    report.counts.clear[CM_CLEAR_OPEN] = 5;
    report.counts.clear[CM_CLEAR_ERASED] = 1;
    report.counts.reviewed = 4;
    report.counts.not_reviewed = 2;
    char *text = printed(cm_report_text, &view);
    cr_expect(strstr(text, "Searches           6\n"));
    cr_expect(strstr(text, "withheld in clear"), "of 5 of 6 follows 1");
    cr_expect(strstr(text, "withheld erased"));
    cr_expect(strstr(text, "Reviewed           withheld, not reviewed withheld"));
    free(text);
    text = printed(json_printer, &view);
    cr_expect(strstr(text, "\"open\": null"));
    cr_expect(strstr(text, "\"not_reviewed\": null"));
    free(text);
}

Test(report, small_counts_are_withheld_with_the_one_that_would_tell_them)
{
    const struct cm_report_view view = {.public_only = true, .small = 3};
    const struct story_search two = {.rows = 1, .question.purpose = "narcotics"};
    const struct story_search three = {.rows = 1, .question.purpose = "warrant"};
    tell(&plain, 4);
    tell(&three, 3);
    tell(&two, 2);
    finish(&story.north);
    struct cm_report_table tables[CM_REPORT_TABLES];
    cm_report_tables(tables, &report);
    cr_assert_str_eq(tables[2].name, "purpose");
    cr_expect_not(cm_report_withheld(&tables[2], &view, 0));
    cr_expect(cm_report_withheld(&tables[2], &view, 1));
    cr_expect(cm_report_withheld(&tables[2], &view, 2));
    cr_expect_not(cm_report_withheld(&tables[2], &everything, 2));
}

Test(report, tells_of_rules_sharing_and_administrators)
{
    const struct cm_entry sharing = {
        .kind = CM_ENTRY_SHARING, .agency = MILLTOWN, .permitted = true};
    const struct cm_entry admin = {.kind = CM_ENTRY_ADMIN, .text = "erased records"};
    struct cm_access access = {.person = "chief", .text = "asked by the council"};
    made_add(&story.south, &sharing, NULL);
    made_add(&story.south, &admin, &access);
    finish(&story.south);
    char *text = printed(cm_report_text, &everything);
    cr_expect(strstr(text, "sharing with " MILLTOWN " switched on"));
    cr_expect(strstr(text, "erased records, by chief: asked by the"));
    free(text);
}
