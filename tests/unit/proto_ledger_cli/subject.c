#include "proto/ledger/cli/subject.h"

#include "story.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static struct story story;
static struct cm_subject subject;

static void begin(void)
{
    const struct story_search theirs = {
        .rows = 3,
        .question = {.plate = "8XYZ987", .person = "ortiz", .reason = "seen near the mall"}};
    const struct story_search other = {.rows = 2};
    story_open(&story);
    story_tell(&story, &other);
    story_tell(&story, &theirs);
    story_tell(&story, &theirs);
    subject = (struct cm_subject){.plate = "8XYZ987", .to_ms = INT64_MAX};
}

static void end(void)
{
    cm_subject_clear(&subject);
    story_close(&story);
}

TestSuite(subject, .init = begin, .fini = end);

static void gather_from(struct made *const *ledgers, size_t count)
{
    struct cm_error error = {.text = ""};
    struct cm_ledger_folder *folders[2];
    for (size_t i = 0; i < count; i++) {
        folders[i] = made_folder(ledgers[i]);
    }
    cr_assert_eq(cm_subject_gather(&subject, folders, count, &error), CM_OK, "%s", error.text);
    for (size_t i = 0; i < count; i++) {
        cm_ledger_folder_close(folders[i]);
    }
}

static void gather(void)
{
    struct made *const both[] = {&story.north, &story.south};
    gather_from(both, 2);
}

static size_t found(void)
{
    return subject.count;
}

static char *printed(bool json, bool redact)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (json) {
        cr_assert_eq(cm_subject_json(out, &subject, redact), CM_OK);
    } else {
        cm_subject_text(out, &subject, redact);
    }
    fclose(out);
    return text;
}

Test(subject, finds_what_was_asked_and_released)
{
    gather();
    cr_expect_eq(found(), 2);
    char *text = printed(false, false);
    cr_expect(strstr(text, "2 searches asked about it; 6 rows were released."));
    cr_expect(strstr(text, "investigator ortiz of " NORTHPORT));
    cr_expect_null(strstr(text, "8ABC123"));
    free(text);
}

Test(subject, leaves_out_other_peoples_data_and_says_so)
{
    static const char *const theirs[] = {"ortiz", "26-1234", "mall"};
    gather();
    for (int json = 0; json < 2; json++) {
        char *all = printed(json, false);
        char *text = printed(json, true);
        for (size_t i = 0; i < 3; i++) {
            cr_expect(strstr(all, theirs[i]), "%s", theirs[i]);
            cr_expect_null(strstr(text, theirs[i]), "%s", theirs[i]);
        }
        cr_expect(strstr(text, "emoved"));
        cr_expect(strstr(text, NORTHPORT));
        free(all);
        free(text);
    }
}

Test(subject, reads_at_one_end_what_was_erased_at_the_other)
{
    const uint32_t today = cm_day_of(story.south.now_ms);
    cr_assert_eq(cm_day_keys_erase(story.south.keys, today + 1, NULL, NULL), CM_OK);
    gather();
    cr_expect_eq(found(), 2);
    cr_expect_eq(cm_subject_unread(&subject), 0);
    char *text = printed(false, false);
    cr_expect(strstr(text, "6 rows were released"));
    free(text);
}

Test(subject, counts_what_nobody_can_read)
{
    struct made *const all[] = {&story.north, &story.south};
    for (size_t i = 0; i < 2; i++) {
        const uint32_t today = cm_day_of(all[i]->now_ms);
        cr_assert_eq(cm_day_keys_erase(all[i]->keys, today + 1, NULL, NULL), CM_OK);
    }
    gather();
    cr_expect_eq(found(), 0);
    cr_expect_eq(cm_subject_unread(&subject), 3);
    char *text = printed(false, false);
    cr_expect(strstr(text, "3 other searches of that time can't be read"));
    free(text);
}

Test(subject, tells_states_apart)
{
    strcpy(subject.state, "NV");
    gather();
    cr_expect_eq(found(), 0);
}

// A copy may come days later: the period is that of the question.
Test(subject, a_copied_search_is_of_the_time_when_it_was_asked)
{
    struct made *const copies[] = {&story.north};
    subject.from_ms = story.gateway.now_ms - 2000;
    subject.to_ms = subject.from_ms + 500; // the copy was recorded after
    gather_from(copies, 1);
    cr_expect_eq(found(), 1);
}

Test(subject, leaves_out_who_approved)
{
    const struct made_question question = {.plate = "8XYZ987", .person = "ortiz"};
    struct cm_query query = made_query(&story.south, &question);
    query.approval = made_approval(&story.south, &query, "sue");
    struct cm_access access = {
        .question = made_sign(&story.south, &query), .person = "", .text = ""};
    const struct cm_entry entry = made_entry(&access.question, CM_ENTRY_NODE);
    made_add(&story.south, &entry, &access);
    gather();
    for (int json = 0; json < 2; json++) {
        char *all = printed(json, false);
        char *text = printed(json, true);
        cr_expect(strstr(all, "supervisor/sue"));
        cr_expect_null(strstr(text, "sue"));
        free(all);
        free(text);
    }
}
