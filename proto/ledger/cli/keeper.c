#include "proto/ledger/cli/keeper.h"

#include "proto/base/clock.h"
#include "proto/base/file.h"
#include "proto/base/folder.h"
#include "proto/ledger/backup.h"
#include "proto/ledger/restore.h"
#include "proto/trust/directory_store.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ROOT = 64 * 1024, ANSWER = 16, ROOT_SHOWN = 8 };

// So that two spellings of a path are one.
static const char *real(char out[PATH_MAX], const char *path)
{
    return path != NULL && realpath(path, out) != NULL ? out : path;
}

struct database {
    const struct cm_keeper *keeper;
    const char *path;
};

// To the place that it has in the data folder, if it lies there.
static enum cm_status add_database(const struct cm_backup *backup, struct cm_error *error)
{
    const struct database *database = backup->context;
    const size_t len = strlen(backup->data);
    char to[PATH_MAX];
    if (strncmp(database->path, backup->data, len) != 0 || database->path[len] != '/') {
        return CM_OK;
    }
    enum cm_status status = cm_folder_path(to, backup->to, database->path + len + 1, error);
    if (status == CM_OK) {
        status = database->keeper->copy(database->path, to, error);
    }
    return status == CM_NOT_FOUND ? CM_OK : status;
}

int cm_keeper_backup(const struct cm_keeper *keeper, const struct cm_cli_args *args)
{
    char data[PATH_MAX], store[PATH_MAX], key[PATH_MAX], file[PATH_MAX];
    struct database database = {.keeper = keeper};
    struct cm_error error = {.text = ""};
    struct cm_backup backup = {.to = args->words[0]};
    enum cm_status status = cm_cli_become_owner(keeper->data, &error);
    if (status == CM_OK) {
        backup.data = real(data, keeper->data);
        backup.left_out[0] = real(store, keeper->store);
        backup.left_out[1] = real(key, keeper->key);
        database.path = real(file, keeper->database);
        backup.left_out[2] = database.path;
        backup.add = keeper->database != NULL ? add_database : NULL;
        backup.context = &database;
        status = cm_backup(&backup, &error);
    }
    if (status != CM_OK) {
        return cm_cli_fail(&error);
    }
    printf("%s holds the ledger up to entry %" PRIu64 ", %" PRIu64 " files, %" PRIu64 " bytes\n",
           backup.to, backup.checkpoint.size, backup.files, backup.bytes);
    if (keeper->store != NULL) {
        printf("the detections in %s are not in it\n", keeper->store);
    }
    return CM_EXIT_OK;
}

struct recovery {
    struct cm_signer *administrator, *own;
    struct cm_trust *trust;
    struct cm_restore restore;
    struct cm_buf shown, envelope;
    int64_t now_ms;
};

static enum cm_status load_administrator(struct recovery *recovery, const struct cm_cli_args *args,
                                         struct cm_error *error)
{
    const char *key = cm_cli_get(args, 'k');
    const char *chain = cm_cli_get(args, 'C');
    const char *file = cm_cli_get(args, 'P');
    char passphrase[CM_MAX_PASSPHRASE];
    enum cm_status status = CM_UNAUTHENTICATED;
    if (file == NULL) {
        status = cm_signer_load(&recovery->administrator, key, chain, NULL, error);
    }
    if (status == CM_UNAUTHENTICATED) {
        status = cm_cli_passphrase(passphrase, file, "Passphrase of your key: ", false, error);
        if (status == CM_OK) {
            status = cm_signer_load(&recovery->administrator, key, chain, passphrase, error);
        }
        cm_wipe(passphrase, sizeof passphrase);
    }
    return status;
}

static enum cm_status load_trust(struct recovery *recovery, const struct cm_keeper *keeper,
                                 struct cm_error *error)
{
    char folder[PATH_MAX];
    struct cm_buf root = {0};
    struct cm_directory_store *store = NULL;
    snprintf(folder, sizeof folder, "%s/directory", keeper->data);
    enum cm_status status = cm_file_read(&root, keeper->root, MAX_ROOT, error);
    if (status == CM_OK) {
        status =
            cm_directory_store_open(&store, folder, cm_buf_bytes(&root), recovery->now_ms, error);
    }
    if (status == CM_OK && !(recovery->trust = cm_directory_store_newest(store))) {
        status = cm_fail(error, CM_NOT_FOUND, folder, "there is no directory to verify you by");
    }
    cm_directory_store_free(store);
    cm_buf_clear(&root);
    return status;
}

// As root what the administrator alone may read is read before it goes on as the folder's owner.
static enum cm_status open_all(struct recovery *recovery, const struct cm_keeper *keeper,
                               const struct cm_cli_args *args, struct cm_error *error)
{
    char folder[PATH_MAX];
    const char *shown = cm_cli_get(args, 'o');
    snprintf(folder, sizeof folder, "%s/ledger", keeper->data);
    enum cm_status status = load_administrator(recovery, args, error);
    if (status == CM_OK && shown != NULL) {
        status = cm_file_read(&recovery->shown, shown, CM_MAX_CHECKPOINT, error);
    }
    if (status == CM_OK) {
        status = cm_cli_become_owner(keeper->data, error);
    }
    if (status == CM_OK) {
        status = cm_signer_load(&recovery->own, keeper->key, keeper->chain, NULL, error);
    }
    if (status == CM_OK) {
        status = load_trust(recovery, keeper, error);
    }
    if (status == CM_OK) {
        status = cm_restore_open(&recovery->restore, folder, recovery->own,
                                 cm_buf_bytes(&recovery->shown), error);
    }
    return status;
}

static void clear(struct recovery *recovery)
{
    cm_restore_clear(&recovery->restore);
    cm_signer_unref(recovery->administrator);
    cm_signer_unref(recovery->own);
    cm_trust_unref(recovery->trust);
    cm_buf_clear(&recovery->shown);
    cm_buf_clear(&recovery->envelope);
}

// As any witness will: what they would refuse is not begun.
static enum cm_status verify(const struct recovery *recovery, struct cm_error *error)
{
    const struct cm_witnessed *witnessed = &recovery->restore.witnessed;
    const struct cm_epoch_owner owner = {&witnessed->identity, witnessed->key};
    struct cm_envelope envelope;
    struct cm_epoch_statement statement;
    struct cm_seen cosigned;
    struct cm_arena *arena = cm_arena_new(CM_EPOCH_ARENA);
    enum cm_status status = arena ? CM_OK : cm_fail(error, CM_MEMORY, "epoch", "out of memory");
    if (status == CM_OK) {
        status = cm_envelope_decode(&envelope, arena, cm_buf_bytes(&recovery->envelope), error);
    }
    if (status == CM_OK) {
        status = cm_epoch_verify(&statement, &cosigned, NULL, arena, &envelope, &owner,
                                 recovery->trust, recovery->now_ms, error);
    }
    cm_arena_free(arena);
    return status;
}

static void show(const struct cm_restore *restore)
{
    char root[2 * ROOT_SHOWN + 1];
    const struct cm_witnessed *witnessed = &restore->witnessed;
    const uint64_t size = restore->checkpoint.size, seen = witnessed->refuted.size;
    cm_hex(root, (struct cm_bytes){restore->checkpoint.root.b, ROOT_SHOWN});
    printf("ledger       %s\n", witnessed->base);
    printf("restored     %" PRIu64 " entries of epoch %" PRIu64 ", root %s\n", size,
           witnessed->epoch, root);
    cm_hex(root, (struct cm_bytes){witnessed->refuted.root.b, ROOT_SHOWN});
    printf("witnesses    saw %" PRIu64 " entries of epoch %" PRIu64 ", root %s\n", seen,
           witnessed->refuted.epoch, root);
    if (witnessed->refuted.epoch == witnessed->epoch && seen > size) {
        printf("gap          at least %" PRIu64 " entries are lost\n", seen - size);
    } else {
        puts("gap          the restored log and what they saw parted: how much is lost, only "
             "theirs can tell");
    }
    printf("next         epoch %" PRIu64 ", under your signature; the restored log stays, as "
           "epochs/%" PRIu64 "\n",
           witnessed->epoch + 1, witnessed->epoch);
}

static enum cm_status confirm(const struct cm_cli_args *args, struct cm_error *error)
{
    char answer[ANSWER] = "";
    if (cm_cli_get(args, 'y') != NULL) {
        return CM_OK;
    }
    const enum cm_status status = cm_cli_prompt(answer, sizeof answer, "Go on? [y/N] ", error);
    if (status == CM_UNAVAILABLE) {
        return cm_fail(error, CM_INVALID, "--yes", "nobody can be asked: say it, to go on");
    }
    return status != CM_OK || strcmp(answer, "y") == 0 || strcmp(answer, "yes") == 0
               ? status
               : cm_fail(error, CM_CANCELLED, "recover", "nothing was changed");
}

static enum cm_status recover(struct recovery *recovery, const struct cm_cli_args *args,
                              struct cm_error *error)
{
    if (recovery->restore.cut_off) {
        const enum cm_status status = cm_restore_end(&recovery->restore, error);
        if (status == CM_OK) {
            puts("the recovery that was cut off is done; start the daemon");
        }
        return status;
    }
    enum cm_status status =
        cm_restore_state(&recovery->envelope, &recovery->restore, cm_cli_get(args, 'w'),
                         recovery->administrator, recovery->now_ms, error);
    if (status == CM_OK) {
        status = verify(recovery, error);
    }
    if (status != CM_OK) {
        return status;
    }
    show(&recovery->restore);
    status = confirm(args, error);
    if (status == CM_OK) {
        status = cm_restore_begin(&recovery->restore, cm_buf_bytes(&recovery->envelope),
                                  recovery->own, recovery->now_ms, error);
    }
    if (status == CM_OK) {
        puts("done; start the daemon");
    }
    return status;
}

int cm_keeper_recover(const struct cm_keeper *keeper, const struct cm_cli_args *args)
{
    struct cm_error error = {.text = ""};
    struct recovery recovery = {.now_ms = cm_wall_ms(cm_clock_system()),
                                .restore = {.folder_lock = -1, .log_lock = -1}};
    enum cm_status status = open_all(&recovery, keeper, args, &error);
    if (status == CM_OK) {
        status = recover(&recovery, args, &error);
    }
    clear(&recovery);
    return status == CM_OK ? CM_EXIT_OK : cm_cli_fail(&error);
}
