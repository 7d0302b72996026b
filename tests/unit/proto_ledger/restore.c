#include "proto/ledger/restore.h"

#include "proto/base/file.h"
#include "proto/base/log.h"
#include "proto/ledger/backup.h"

#include "fixture.h"
#include "tests/support/pki.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

// A gateway's data folder, whose ledger is in "ledger" below the fixture's.
struct world {
    struct fixture fixture;
    struct pki *pki;
    struct cm_signer *signer, *operator;
    char data[80], folder[96];
};

static void run(const char *format, const struct world *w)
{
    char command[512];
    snprintf(command, sizeof command, format, w->data, w->data, w->data, w->data);
    cr_assert_eq(system(command), 0, "%s", command);
}

static struct cm_ledger *open_ledger(struct world *w, uint64_t epoch)
{
    struct cm_ledger *ledger;
    struct cm_error error = {.text = ""};
    struct cm_ledger_options options = fixture_options(&w->fixture);
    options.folder = w->folder;
    options.signer = w->signer;
    options.epoch = epoch;
    cr_assert_eq(cm_ledger_open(&ledger, &options, &error), CM_OK, "%s", error.text);
    return ledger;
}

static void close_ledger(struct world *w, struct cm_ledger *ledger)
{
    cm_ledger_close(ledger);
    pump_drain(&w->fixture.pump);
}

// Entries of their own each time; the head after them.
static void record(struct world *w, uint64_t epoch, unsigned count, struct cm_buf *note)
{
    static unsigned nth;
    struct cm_ledger *ledger = open_ledger(w, epoch);
    for (unsigned i = 0; i < count; i++) {
        char text[32];
        struct one one;
        snprintf(text, sizeof text, "entry %u", nth++);
        cr_assert_eq(fixture_append(&w->fixture, ledger, &one, text), CM_OK);
        cm_tree_head_unref(one.append.head);
    }
    if (note) {
        const struct cm_bytes head = cm_ledger_head(ledger)->note;
        note->len = 0;
        cr_assert_eq(cm_buf_add(note, head.data, head.len), CM_OK);
    }
    close_ledger(w, ledger);
}

static void set(struct world *w)
{
    *w = (struct world){.pki = pki_new()};
    fixture_open(&w->fixture);
    w->signer = pki_signer(w->pki, "_", CM_ROLE_GATEWAY, "gw-1");
    w->operator= w->pki->directory_signer->signer;
    snprintf(w->data, sizeof w->data, "%s/data", w->fixture.folder);
    snprintf(w->folder, sizeof w->folder, "%s/ledger", w->data);
    cr_assert_eq(mkdir(w->data, 0700), 0);
    cm_log_set_level(CM_LOG_ERROR);
}

static void clear(struct world *w)
{
    run("rm -rf %s", w);
    run("rm -rf %s.old %s.kept %s.copy", w);
    fixture_close(&w->fixture);
    pki_free(w->pki);
}

// Five entries are in the backup, eight were shown; the backup is put back.
static void lose(struct world *w, struct cm_buf *shown)
{
    record(w, 1, 5, NULL);
    run("cp -a %s %s.old", w);
    record(w, 1, 3, shown);
    run("rm -rf %s && cp -a %s.old %s", w);
}

static enum cm_status begin(struct world *w, struct cm_restore *restore)
{
    struct cm_buf envelope = {0};
    struct cm_error error = {.text = ""};
    enum cm_status status = cm_restore_state(&envelope, restore, "the disk failed", w->operator,
                                             w->pki->now_ms, &error);
    if (!status) {
        status =
            cm_restore_begin(restore, cm_buf_bytes(&envelope), w->signer, w->pki->now_ms, &error);
    }
    cm_buf_clear(&envelope);
    return status;
}

// Where what was lost had been shown.
static void begin_second(struct world *w, const struct cm_buf *shown)
{
    struct cm_restore restore;
    struct cm_error error = {.text = ""};
    cr_assert_eq(cm_restore_open(&restore, w->folder, w->signer, cm_buf_bytes(shown), &error),
                 CM_OK, "%s", error.text);
    cr_assert_eq(begin(w, &restore), CM_OK);
    cm_restore_clear(&restore);
}

static enum cm_status submit(void *context, struct cm_job *job)
{
    (void)context;
    job->work(job);
    job->done(job);
    return CM_OK;
}

static bool is_there(const struct world *w, const char *name)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", w->folder, name);
    return access(path, F_OK) == 0;
}

// The second epoch: what it begins with, and that the first is whole beside it.
static void check_second(struct world *w)
{
    struct cm_log_reader *reader;
    struct cm_log_item item = {.type = CM_ITEM_ENTRY};
    struct cm_entry entry;
    struct cm_arena *arena = cm_arena_new((size_t)1 << 20);
    char path[160];
    cr_expect_not(is_there(w, CM_EPOCH_NEXT));
    cr_assert_eq(cm_log_reader_open(&reader, w->folder, "valley.test/gateway/gw-1/epoch/2", NULL),
                 CM_OK);
    cr_assert_eq(cm_log_reader_next(&item, reader, NULL), CM_OK);
    cr_assert_eq(cm_entry_decode(&entry, arena, item.entry, NULL), CM_OK);
    cr_expect(entry.kind == CM_ENTRY_EPOCH && entry.sequence == 2 && entry.old_size == 5 &&
              entry.new_size == 8);
    cm_log_reader_free(reader);
    snprintf(path, sizeof path, "%s/epochs/1", w->folder);
    cr_assert_eq(cm_log_reader_open(&reader, path, "valley.test/gateway/gw-1", NULL), CM_OK);
    do {
        cr_assert_eq(cm_log_reader_next(&item, reader, NULL), CM_OK);
    } while (item.type != CM_ITEM_END);
    cr_expect_eq(cm_log_reader_state(reader)->checkpoint.size, 5);
    cm_log_reader_free(reader);
    cm_arena_free(arena);
}

Test(restore, goes_on_as_a_new_epoch)
{
    struct world w;
    struct cm_buf shown = {0};
    struct cm_restore restore;
    struct cm_error error;
    set(&w);
    lose(&w, &shown);
    cr_assert_eq(cm_restore_open(&restore, w.folder, w.signer, CM_BYTES_NONE, &error), CM_STALE);
    cr_assert_eq(cm_restore_open(&restore, w.folder, w.signer, cm_buf_bytes(&shown), &error), CM_OK,
                 "%s", error.text);
    cr_expect(restore.checkpoint.size == 5 && restore.witnessed.refuted.size == 8);
    cr_assert_eq(begin(&w, &restore), CM_OK);
    cm_restore_clear(&restore);
    check_second(&w);
    // It holds, goes on, and admits what was seen.
    record(&w, 2, 4, NULL);
    struct cm_witnessed witnessed;
    cr_assert_eq(cm_witnessed_open(&witnessed, w.folder, w.signer, NULL, NULL, &error), CM_OK);
    cr_expect_eq(witnessed.epoch, 2);
    struct cm_ledger *ledger = open_ledger(&w, 2);
    cr_expect_eq(cm_witnessed_check(&witnessed, ledger, &error), CM_OK);
    cr_expect_not(cm_witnessed_refuted(&witnessed));
    cr_expect_eq(cm_witnessed_shown(&witnessed, ledger, cm_buf_bytes(&shown), &error), CM_OK);
    close_ledger(&w, ledger);
    cm_witnessed_clear(&witnessed);
    cm_buf_clear(&shown);
    clear(&w);
}

// A witness that was away while the statement was signed saw more than it names.
Test(restore, an_epoch_is_refuted_by_what_its_statement_hides)
{
    struct world w;
    struct cm_buf shown = {0}, later = {0};
    struct cm_witnessed witnessed;
    struct cm_error error;
    set(&w);
    record(&w, 1, 5, NULL);
    run("cp -a %s %s.old", &w);
    record(&w, 1, 3, &shown);
    record(&w, 1, 1, &later);
    run("rm -rf %s && cp -a %s.old %s", &w);
    begin_second(&w, &shown);
    cr_assert_eq(cm_witnessed_open(&witnessed, w.folder, w.signer, submit, NULL, &error), CM_OK);
    struct cm_ledger *ledger = open_ledger(&w, 2);
    cr_assert_eq(cm_witnessed_check(&witnessed, ledger, &error), CM_OK);
    cr_expect_eq(cm_witnessed_shown(&witnessed, ledger, cm_buf_bytes(&shown), &error), CM_OK);
    cr_expect_eq(cm_witnessed_shown(&witnessed, ledger, cm_buf_bytes(&later), &error), CM_STALE);
    cr_expect(cm_witnessed_refuted(&witnessed));
    close_ledger(&w, ledger);
    cm_witnessed_clear(&witnessed);
    cm_buf_clear(&shown);
    cm_buf_clear(&later);
    clear(&w);
}

Test(restore, an_epoch_without_its_first_entry_is_refused)
{
    struct world w;
    struct cm_buf shown = {0};
    struct cm_witnessed witnessed;
    struct cm_error error;
    set(&w);
    lose(&w, &shown);
    begin_second(&w, &shown);
    run("rm %s/ledger/log", &w);
    cr_assert_eq(cm_witnessed_open(&witnessed, w.folder, w.signer, NULL, NULL, &error), CM_OK);
    struct cm_ledger *ledger = open_ledger(&w, 2);
    cr_expect_eq(cm_witnessed_check(&witnessed, ledger, &error), CM_INVALID);
    close_ledger(&w, ledger);
    cm_witnessed_clear(&witnessed);
    cm_buf_clear(&shown);
    clear(&w);
}

// Every way in which a crash may leave the change, by moving each of its steps back.
Test(restore, a_change_that_was_cut_off_is_ended)
{
    static const char *const steps[] = {
        // Nothing moved yet.
        "cd %s/ledger && mkdir next && mv epoch log next/ && mv epochs/1/* . && rm -r epochs",
        // The old ones half away.
        "cd %s/ledger && mkdir next && mv epoch log next/ && mv epochs/1/log .",
        "cd %s/ledger && mkdir next && mv epoch log next/ && mv epochs/1/vkey epochs/1/behind .",
        // All old ones away, none of the new there; then one; then both.
        "cd %s/ledger && mkdir next && mv epoch log next/",
        "cd %s/ledger && mkdir next && mv log next/",
        "cd %s/ledger && mkdir next",
    };
    struct world w;
    struct cm_buf shown = {0};
    struct cm_restore restore;
    struct cm_error error;
    set(&w);
    lose(&w, &shown);
    begin_second(&w, &shown);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        uint64_t epoch;
        struct cm_envelope envelope;
        struct cm_arena *arena = cm_arena_new(CM_EPOCH_ARENA);
        run(steps[i], &w);
        cr_expect_eq(cm_epoch_load(&envelope, &epoch, arena, w.folder, NULL), CM_UNAVAILABLE,
                     "no daemon starts in between");
        cr_assert_eq(cm_restore_open(&restore, w.folder, w.signer, CM_BYTES_NONE, &error), CM_OK,
                     "step %zu: %s", i, error.text);
        cr_expect(restore.cut_off);
        cr_assert_eq(cm_restore_end(&restore, &error), CM_OK, "step %zu: %s", i, error.text);
        cm_restore_clear(&restore);
        check_second(&w);
        cm_arena_free(arena);
    }
    cm_buf_clear(&shown);
    clear(&w);
}

// A backup of an epoch that ended: witnesses hold to the later one.
Test(restore, never_begins_an_epoch_that_witnesses_saw_begin)
{
    struct world w;
    struct cm_buf shown = {0};
    struct cm_restore restore;
    struct cm_error error = {.text = ""};
    set(&w);
    lose(&w, &shown);
    begin_second(&w, &shown);
    record(&w, 2, 2, &shown);
    run("rm -rf %s && cp -a %s.old %s", &w);
    cr_assert_eq(cm_restore_open(&restore, w.folder, w.signer, cm_buf_bytes(&shown), &error),
                 CM_INVALID);
    cr_expect(strstr(error.text, "epoch 2"), "%s", error.text);
    run("rm -rf %s/ledger", &w);
    cr_assert_eq(cm_restore_open(&restore, w.folder, w.signer, cm_buf_bytes(&shown), &error),
                 CM_NOT_FOUND);
    cr_expect_str_neq(error.text, "");
    cm_buf_clear(&shown);
    clear(&w);
}

Test(restore, refuses_what_runs_what_is_damaged_and_lies)
{
    struct world w;
    struct cm_buf shown = {0};
    struct cm_restore restore;
    struct cm_error error;
    set(&w);
    lose(&w, &shown);
    struct cm_ledger *ledger = open_ledger(&w, 1);
    cr_expect_eq(cm_restore_open(&restore, w.folder, w.signer, cm_buf_bytes(&shown), &error),
                 CM_UNAVAILABLE);
    close_ledger(&w, ledger);
    shown.data[shown.len - 3] ^= 1;
    cr_expect_neq(cm_restore_open(&restore, w.folder, w.signer, cm_buf_bytes(&shown), &error),
                  CM_OK, "a checkpoint that this key did not sign");
    shown.data[shown.len - 3] ^= 1;
    run("printf x | dd of=%s/ledger/log bs=1 seek=40 conv=notrunc status=none", &w);
    cr_expect_eq(cm_restore_open(&restore, w.folder, w.signer, cm_buf_bytes(&shown), &error),
                 CM_INVALID);
    cm_buf_clear(&shown);
    clear(&w);
}

Test(restore, backup_holds_the_log_to_its_last_checkpoint_and_never_overwrites)
{
    struct world w;
    struct cm_error error = {.text = ""};
    char to[128];
    set(&w);
    record(&w, 1, 5, NULL);
    run("mkdir -p %s/rules %s/ledger/keys && echo kept >%s/rules/one && echo rows >%s/rows.db", &w);
    run("printf torn >>%s/ledger/log && echo wal >%s/rows.db-wal", &w);
    snprintf(to, sizeof to, "%s.copy", w.data);
    char rows[128];
    snprintf(rows, sizeof rows, "%s/rows.db", w.data);
    struct cm_backup backup = {.data = w.data, .to = to, .left_out = {rows}};
    cr_assert_eq(cm_backup(&backup, &error), CM_OK, "%s: %s", error.where, error.text);
    cr_expect_eq(backup.checkpoint.size, 5);
    cr_expect_eq(cm_backup(&backup, &error), CM_INVALID);
    run("test -e %s.copy/complete && test -e %s.copy/rules/one && test -d %s.copy/ledger/keys && "
        "test ! -e %s.copy/rows.db",
        &w);
    run("test ! -e %s.copy/rows.db-wal && test ! -e %s.copy/ledger/tile", &w);
    // It opens where it is put back.
    run("rm -rf %s && cp -a %s.copy %s", &w);
    struct cm_ledger *ledger = open_ledger(&w, 1);
    cr_expect_eq(cm_ledger_head(ledger)->checkpoint.size, 5);
    close_ledger(&w, ledger);
    clear(&w);
}

// The data folder is itself one that was put back, and its copying fails somewhere.
Test(restore, a_backup_that_broke_off_does_not_say_that_it_is_whole)
{
    struct world w;
    set(&w);
    record(&w, 1, 3, NULL);
    for (unsigned i = 0; i < 8; i++) {
        char broken[128], to[128];
        struct cm_error error = {.text = ""};
        snprintf(broken, sizeof broken, "ln -s /nowhere %%s/link-%u && echo whole >%%s/complete",
                 i);
        run(broken, &w);
        snprintf(to, sizeof to, "%s.copy-%u", w.data, i);
        struct cm_backup backup = {.data = w.data, .to = to};
        cr_assert_neq(cm_backup(&backup, &error), CM_OK);
        cr_expect(strstr(error.text, "is a link"), "%s", error.text);
        cr_expect_neq(access(strcat(to, "/complete"), F_OK), 0, "link-%u", i);
        run("rm -r %s/link-* %s.copy-*", &w);
    }
    clear(&w);
}
