#include "gateway/client/transcript_folder.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char state[] = "/tmp/comity-answers-XXXXXX";
static char folder[64];
static struct cm_answers answers;
static struct cm_error error;
static const int64_t now_ms = 1800000000000;

static void set_up(void)
{
    cr_assert_not_null(mkdtemp(state));
    snprintf(folder, sizeof folder, "%s/answers", state);
}

static void tear_down(void)
{
    char command[128];
    cm_answers_clear(&answers);
    snprintf(command, sizeof command, "rm -rf %s", state);
    cr_assert_eq(system(command), 0);
}

TestSuite(transcript_folder, .init = set_up, .fini = tear_down);

static enum cm_status open_it(void)
{
    cm_answers_clear(&answers);
    return cm_answers_open(&answers, state, now_ms, &error);
}

// A file of that age.
static void put(const char *name, off_t size, int64_t age_ms)
{
    char path[128];
    const int64_t at_ms = now_ms - age_ms;
    const struct timespec times[2] = {{at_ms / 1000, at_ms % 1000 * 1000000},
                                      {at_ms / 1000, at_ms % 1000 * 1000000}};
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int file = open(path, O_WRONLY | O_CREAT, 0600);
    cr_assert_geq(file, 0);
    cr_assert_eq(ftruncate(file, size), 0);
    cr_assert_eq(futimens(file, times), 0);
    close(file);
}

static bool is_there(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

#define A "aaaa0000000000000000000000000001"
#define B "aaaa0000000000000000000000000002"
#define C "bbbb0000000000000000000000000003"

Test(transcript_folder, is_for_its_owner_alone)
{
    struct stat facts;
    cr_assert_eq(open_it(), CM_OK, "%s", error.text);
    cr_assert_eq(stat(folder, &facts), 0);
    cr_expect_eq(facts.st_mode & 0777, 0700);
    cr_assert_eq(chmod(folder, 0750), 0);
    cr_expect_eq(open_it(), CM_INVALID);
    cr_assert_eq(rmdir(folder), 0);
    cr_assert_eq(symlink("/tmp", folder), 0);
    cr_expect_eq(open_it(), CM_INVALID);
    unlink(folder);
}

Test(transcript_folder, lets_go_of_what_is_old_and_of_nothing_else)
{
    cr_assert_eq(open_it(), CM_OK);
    put(A, 10, CM_ANSWER_KEPT_MS - 1);
    put(B, 10, CM_ANSWER_KEPT_MS);
    put(C, 10, -2 * CM_ANSWER_KEPT_MS); // by a clock that went back
    put(A ".part", 10, 1000);
    put(B ".part", 10, CM_ANSWER_KEPT_MS / 2);
    put("letter.txt", 10, 2 * (int64_t)CM_ANSWER_KEPT_MS);
    cr_assert_eq(open_it(), CM_OK);
    cr_expect_eq(answers.count, 1);
    cr_expect_eq(answers.bytes, 10);
    cr_expect_eq(answers.expired, 3);
    cr_expect_eq(answers.unfinished, 1);
    cr_expect(is_there(A) && is_there(A ".part") && is_there("letter.txt"));
    cr_expect_not(is_there(B) || is_there(C) || is_there(B ".part"));
}

Test(transcript_folder, finds_by_the_beginning_of_an_id)
{
    const struct cm_answer_file *file;
    cr_assert_eq(open_it(), CM_OK);
    put(A, 10, 1000);
    put(B, 10, 2000);
    put(C, 10, 3000);
    cr_assert_eq(open_it(), CM_OK);
    cr_assert_eq(cm_answers_find(&file, &answers, "bbbb", &error), CM_OK);
    cr_expect_str_eq(file->id, C);
    cr_assert_eq(cm_answers_find(&file, &answers, A, &error), CM_OK);
    cr_expect_str_eq(file->id, A);
    cr_expect_eq(cm_answers_find(&file, &answers, "aaaa", &error), CM_INVALID, "two");
    cr_expect_eq(cm_answers_find(&file, &answers, "bbb", &error), CM_INVALID, "too short");
    cr_expect_eq(cm_answers_find(&file, &answers, "../answers", &error), CM_INVALID);
    cr_expect_eq(cm_answers_find(&file, &answers, "cccc", &error), CM_NOT_FOUND);
}

Test(transcript_folder, makes_room_by_the_oldest)
{
    size_t removed;
    struct cm_answer_file file = {.id = C, .kept_ms = now_ms, .size = 10};
    cr_assert_eq(open_it(), CM_OK);
    put(A, CM_MAX_ANSWER_BYTES / 2, 2000);
    put(B, CM_MAX_ANSWER_BYTES / 2 - 10, 1000);
    cr_assert_eq(open_it(), CM_OK);
    cr_assert_eq(cm_answers_add(&answers, &file, &removed, &error), CM_OK);
    cr_expect_eq(removed, 0, "it just fits");
    cr_assert_eq(cm_answers_add(&answers, &file, &removed, &error), CM_OK);
    cr_expect_eq(removed, 1);
    cr_expect_not(is_there(A));
    cr_expect(is_there(B));
    cr_expect_eq(answers.bytes, CM_MAX_ANSWER_BYTES / 2 + 10);
}

Test(transcript_folder, bounds_their_number)
{
    size_t removed;
    struct cm_answer_file file = {.kept_ms = now_ms, .size = 1};
    cr_assert_eq(open_it(), CM_OK);
    for (unsigned i = 0; i < CM_MAX_ANSWERS; i++) {
        snprintf(file.id, sizeof file.id, "%032x", i);
        cr_assert_eq(cm_answers_add(&answers, &file, &removed, &error), CM_OK);
        cr_assert_eq(removed, 0);
    }
    cr_assert_eq(cm_answers_add(&answers, &file, &removed, &error), CM_OK);
    cr_expect_eq(removed, 1);
    cr_expect_eq(answers.count, CM_MAX_ANSWERS);
}
