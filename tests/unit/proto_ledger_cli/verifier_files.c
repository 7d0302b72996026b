#include "proto/ledger/cli/verifier.h"

#include "made.h"
#include "proto/base/file.h"
#include "proto/ledger/epoch.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// A ledger that was restored once: its first epoch, then one that an administrator began.
static struct pki *pki;
static struct made made;
static struct cm_checkpoint restored, cosigned;
static struct cm_epoch_statement statement;
static enum cm_role signer_role;

static void begin(void)
{
    pki = made_federation();
    made_open(&made, pki, NORTHPORT);
    signer_role = CM_ROLE_ADMIN;
}

static void end(void)
{
    made_close(&made);
    pki_free(pki);
}

TestSuite(verifier_files, .init = begin, .fini = end);

static void move(const char *name)
{
    char from[160], to[160];
    snprintf(from, sizeof from, "%s/%s", made.folder, name);
    snprintf(to, sizeof to, "%s/epochs/1/%s", made.folder, name);
    cr_assert_eq(rename(from, to), 0);
}

static void make_first(void)
{
    char path[128];
    made_asked(&made, &(struct made_question){0});
    made_checkpoint(&made);
    made_write(&made);
    made_publish(&made);
    restored = (struct cm_checkpoint){.size = made.frontier.size};
    cm_frontier_root(&restored.root, &made.frontier);
    statement =
        (struct cm_epoch_statement){.origin = cm_arena_string(made.arena, cm_bytes_of(made.origin)),
                                    .epoch = 2,
                                    .restored_size = restored.size,
                                    .restored_root = restored.root,
                                    .signed_ms = pki->now_ms - 1000,
                                    .why = "the disk failed"};
    snprintf(path, sizeof path, "%s/epochs", made.folder);
    cr_assert_eq(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/epochs/1", made.folder);
    cr_assert_eq(mkdir(path, 0700), 0);
    move("log");
    move("tile");
    move("checkpoint");
    move("vkey");
    made.log.len = CM_LOG_MAGIC_SIZE;
    made.frontier = (struct cm_frontier){.size = 0};
    cm_chain_places_free(made.places);
    made.places = cm_chain_places_new(4);
    strcat(made.origin, "/epoch/2");
}

static void make_second(const struct cm_entry *change)
{
    char path[128];
    struct cm_buf payload = {0}, bytes = {0};
    struct cm_envelope envelope;
    cr_assert_eq(cm_epoch_statement_encode(&payload, &statement), CM_OK);
    pki_sign(&envelope, made.arena, CM_FAMILY_EPOCH, cm_buf_bytes(&payload),
             pki_identity(pki, NORTHPORT, signer_role, "max")->signer);
    cr_assert_eq(cm_envelope_encode(&bytes, &envelope), CM_OK);
    snprintf(path, sizeof path, "%s/epoch", made.folder);
    cr_assert_eq(cm_file_write(path, cm_buf_bytes(&bytes), 0600, NULL), CM_OK);
    struct cm_entry entry = {.kind = CM_ENTRY_EPOCH,
                             .sequence = 2,
                             .old_size = restored.size,
                             .old_root = restored.root,
                             .new_size = cosigned.size,
                             .new_root = cosigned.root};
    cm_sha256_of(&entry.digest, cm_buf_bytes(&payload));
    made_add(&made, change ? change : &entry, NULL);
    made_asked(&made, &(struct made_question){.plate = "7XYZ987"});
    made_checkpoint(&made);
    made_write(&made);
    made_publish(&made);
    cm_buf_clear(&payload);
    cm_buf_clear(&bytes);
}

static char first[640];

static void tell(void *context, const struct cm_problem *problem)
{
    (void)context;
    if (first[0] == '\0') {
        snprintf(first, sizeof first, "%s: %s", problem->where, problem->text);
    }
}

static struct cm_verified verify(bool by_directory)
{
    struct cm_verified out = {.problems = 0};
    struct cm_ledger_folder *folder;
    struct cm_error error = {.text = ""};
    struct cm_trust *trust = pki_trust(pki);
    const struct cm_verifier_options options = {
        .trusts = &trust, .trust_count = by_directory ? 1 : 0, .problem = tell};
    first[0] = '\0';
    cr_assert_eq(cm_ledger_folder_open(&folder, made.folder, NULL, &error), CM_OK, "%s",
                 error.text);
    cr_assert_eq(cm_verify(&out, folder, &options, &error), CM_OK, "%s: %s", error.where,
                 error.text);
    cm_ledger_folder_close(folder);
    cm_trust_unref(trust);
    return out;
}

static void expect_problem(const char *text)
{
    const struct cm_verified v = verify(true);
    cr_expect_gt(v.problems, 0);
    cr_expect(strstr(first, text), "said \"%s\", not \"%s\"", first, text);
}

Test(verifier_files, two_epochs_verify_as_one_ledger)
{
    make_first();
    make_second(NULL);
    struct cm_verified v = verify(false);
    cr_expect_eq(v.problems, 0, "%s", first);
    cr_expect_eq(v.epochs, 2);
    cr_expect_eq(v.entries, 3);
    cr_expect_eq(v.head.size, 2);
    cr_expect_eq(v.clear[CM_CLEAR_OPEN], 2);
    v = verify(true);
    cr_expect_eq(v.problems, 0, "%s", first);
}

// A witness had signed a larger tree than the backup held: what is lost is said, and is no fault.
Test(verifier_files, a_gap_that_was_stated_is_counted)
{
    struct cm_buf note = {0};
    struct cm_checkpoint seen = {.size = 7, .root.b = {1}};
    make_first();
    snprintf(seen.origin, sizeof seen.origin, "%s", statement.origin);
    cr_assert_eq(cm_checkpoint_sign(&note, &seen, made.signer), CM_OK);
    statement.cosigned = cm_buf_bytes(&note);
    cosigned = seen;
    make_second(NULL);
    const struct cm_verified v = verify(true);
    cr_expect_eq(v.problems, 0, "%s", first);
    cr_expect_eq(v.lost, 6);
    cm_buf_clear(&note);
}

Test(verifier_files, a_statement_of_nobody_who_may_is_found)
{
    make_first();
    signer_role = CM_ROLE_INVESTIGATOR;
    make_second(NULL);
    expect_problem("");
}

Test(verifier_files, an_epoch_on_another_log_than_it_says_is_found)
{
    make_first();
    restored.root.b[0] ^= 1;
    make_second(NULL);
    expect_problem("names another log than the one before it");
}

Test(verifier_files, a_statement_that_says_less_than_was_there_is_found)
{
    make_first();
    statement.restored_size = 0;
    statement.restored_root = (struct cm_digest){.b = {0}};
    make_second(NULL);
    expect_problem("is not what the statement says");
}

Test(verifier_files, an_epoch_without_its_statement_is_found)
{
    char path[128];
    make_first();
    make_second(NULL);
    snprintf(path, sizeof path, "%s/epoch", made.folder);
    cr_assert_eq(unlink(path), 0);
    expect_problem("statement");
}

Test(verifier_files, a_second_epoch_begins_with_an_epochs_entry)
{
    const struct cm_entry start = {.kind = CM_ENTRY_START, .text = "0.1.0", .digest.b = {1}};
    make_first();
    make_second(&start);
    expect_problem("begin");
}

Test(verifier_files, the_first_epochs_log_is_looked_at_too)
{
    char path[128];
    struct cm_buf log = {0};
    make_first();
    make_second(NULL);
    snprintf(path, sizeof path, "%s/epochs/1/log", made.folder);
    cr_assert_eq(cm_file_read(&log, path, 1 << 20, NULL), CM_OK);
    log.data[log.len / 2] ^= 1;
    cr_assert_eq(cm_file_write(path, cm_buf_bytes(&log), 0600, NULL), CM_OK);
    cm_buf_clear(&log);
    expect_problem("at byte");
}
