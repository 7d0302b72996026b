#include "made.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static struct pki *pki;
static struct made made;

static void begin(void)
{
    pki = made_federation();
    made_open(&made, pki, NORTHPORT);
}

static void end(void)
{
    made_close(&made);
    pki_free(pki);
}

TestSuite(ledger_folder, .init = begin, .fini = end);

static const struct cm_audit_record *next(struct cm_ledger_folder *folder)
{
    const struct cm_audit_record *record;
    struct cm_error error = {.text = ""};
    cr_assert_eq(cm_ledger_folder_next(&record, folder, &error), CM_OK, "%s: %s", error.where,
                 error.text);
    return record;
}

static void put_start(void)
{
    made_add(&made, &(struct cm_entry){.kind = CM_ENTRY_START, .text = "0.1.0", .digest.b = {1}},
             NULL);
}

Test(ledger_folder, gives_entries_with_their_clear_values)
{
    put_start();
    made_asked(&made, &(struct made_question){.plate = "7XYZ987", .reason = "seen near a fire"});
    struct cm_ledger_folder *folder = made_folder(&made);
    const struct cm_audit_record *record = next(folder);
    cr_assert_not_null(record);
    cr_expect_eq(record->index, 0);
    cr_expect_eq(record->clear, CM_CLEAR_NONE);
    cr_expect_eq(record->checkpoint.size, 2);
    record = next(folder);
    cr_assert_eq(record->clear, CM_CLEAR_OPEN, "%s", record->why.text);
    cr_expect_eq(record->asked, CM_FAMILY_QUERY);
    cr_expect_str_eq(record->query.plate.plate, "7XYZ987");
    cr_expect_str_eq(record->query.reason, "seen near a fire");
    cr_expect_null(next(folder));
    cr_assert_eq(cm_ledger_folder_rewind(folder, NULL), CM_OK);
    cr_expect_eq(next(folder)->entry.kind, CM_ENTRY_START);
    cm_ledger_folder_close(folder);
}

Test(ledger_folder, a_chain_written_once_is_there_for_all)
{
    for (unsigned i = 0; i < 5; i++) {
        made_asked(&made, &(struct made_question){.person = i % 2 ? "lee" : "kim"});
    }
    struct cm_ledger_folder *folder = made_folder(&made);
    const struct cm_audit_record *record;
    for (unsigned i = 0; (record = next(folder)); i++) {
        const struct cm_signature *signature = &record->access.question.signatures[0];
        cr_expect_eq(record->access.chain_elsewhere, i >= 2);
        cr_assert_eq(record->clear, CM_CLEAR_OPEN);
        cr_assert_gt(signature->chain_count, 0);
        const struct pki_identity *signer =
            pki_identity(pki, NORTHPORT, CM_ROLE_INVESTIGATOR, i % 2 ? "lee" : "kim");
        cr_expect(cm_bytes_equal(signature->chain[0], signer->chain[0]));
    }
    cm_ledger_folder_close(folder);
}

Test(ledger_folder, erased_and_missing_keys_are_told_apart)
{
    const int64_t day_ms = CM_DAY_LENGTH_MS;
    for (int64_t ago = 2; ago >= 0; ago--) {
        made.now_ms = pki->now_ms - ago * day_ms;
        made_asked(&made, &(struct made_question){0});
    }
    const uint32_t today = cm_day_of(pki->now_ms);
    char path[128], date[CM_DAY_TEXT];
    cr_assert_eq(cm_day_keys_erase(made.keys, today - 1, NULL, NULL), CM_OK);
    cm_day_format(date, today - 1);
    snprintf(path, sizeof path, "%s/keys/%s", made.folder, date);
    cr_assert_eq(unlink(path), 0);
    struct cm_ledger_folder *folder = made_folder(&made);
    const struct cm_audit_record *record = next(folder);
    cr_expect_eq(record->clear, CM_CLEAR_ERASED);
    cr_expect(strstr(record->why.text, "was erased"));
    cr_expect_eq(record->asked, CM_FAMILY_NONE);
    record = next(folder);
    cr_expect_eq(record->clear, CM_CLEAR_NO_KEY);
    record = next(folder);
    cr_expect_eq(record->clear, CM_CLEAR_OPEN);
    cm_ledger_folder_close(folder);
}

// What a keeper with the day's key could write beside an entry.
static void expect_damaged(struct cm_access *access, const struct cm_entry *entry,
                           const char *where)
{
    made_add(&made, entry, access);
    struct cm_ledger_folder *folder = made_folder(&made);
    const struct cm_audit_record *record = next(folder);
    cr_expect_eq(record->clear, CM_CLEAR_DAMAGED);
    cr_expect_str_eq(record->why.where, where, "%s: %s", record->why.where, record->why.text);
    cm_ledger_folder_close(folder);
}

Test(ledger_folder, another_question_beside_an_entry_is_damage)
{
    struct cm_query query = made_query(&made, &(struct made_question){0});
    const struct cm_envelope asked = made_sign(&made, &query);
    struct cm_entry entry = made_entry(&asked, CM_ENTRY_NODE);
    query.reason = "a reason that reads better";
    struct cm_access access = {.question = made_sign(&made, &query), .person = "", .text = ""};
    expect_damaged(&access, &entry, "question");
}

Test(ledger_folder, other_commitments_are_damage)
{
    const struct cm_query query = made_query(&made, &(struct made_question){0});
    struct cm_access access = {.question = made_sign(&made, &query), .person = "", .text = ""};
    struct cm_entry entry = made_entry(&access.question, CM_ENTRY_NODE);
    entry.commitments.reason.b[0] ^= 1;
    expect_damaged(&access, &entry, "reason");
}

Test(ledger_folder, a_chain_that_is_not_where_it_should_be_is_damage)
{
    const struct cm_query query = made_query(&made, &(struct made_question){0});
    struct cm_access access = {.question = made_sign(&made, &query), .person = "", .text = ""};
    const struct cm_entry entry = made_entry(&access.question, CM_ENTRY_NODE);
    access.question.signatures[0].chain_count = 0;
    access.chain_elsewhere = true;
    access.chain_at = 0;
    expect_damaged(&access, &entry, "question");
}

Test(ledger_folder, damage_ends_the_reading_and_says_where)
{
    struct cm_error error = {.text = ""};
    const struct cm_audit_record *record;
    struct cm_ledger_folder *folder;
    put_start();
    made_asked(&made, &(struct made_question){0});
    made_checkpoint(&made);
    made.log.data[made.log.len / 2] ^= 1;
    made_write(&made);
    cr_assert_eq(cm_ledger_folder_open(&folder, made.folder, NULL, &error), CM_OK);
    cr_expect_eq(cm_ledger_folder_next(&record, folder, &error), CM_INVALID);
    cr_expect(strstr(error.text, "at byte"), "%s", error.text);
    cm_ledger_folder_close(folder);
}

Test(ledger_folder, a_data_folder_is_taken_for_its_ledger)
{
    char data[80], below[96];
    struct cm_error error = {.text = ""};
    struct cm_ledger_folder *folder;
    put_start();
    made_checkpoint(&made);
    made_write(&made);
    snprintf(data, sizeof data, "%s.data", made.folder);
    snprintf(below, sizeof below, "%s/ledger", data);
    cr_assert_eq(mkdir(data, 0700), 0);
    cr_assert_eq(symlink(made.folder, below), 0);
    cr_assert_eq(cm_ledger_folder_open(&folder, data, NULL, &error), CM_OK, "%s", error.text);
    cr_expect_str_eq(cm_ledger_folder_path(folder), below);
    cm_ledger_folder_close(folder);
    unlink(below);
    cr_expect_eq(cm_ledger_folder_open(&folder, data, NULL, &error), CM_NOT_FOUND);
    rmdir(data);
}

Test(ledger_folder, of_a_ledger_in_use_only_its_daemon_gives_anything)
{
    char path[96];
    struct cm_error error = {.text = ""};
    struct cm_ledger_folder *folder;
    put_start();
    made_checkpoint(&made);
    made_write(&made);
    snprintf(path, sizeof path, "%s/log", made.folder);
    const int daemon = open(path, O_RDWR | O_CLOEXEC);
    cr_assert_eq(flock(daemon, LOCK_EX | LOCK_NB), 0);
    cr_expect_eq(cm_ledger_folder_open(&folder, made.folder, NULL, &error), CM_UNAVAILABLE);
    cr_expect(strstr(error.hint, "--chain"));
    close(daemon);
    cr_assert_eq(cm_ledger_folder_open(&folder, made.folder, NULL, &error), CM_OK);
    const int again = open(path, O_RDWR | O_CLOEXEC);
    cr_expect_eq(flock(again, LOCK_EX | LOCK_NB), 0, "readers keep no daemon from starting");
    close(again);
    cm_ledger_folder_close(folder);
}

// Of a folder that somebody sent: its reader neither waits for ever nor reads files of its own.
Test(ledger_folder, pipes_and_links_beside_the_log_are_refused)
{
    static const char *const names[] = {"vkey", "cosigned", "cosigners.pem", "behind", "epoch"};
    char path[128];
    struct cm_ledger_folder *folder;
    put_start();
    made_checkpoint(&made);
    made_write(&made);
    for (size_t i = 0; i < 2 * sizeof names / sizeof *names; i++) {
        struct cm_error error = {.text = ""};
        snprintf(path, sizeof path, "%s/%s", made.folder, names[i / 2]);
        cr_assert_eq(i % 2 ? mkfifo(path, 0600) : symlink("/etc/passwd", path), 0);
        cr_expect_eq(cm_ledger_folder_open(&folder, made.folder, NULL, &error), CM_INVALID);
        cr_expect_str_eq(error.where, path);
        cr_assert_eq(unlink(path), 0);
    }
    snprintf(path, sizeof path, "%s/keys/2020-01-01", made.folder);
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_expect_eq(cm_ledger_folder_open(&folder, made.folder, NULL, NULL), CM_IO);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(cm_ledger_folder_open(&folder, made.folder, NULL, NULL), CM_OK);
    cm_ledger_folder_close(folder);
}

Test(ledger_folder, nothing_in_it_changes)
{
    struct stat before[3], after[3];
    char paths[3][96];
    char date[CM_DAY_TEXT];
    made_asked(&made, &(struct made_question){0});
    made_checkpoint(&made);
    made_write(&made);
    cm_day_format(date, cm_day_of(pki->now_ms));
    snprintf(paths[0], sizeof paths[0], "%s", made.folder);
    snprintf(paths[1], sizeof paths[1], "%s/log", made.folder);
    snprintf(paths[2], sizeof paths[2], "%s/keys/%s", made.folder, date);
    for (size_t i = 0; i < 3; i++) {
        // Older than the last change: then a read would leave an access time.
        const struct timespec old[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
        cr_assert_eq(utimensat(AT_FDCWD, paths[i], old, 0), 0);
        cr_assert_eq(chmod(paths[i], i == 0 ? 0500 : 0400), 0);
        cr_assert_eq(stat(paths[i], &before[i]), 0);
    }
    struct cm_ledger_folder *folder;
    cr_assert_eq(cm_ledger_folder_open(&folder, made.folder, NULL, NULL), CM_OK);
    while (next(folder)) {
        ;
    }
    cm_ledger_folder_close(folder);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(stat(paths[i], &after[i]), 0);
        cr_expect_eq(before[i].st_mtim.tv_sec, after[i].st_mtim.tv_sec);
        cr_expect_eq(before[i].st_ctim.tv_nsec, after[i].st_ctim.tv_nsec);
    }
    cr_expect_eq(before[1].st_atim.tv_sec, after[1].st_atim.tv_sec);
    cr_assert_eq(chmod(made.folder, 0700), 0);
}
