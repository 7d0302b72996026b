#include "proto/ledger/cli/keeper.h"

#include "made.h"

#include "proto/base/file.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct pki *pki;
static struct made made;
static char data[96], to[112];

static void run(const char *format, const char *path)
{
    char command[512];
    snprintf(command, sizeof command, format, path, path, path);
    cr_assert_eq(system(command), 0, "%s", command);
}

// A node's data folder, with its detections and its key in it.
static void begin(void)
{
    cr_redirect_stdout();
    pki = made_federation();
    made_open(&made, pki, NORTHPORT);
    made_asked(&made, &(struct made_question){.plate = "7XYZ987"});
    made_checkpoint(&made);
    made_write(&made);
    snprintf(data, sizeof data, "%s/data", made.folder);
    snprintf(to, sizeof to, "%s/copy", made.folder);
    run("mkdir %s && cp -r %s/../log %s/", data);
    run("mkdir %s/ledger && mv %s/log %s/ledger/", data);
    run("echo rows >%s/rows.db && echo wal >%s/rows.db-wal && echo key >%s/node.key", data);
}

static void end(void)
{
    made_close(&made);
    pki_free(pki);
}

TestSuite(keeper, .init = begin, .fini = end);

static const char *database;

static enum cm_status copy(const char *from, const char *into, struct cm_error *error)
{
    return access(from, F_OK) == 0 ? cm_file_write(into, cm_bytes_of("one moment"), 0600, error)
                                   : CM_NOT_FOUND;
}

static int backup(const char *folder, const char *store, const char *key)
{
    const struct cm_keeper keeper = {
        .data = folder, .store = store, .key = key, .database = database, .copy = copy};
    const struct cm_cli_args args = {.word_count = 1, .words = {to}};
    return cm_keeper_backup(&keeper, &args);
}

Test(keeper, leaves_detections_and_key_out_however_their_paths_are_written)
{
    char folder[112], store[128], key[128];
    snprintf(folder, sizeof folder, "%s/", data);
    snprintf(store, sizeof store, "%s/./rows.db", data);
    snprintf(key, sizeof key, "%s//node.key", data);
    cr_assert_eq(backup(folder, store, key), CM_EXIT_OK);
    run("test -e %s/complete && test -e %s/ledger/log", to);
    run("test ! -e %s/rows.db && test ! -e %s/rows.db-wal", to);
    run("test ! -e %s/node.key", to);
}

Test(keeper, copies_no_folder_into_itself)
{
    cr_redirect_stderr();
    snprintf(to, sizeof to, "%s/copy", data);
    cr_assert_eq(backup(data, NULL, NULL), CM_EXIT_FAILED);
    run("test -z \"$(ls -A %s)\"", to);
}

Test(keeper, copies_a_database_as_of_one_moment)
{
    char path[160];
    snprintf(path, sizeof path, "%s/kept/./used.db", data);
    database = path;
    run("mkdir %s/kept && echo half >%s/kept/used.db && echo a page >%s/kept/used.db-wal", data);
    cr_assert_eq(backup(data, NULL, NULL), CM_EXIT_OK);
    run("test \"$(cat %s/kept/used.db)\" = 'one moment' && test ! -e %s/kept/used.db-wal", to);
    run("test -e %s/complete", to);
}

Test(keeper, a_database_that_is_elsewhere_or_not_there_is_not_copied)
{
    char path[160];
    snprintf(path, sizeof path, "%s/used.db", data);
    database = path;
    cr_assert_eq(backup(data, NULL, NULL), CM_EXIT_OK);
    run("test -e %s/complete && test ! -e %s/used.db", to);
    run("rm -r %s", to);
    run("echo whole >%s/../used.db", data);
    snprintf(path, sizeof path, "%s/../used.db", data);
    cr_assert_eq(backup(data, NULL, NULL), CM_EXIT_OK);
    run("test -e %s/complete && test ! -e %s/used.db", to);
}
