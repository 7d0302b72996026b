#include "proto/ledger/cli/compare.h"

#include "story.h"

#include <criterion/criterion.h>

#include <string.h>

static struct story story;
static struct cm_compare compare;

static void begin(void)
{
    story_open(&story);
    compare = (struct cm_compare){.to_ms = INT64_MAX};
    compare.searches = cm_searches_new();
}

static void end(void)
{
    cm_searches_free(compare.searches);
    story_close(&story);
}

TestSuite(compare, .init = begin, .fini = end);

static void tell(const struct story_search *search)
{
    story_tell(&story, search);
}

static void gather(struct made *made, unsigned party)
{
    static const char *const agencies[] = {NORTHPORT, SOUTHGATE};
    const struct cm_gather gather = {.to_ms = INT64_MAX, .agencies = agencies, .agency_count = 2};
    struct cm_source *source;
    struct cm_error error = {.text = ""};
    const struct cm_entry stop = {.kind = CM_ENTRY_STOP, .text = "asked to"};
    made_add(made, &stop, NULL);
    struct cm_ledger_folder *folder = made_folder(made);
    cr_assert_eq(cm_searches_source(&source, compare.searches, folder, party, &error), CM_OK, "%s",
                 error.text);
    cr_assert_eq(cm_searches_gather(compare.searches, source, folder, &gather, &error), CM_OK, "%s",
                 error.text);
    cm_ledger_folder_close(folder);
}

// Northport's copies against Southgate's node.
static void agencies(void)
{
    gather(&story.north, 0);
    gather(&story.south, 1);
    cr_assert_eq(cm_compare_run(&compare), CM_OK);
}

static void with_gateway(struct made *made)
{
    gather(&story.gateway, 0);
    gather(made, 1);
    cr_assert_eq(cm_compare_run(&compare), CM_OK);
}

// The one finding there is; NULL and a failed expectation else.
static const struct cm_finding *only(enum cm_finding_kind kind)
{
    cr_assert_eq(compare.finding_count, 1, "%zu findings%s%s", compare.finding_count,
                 compare.findings ? ", first: " : "",
                 compare.findings ? compare.findings->text : "");
    cr_assert_eq(compare.findings->kind, kind, "%s: %s", cm_finding_name(compare.findings->kind),
                 compare.findings->text);
    return compare.findings;
}

static uint64_t uncompared(void)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < CM_UNCOMPARED_COUNT; i++) {
        sum += compare.uncompared[i];
    }
    return sum;
}

static const struct story_search honest = {.rows = 3};

Test(compare, honest_ledgers_do_not_differ)
{
    const struct story_search refused = {.refused = true, .outcome = CM_OUTCOME_REFUSED};
    const struct story_search late = {
        .outcome = CM_OUTCOME_LATE, .release = CM_RELEASE_CANCELLED, .rows = 2};
    const struct story_search limit = {.rows = 9, .rows_claimed = 4, .cut = true};
    const struct story_search own = {.question.agency = SOUTHGATE, .rows = 1};
    tell(&honest);
    tell(&refused);
    tell(&late);
    tell(&limit);
    tell(&own);
    agencies();
    cr_expect_eq(compare.finding_count, 0, "%s", compare.findings ? compare.findings->text : "");
    cr_expect_eq(compare.both, 4);
    cr_expect_eq(compare.count[0], 4);
    cr_expect_eq(compare.count[1], 5);
    cr_expect_eq(uncompared(), 0);
}

Test(compare, the_gateway_agrees_with_both)
{
    tell(&honest);
    tell(&honest);
    gather(&story.gateway, 0);
    gather(&story.north, 1);
    gather(&story.south, 1);
    cr_assert_eq(cm_compare_run(&compare), CM_OK);
    cr_expect_eq(compare.finding_count, 0, "%s", compare.findings ? compare.findings->text : "");
    cr_expect_eq(compare.both, 2);
}

Test(compare, an_end_that_a_crash_took_from_the_gateway_accuses_nobody)
{
    const struct story_search crashed = {.rows = 3, .no_account = true};
    tell(&honest);
    tell(&crashed);
    with_gateway(&story.north);
    cr_expect_eq(compare.finding_count, 0, "%s", compare.findings ? compare.findings->text : "");
    cr_expect_eq(compare.both, 2);
    cr_expect_eq(compare.uncompared[CM_UNCOMPARED_NO_ACCOUNT], 1);
}

// One end that a crash took is no cover for what other ledgers of the two parties tell differently.
Test(compare, an_end_of_nobody_hides_no_other_difference)
{
    const struct cm_source ours = {.party = 0}, theirs = {.party = 1};
    struct cm_sighting copy = {
        .source = &theirs, .kind = CM_ENTRY_COPY, .gateway = "", .rows = 3, .last_digest = {{1}}};
    struct cm_sighting other_copy = {.next = &copy,
                                     .source = &ours,
                                     .kind = CM_ENTRY_COPY,
                                     .gateway = "",
                                     .rows = 3,
                                     .last_digest = {{2}}};
    struct cm_sighting of_nobody = {.next = &other_copy,
                                    .source = &ours,
                                    .kind = CM_ENTRY_MANIFEST,
                                    .gateway = "",
                                    .last_digest = {{3}}};
    const struct cm_search search = {.sightings = &of_nobody};
    compare.end = &compare.findings;
    cr_assert_eq(cm_compare_same(&compare, &search), CM_OK);
    cr_expect_str_eq(only(CM_FINDING_DIFFERS)->text, "the two ledgers name different manifests");
}

Test(compare, names_rewritten_reasons_and_no_other)
{
    const struct story_search rewritten = {
        .rows = 3, .copy_question.reason = "stolen vehicle seen near the mall"};
    tell(&honest);
    tell(&rewritten);
    tell(&honest);
    agencies();
    const struct cm_finding *finding = only(CM_FINDING_ALTERED);
    cr_expect_eq(finding->parts, CM_PART_REASON);
    cr_expect_str_eq(finding->search->values->reason, "stolen vehicle seen near the mall");
    cr_expect_str_eq(finding->twin->values->reason, "follow up on witness statement");
}

Test(compare, an_owner_s_own_true_entry_does_not_hide_a_rewritten_copy)
{
    const struct story_search both = {.rows = 3, .north_owns = true};
    const struct story_search rewritten = {
        .rows = 3, .north_owns = true, .copy_question.reason = "stolen near the mall"};
    tell(&both);
    tell(&rewritten);
    agencies();
    const struct cm_finding *finding = only(CM_FINDING_ALTERED);
    cr_expect_eq(finding->parts, CM_PART_REASON);
    cr_expect_str_eq(finding->search->values->reason, "stolen near the mall");
}

Test(compare, which_party_comes_first_makes_no_difference)
{
    const struct story_search rewritten = {
        .rows = 3, .north_owns = true, .copy_question.reason = "stolen near the mall"};
    tell(&rewritten);
    gather(&story.south, 0);
    gather(&story.north, 1);
    cr_assert_eq(cm_compare_run(&compare), CM_OK);
    const struct cm_finding *finding = only(CM_FINDING_ALTERED);
    cr_expect_str_eq(finding->search->values->reason, "follow up on witness statement");
    cr_expect_str_eq(finding->twin->values->reason, "stolen near the mall");
}

Test(compare, names_what_else_was_rewritten)
{
    const struct story_search rewritten = {
        .rows = 3,
        .copy_question = {.plate = "8XYZ987", .purpose = "narcotics", .case_number = "26-9999"}};
    tell(&rewritten);
    agencies();
    cr_expect_eq(only(CM_FINDING_ALTERED)->parts, CM_PART_PLATE | CM_PART_PURPOSE | CM_PART_CASE);
}

Test(compare, a_commitment_alone_rewritten_differs)
{
    const struct story_search rewritten = {.rows = 3, .copy_commits_otherwise = true};
    tell(&honest);
    tell(&rewritten);
    agencies();
    const struct cm_finding *finding = only(CM_FINDING_DIFFERS);
    cr_expect_eq(finding->parts, CM_PART_REASON);
}

Test(compare, a_dropped_copy_is_missed)
{
    const struct story_search dropped = {.rows = 3, .no_copy = true};
    tell(&dropped);
    tell(&honest);
    agencies();
    const struct cm_finding *finding = only(CM_FINDING_MISSING);
    cr_expect_eq(finding->party, 0);
    cr_expect(strstr(finding->text, NORTHPORT));
}

Test(compare, an_invented_copy_has_no_twin)
{
    const struct story_search invented = {.rows = 3, .no_node = true};
    tell(&honest);
    tell(&invented);
    agencies();
    cr_expect_eq(only(CM_FINDING_MISSING)->party, 1);
}

Test(compare, a_search_that_the_gateway_hides_is_missed)
{
    const struct story_search hidden = {.rows = 3, .no_query = true};
    tell(&honest);
    tell(&hidden);
    with_gateway(&story.south);
    const struct cm_finding *finding = only(CM_FINDING_MISSING);
    cr_expect_eq(finding->party, 0);
    cr_expect(strstr(finding->text, "gateway/gw-1"));
}

Test(compare, late_is_contradicted_by_a_complete_answer)
{
    const struct story_search late = {.rows = 3, .outcome = CM_OUTCOME_LATE};
    tell(&honest);
    tell(&late);
    agencies();
    cr_expect(strstr(only(CM_FINDING_CONTRADICTED)->text, "says late"));
}

Test(compare, failed_is_contradicted_too)
{
    const struct story_search failed = {.rows = 3, .outcome = CM_OUTCOME_FAILED};
    tell(&failed);
    agencies();
    only(CM_FINDING_CONTRADICTED);
}

Test(compare, not_permitted_is_contradicted_by_being_asked)
{
    const struct story_search hidden = {.rows = 3, .outcome = CM_OUTCOME_NOT_PERMITTED};
    tell(&hidden);
    agencies();
    only(CM_FINDING_CONTRADICTED);
}

Test(compare, rows_that_nobody_sent_are_contradicted)
{
    const struct story_search more = {.rows = 3, .rows_claimed = 5};
    tell(&more);
    agencies();
    cr_expect(strstr(only(CM_FINDING_CONTRADICTED)->text, "more rows came"));
}

Test(compare, rows_that_went_lost_are_contradicted)
{
    const struct story_search fewer = {.rows = 3, .rows_claimed = 2};
    tell(&fewer);
    agencies();
    cr_expect(strstr(only(CM_FINDING_CONTRADICTED)->text, "fewer rows came"));
}

Test(compare, says_what_could_not_be_compared)
{
    const struct story_search crashed = {.rows = 3, .no_release = true};
    const struct story_search unended = {.rows = 3, .no_manifest = true, .no_copy = true};
    tell(&crashed);
    tell(&unended);
    gather(&story.gateway, 0);
    gather(&story.south, 0);
    gather(&story.north, 1);
    cr_assert_eq(cm_compare_run(&compare), CM_OK);
    cr_expect_eq(compare.finding_count, 0, "%s", compare.findings ? compare.findings->text : "");
    cr_expect_eq(compare.uncompared[CM_UNCOMPARED_NO_END], 1);
    cr_expect_eq(compare.uncompared[CM_UNCOMPARED_NO_RELEASE], 1);
}

Test(compare, erased_searches_are_counted)
{
    const struct story_search dropped = {.rows = 3, .no_copy = true};
    tell(&dropped);
    const uint32_t today = cm_day_of(story.south.now_ms);
    cr_assert_eq(cm_day_keys_erase(story.south.keys, today + 1, NULL, NULL), CM_OK);
    agencies();
    cr_expect_eq(compare.finding_count, 0);
    cr_expect_eq(compare.uncompared[CM_UNCOMPARED_ERASED], 1);
}

Test(compare, erased_digests_still_tell_what_is_altered)
{
    const struct story_search rewritten = {.rows = 3, .copy_question.reason = "seen near the mall"};
    tell(&honest);
    tell(&rewritten);
    const uint32_t today = cm_day_of(story.north.now_ms);
    cr_assert_eq(cm_day_keys_erase(story.north.keys, today + 1, NULL, NULL), CM_OK);
    agencies();
    cr_expect_eq(only(CM_FINDING_ALTERED)->parts, CM_PART_REASON);
}

Test(compare, what_lies_after_the_others_end_is_outside)
{
    const struct story_search dropped = {.rows = 3, .no_copy = true, .skip_ms = 3600000};
    tell(&honest);
    gather(&story.north, 0);
    tell(&dropped);
    gather(&story.south, 1);
    cr_assert_eq(cm_compare_run(&compare), CM_OK);
    cr_expect_eq(compare.finding_count, 0, "%s", compare.findings ? compare.findings->text : "");
    cr_expect_eq(compare.uncompared[CM_UNCOMPARED_OUTSIDE], 1);
}

Test(compare, what_a_gateway_refused_is_no_search_that_anybody_lacks)
{
    const struct story_search refused = {.refused_unread = true};
    tell(&honest);
    tell(&refused);
    with_gateway(&story.north);
    cr_expect_eq(compare.finding_count, 0, "%s", compare.findings ? compare.findings->text : "");
    cr_expect_eq(compare.both, 1);
}

Test(compare, what_was_refused_when_it_came_again_does_not_differ_from_itself)
{
    const struct story_search again = {.rows = 3, .again = true};
    tell(&again);
    with_gateway(&story.north);
    cr_expect_eq(compare.finding_count, 0, "%s", compare.findings ? compare.findings->text : "");
    cr_expect_eq(compare.both, 1);
}

Test(compare, a_copy_of_a_refusal_is_no_copy_of_the_search)
{
    const struct story_search dropped = {.rows = 3, .again = true, .no_copy = true};
    tell(&dropped);
    with_gateway(&story.north);
    cr_expect_eq(only(CM_FINDING_MISSING)->party, 1);
}

Test(compare, an_erased_copy_of_a_refusal_lacks_nothing_at_the_gateway)
{
    const struct story_search refused = {.refused_unread = true};
    tell(&refused);
    const uint32_t today = cm_day_of(story.north.now_ms);
    cr_assert_eq(cm_day_keys_erase(story.north.keys, today + 1, NULL, NULL), CM_OK);
    with_gateway(&story.north);
    cr_expect_eq(compare.finding_count, 0, "%s", compare.findings ? compare.findings->text : "");
}
