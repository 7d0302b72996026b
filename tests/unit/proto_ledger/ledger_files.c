#include "proto/ledger/ledger_files.h"

#include "fixture.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum cm_status open_files(const char *folder)
{
    struct cm_ledger_files files;
    const enum cm_status status = cm_ledger_files_open(&files, folder, NULL);
    cr_expect_eq(files.log >= 0, status == CM_OK);
    cm_ledger_files_close(&files);
    return status;
}

Test(ledger_files, one_at_a_time)
{
    struct fixture f;
    struct cm_ledger_files files;
    char folder[96];
    fixture_open(&f);
    snprintf(folder, sizeof folder, "%s/new", f.folder);
    cr_assert_eq(cm_ledger_files_open(&files, folder, NULL), CM_OK);
    struct stat facts;
    cr_assert_eq(stat(folder, &facts), 0);
    cr_expect_eq(facts.st_mode & 0777, 0700);
    cr_expect_eq(open_files(folder), CM_UNAVAILABLE);
    cm_ledger_files_close(&files);
    cr_expect_eq(open_files(folder), CM_OK);
    fixture_close(&f);
}

Test(ledger_files, a_log_whose_making_was_cut_off_is_begun_again)
{
    struct fixture f;
    fixture_open(&f);
    for (size_t len = 0; len <= CM_LOG_MAGIC_SIZE; len++) {
        fixture_write(f.log, (const uint8_t *)CM_LOG_MAGIC, len);
        cr_assert_eq(open_files(f.folder), CM_OK);
        struct cm_buf log = fixture_read(f.log);
        cr_expect(cm_bytes_equal(cm_buf_bytes(&log), cm_bytes_of(CM_LOG_MAGIC)));
        cm_buf_clear(&log);
    }
    // What is none stays what it is.
    fixture_write(f.log, (const uint8_t *)"other", 5);
    cr_assert_eq(open_files(f.folder), CM_OK);
    struct cm_buf log = fixture_read(f.log);
    cr_expect(cm_bytes_equal(cm_buf_bytes(&log), cm_bytes_of("other")));
    cm_buf_clear(&log);
    fixture_close(&f);
}

Test(ledger_files, the_log_is_no_link)
{
    struct fixture f;
    char path[96];
    fixture_open(&f);
    snprintf(path, sizeof path, "%s/elsewhere", f.folder);
    fixture_write(path, NULL, 0);
    cr_assert_eq(symlink(path, f.log), 0);
    cr_expect_eq(open_files(f.folder), CM_IO);
    fixture_close(&f);
}

Test(ledger_files, the_verifier_key_is_written_once)
{
    struct fixture f;
    struct cm_ledger_files files;
    struct cm_signer *other;
    fixture_open(&f);
    other = fixture_signer(&f, FIXTURE_SPIFFE);
    cr_assert_eq(cm_ledger_files_open(&files, f.folder, NULL), CM_OK);
    for (unsigned i = 0; i < 2; i++) {
        cr_expect_eq(
            cm_ledger_files_vkey(&files, f.folder, FIXTURE_ORIGIN, cm_signer_spki(f.signer), NULL),
            CM_OK);
    }
    cr_expect_eq(
        cm_ledger_files_vkey(&files, f.folder, FIXTURE_ORIGIN, cm_signer_spki(other), NULL),
        CM_INVALID);
    cr_expect_eq(cm_ledger_files_vkey(&files, f.folder, "another", cm_signer_spki(f.signer), NULL),
                 CM_INVALID);
    cm_ledger_files_close(&files);
    cm_signer_unref(other);
    fixture_close(&f);
}
