#include "nodes/journal.h"

#include "proto/base/file.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[64], path[128];

static void set_up(void)
{
    snprintf(folder, sizeof folder, "/tmp/comity-journal-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/" CM_JOURNAL_FILE, folder);
}

static void tear_down(void)
{
    char recorded[160];
    snprintf(recorded, sizeof recorded, "%s.recorded", path);
    unlink(recorded);
    unlink(path);
    rmdir(folder);
}

TestSuite(journal, .init = set_up, .fini = tear_down);

static void append(const char *text)
{
    const int fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

Test(journal, gives_back_what_was_said_in_order)
{
    struct cm_journal_line first, second, none;
    uint64_t at = 0;
    cr_assert_eq(cm_journal_add(folder, "share off", "ana", "a \"reason\"", 7000, NULL), CM_OK);
    cr_assert_eq(cm_journal_add(folder, "share off", "ana", "a \"reason\"", 7000, NULL), CM_OK);
    cr_assert_eq(cm_journal_next(&first, folder, &at, NULL), CM_OK);
    cr_expect_str_eq(first.what, "share off");
    cr_expect_str_eq(first.by, "ana");
    cr_expect_str_eq(first.reason, "a \"reason\"");
    cr_expect_eq(first.at_ms, 7000);
    cr_assert_eq(cm_journal_next(&second, folder, &at, NULL), CM_OK);
    cr_expect_not(cm_digest_equal(&first.commitment, &second.commitment),
                  "who guesses a reason must not find it in the ledger");
    cr_expect_eq(cm_journal_next(&none, folder, &at, NULL), CM_NOT_FOUND);
}

Test(journal, waits_for_the_rest_of_a_line_and_passes_over_damage)
{
    struct cm_journal_line line;
    uint64_t at = 0;
    append("not what this program writes\n{\"what\":\"half");
    cr_assert_eq(cm_journal_next(&line, folder, &at, NULL), CM_OK);
    cr_expect_str_eq(line.what, "");
    cr_expect_eq(cm_journal_next(&line, folder, &at, NULL), CM_NOT_FOUND);
    append("\n");
    cr_assert_eq(cm_journal_next(&line, folder, &at, NULL), CM_OK);
    cr_expect_str_eq(line.what, "");
}

Test(journal, remembers_how_far_it_was_recorded)
{
    struct cm_journal_place place = {.entries = 99};
    const struct cm_journal_place said = {.line.b = {1, 2, 3}, .entries = UINT64_MAX};
    cr_assert_eq(cm_journal_recorded(&place, folder, NULL), CM_NOT_FOUND);
    cr_assert_eq(cm_journal_set_recorded(folder, &said, NULL), CM_OK);
    cr_assert_eq(cm_journal_recorded(&place, folder, NULL), CM_OK);
    cr_expect(cm_digest_equal(&place.line, &said.line));
    cr_expect_eq(place.entries, said.entries);
}

Test(journal, a_damaged_place_is_told)
{
    struct cm_journal_place place;
    char recorded[160];
    snprintf(recorded, sizeof recorded, "%s.recorded", path);
    cr_assert_eq(cm_file_write(recorded, cm_bytes_of("abc 7\n"), 0600, NULL), CM_OK);
    cr_expect_eq(cm_journal_recorded(&place, folder, NULL), CM_INVALID);
}

Test(journal, finds_a_line_again_damaged_or_not)
{
    struct cm_journal_line lines[3];
    uint64_t ends[3], at = 0, found;
    cr_assert_eq(cm_journal_add(folder, "share off", "ana", "why", 7000, NULL), CM_OK);
    append("{\"what\":\"damaged\n");
    cr_assert_eq(cm_journal_add(folder, "share off", "ana", "why", 7000, NULL), CM_OK);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(cm_journal_next(&lines[i], folder, &at, NULL), CM_OK);
        ends[i] = at;
    }
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(cm_journal_find(&found, folder, &lines[i].digest, NULL), CM_OK);
        cr_expect_eq(found, ends[i]);
    }
    cr_expect_eq(cm_journal_find(&found, folder, &(struct cm_digest){{0}}, NULL), CM_NOT_FOUND);
    cr_expect_eq(found, 0);
}

Test(journal, old_lines_go_for_good_once_they_are_recorded)
{
    struct cm_journal_line line;
    uint64_t end = 0, recorded = 0, at = 0;
    cr_assert_eq(cm_journal_add(folder, "share off", "ana", "an old story", 7000, NULL), CM_OK);
    cr_assert_eq(cm_journal_add(folder, "share on", "ben", "a new one", 9000, NULL), CM_OK);
    cr_assert_eq(cm_journal_forget(&recorded, folder, 8000, NULL), CM_UNAVAILABLE);
    while (cm_journal_next(&line, folder, &end, NULL) == CM_OK) {
        ;
    }
    recorded = end;
    cr_assert_eq(cm_journal_forget(&recorded, folder, 8000, NULL), CM_OK);
    cr_assert_lt(recorded, end);
    cr_assert_eq(cm_journal_next(&line, folder, &at, NULL), CM_OK);
    cr_expect_str_eq(line.by, "ben");
    cr_expect_eq(at, recorded, "nothing is recorded twice, nothing passed over");
    cr_expect_eq(cm_journal_next(&line, folder, &at, NULL), CM_NOT_FOUND);
    cr_assert_eq(cm_journal_add(folder, "attach", "ben", "the next", 9001, NULL), CM_OK);
    cr_assert_eq(cm_journal_next(&line, folder, &at, NULL), CM_OK);
    cr_expect_str_eq(line.what, "attach");
}

// The clock was set back in between: what is left must end as it did.
Test(journal, of_what_goes_none_is_left_before_a_line_that_stays)
{
    struct cm_journal_line line;
    uint64_t recorded = 0, at = 0;
    static const int64_t times[] = {9000, 7000, 9001};
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(cm_journal_add(folder, "attach", "ana", "why", times[i], NULL), CM_OK);
        cr_assert_eq(cm_journal_next(&line, folder, &recorded, NULL), CM_OK);
    }
    cr_assert_eq(cm_journal_forget(&recorded, folder, 8000, NULL), CM_OK);
    cr_assert_eq(cm_journal_next(&line, folder, &at, NULL), CM_OK);
    cr_expect_eq(line.at_ms, 9001);
    cr_expect_eq(at, recorded);
}
