#include "gateway/client/transcript.h"

#include "gateway/client/receipt_kept.h"
#include "proto/base/clock.h"
#include "tests/unit/gateway_client/receipt_world.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct cm_answers answers;
static struct receipt_answer answer;
static struct cm_kept kept;
static struct cm_error error;

static void set_up(void)
{
    receipt_set_up();
    receipt_answer_of(&answer, RECEIPT_PLAIN);
    cr_assert_eq(cm_answers_open(&answers, world_pki->dir, cm_wall_ms(cm_clock_system()), &error),
                 CM_OK, "%s", error.text);
}

static size_t files(void)
{
    size_t count = 0;
    DIR *folder = opendir(answers.folder);
    cr_assert_not_null(folder);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        count += entry->d_name[0] != '.';
    }
    closedir(folder);
    return count;
}

static void tear_down(void)
{
    char path[PATH_MAX];
    if (kept.id[0] != '\0') {
        cr_assert_eq(cm_answers_path(path, &answers, kept.id, false, &error), CM_OK);
        unlink(path);
    }
    rmdir(answers.folder);
    cm_answers_clear(&answers);
    world_tear_down();
}

TestSuite(transcript, .init = set_up, .fini = tear_down);

static struct cm_transcript *begin(void)
{
    struct cm_transcript *transcript;
    const struct cm_transcript_head head = {
        .question = answer.question,
        .directory = answer.directory,
        .gateway = answer.gateway,
        .owner = cm_signer_spki(receipt_person),
    };
    cr_assert_eq(cm_transcript_new(&transcript, &answers, &head, &error), CM_OK, "%s", error.text);
    return transcript;
}

Test(transcript, keeps_every_message_as_it_came)
{
    struct cm_buf clear = {0};
    struct cm_buf written = {0};
    struct cm_receipt receipt;
    struct stat facts;
    char path[PATH_MAX];
    struct cm_transcript *transcript = begin();
    for (size_t i = 0; i < answer.count; i++) {
        cm_transcript_add(transcript, answer.messages[i]);
    }
    cr_assert_eq(cm_transcript_keep(transcript, &kept, &error), CM_OK, "%s", error.text);
    cr_assert_eq(cm_answers_path(path, &answers, kept.id, false, &error), CM_OK);
    cr_assert_eq(stat(path, &facts), 0);
    cr_expect_eq(facts.st_mode & 0777, 0600);
    cr_assert_eq(cm_receipt_open_kept(&clear, &receipt, &answers, kept.id, receipt_person, &error),
                 CM_OK, "%s", error.text);
    receipt_write(&written, &answer, false);
    cr_expect(cm_bytes_equal(cm_buf_bytes(&clear), cm_buf_bytes(&written)));
    cm_receipt_close_kept(&clear);
    cm_buf_clear(&written);
}

Test(transcript, leaves_nothing_of_what_was_dropped)
{
    struct cm_transcript *transcript = begin();
    cm_transcript_add(transcript, answer.messages[0]);
    cr_expect_eq(files(), 1, "under a name that nobody takes for an answer");
    cr_expect_eq(answers.count, 0);
    cm_transcript_drop(transcript);
    cr_expect_eq(files(), 0);
}

Test(transcript, is_named_by_its_query_alone)
{
    struct cm_query query;
    char id[CM_ANSWER_ID_SIZE];
    struct cm_transcript *transcript = begin();
    cm_transcript_add(transcript, answer.messages[0]);
    cr_assert_eq(cm_transcript_keep(transcript, &kept, &error), CM_OK);
    cr_assert_eq(cm_receipt_question(&query, world_arena, answer.question, &error), CM_OK);
    cm_hex(id, (struct cm_bytes){query.query_id, sizeof query.query_id});
    cr_expect_str_eq(kept.id, id);
    cr_expect_eq(answers.count, 1);
}

Test(transcript, gives_up_past_its_bound_and_leaves_nothing)
{
    static uint8_t large[CM_MAX_LOOKUP_RESPONSE];
    struct cm_transcript *transcript = begin();
    for (size_t sent = 0; sent <= CM_MAX_RECEIPT; sent += sizeof large) {
        cm_transcript_add(transcript, (struct cm_bytes){large, sizeof large});
    }
    cr_expect_eq(cm_transcript_keep(transcript, &kept, &error), CM_EXHAUSTED);
    cr_expect_str_eq(kept.id, "");
    cr_expect_eq(files(), 0);
    cr_expect_eq(answers.count, 0);
}

Test(transcript, is_not_opened_by_another)
{
    struct cm_buf clear = {0};
    struct cm_receipt receipt;
    struct cm_transcript *transcript = begin();
    cm_transcript_add(transcript, answer.messages[0]);
    cr_assert_eq(cm_transcript_keep(transcript, &kept, &error), CM_OK);
    struct cm_signer *another = pki_signer(world_pki, NORTHPORT, CM_ROLE_INVESTIGATOR, "quine");
    cr_expect_eq(cm_receipt_open_kept(&clear, &receipt, &answers, kept.id, another, &error),
                 CM_UNAUTHENTICATED);
    cm_receipt_close_kept(&clear);
}
