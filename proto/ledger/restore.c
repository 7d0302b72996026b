#include "proto/ledger/restore.h"

#include "proto/base/file.h"
#include "proto/base/folder.h"
#include "proto/ledger/day_keys.h"
#include "proto/ledger/ledger.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAKING "next.making"

enum { MAX_FOLDERS_OPEN = 16 };

static enum cm_status os_error(struct cm_error *error, const char *path, const char *what)
{
    return cm_fail(error, CM_IO, path, "%s: %s", what, strerror(errno));
}

static bool is_there(const char *folder, const char *name)
{
    char path[PATH_MAX];
    return cm_folder_path(path, folder, name, NULL) == CM_OK && access(path, F_OK) == 0;
}

// What the ledger posts, run once it is closed.
struct mail {
    struct cm_poster poster;
    pthread_mutex_t lock;
    struct cm_task *first;
};

static void post(struct cm_poster *poster, struct cm_task *task)
{
    struct mail *mail = CM_CONTAINER(poster, struct mail, poster);
    pthread_mutex_lock(&mail->lock);
    task->next = mail->first;
    mail->first = task;
    pthread_mutex_unlock(&mail->lock);
}

static void close_ledger(struct mail *mail, struct cm_ledger *ledger)
{
    cm_ledger_close(ledger);
    while (mail->first) {
        struct cm_task *task = mail->first;
        mail->first = task->next;
        task->run(task);
    }
    pthread_mutex_destroy(&mail->lock);
}

static enum cm_status open_ledger(struct cm_ledger **out, struct mail *mail, const char *folder,
                                  struct cm_signer *signer, uint64_t epoch, struct cm_error *error)
{
    const struct cm_ledger_options options = {.folder = folder,
                                              .signer = signer,
                                              .poster = &mail->poster,
                                              .max_waiting = 1,
                                              .epoch = epoch};
    *mail = (struct mail){.poster.post = post};
    *out = NULL;
    pthread_mutex_init(&mail->lock, NULL);
    return cm_ledger_open(out, &options, error);
}

static enum cm_status submit(void *context, struct cm_job *job)
{
    (void)context;
    job->work(job);
    job->done(job);
    return CM_OK;
}

static enum cm_status take_lock(int *out, const char *path, int flags, struct cm_error *error)
{
    *out = open(path, flags | O_CLOEXEC | O_NOFOLLOW);
    if (*out < 0) {
        const enum cm_status status = errno == ENOENT ? CM_NOT_FOUND : CM_IO;
        return cm_fail(error, status, path, "can't be opened: %s", strerror(errno));
    }
    if (flock(*out, LOCK_EX | LOCK_NB) == 0) {
        return CM_OK;
    }
    cm_fail(error, CM_UNAVAILABLE, path, "another process holds it");
    cm_error_hint(error, "stop the daemon first");
    return CM_UNAVAILABLE;
}

// Nothing was written between the reading of the log and its lock.
static enum cm_status lock_log(struct cm_restore *out, const char *folder, off_t size,
                               struct cm_error *error)
{
    char path[PATH_MAX];
    struct stat facts;
    enum cm_status status = cm_folder_path(path, folder, "log", error);
    if (!status) {
        status = take_lock(&out->log_lock, path, O_RDWR, error);
    }
    if (!status && (fstat(out->log_lock, &facts) != 0 || facts.st_size != size)) {
        status = cm_fail(error, CM_UNAVAILABLE, path, "the daemon was started meanwhile");
    }
    return status;
}

static enum cm_status log_size(off_t *out, const char *folder, struct cm_error *error)
{
    char path[PATH_MAX];
    struct stat facts;
    const enum cm_status status = cm_folder_path(path, folder, "log", error);
    if (!status && stat(path, &facts) != 0) {
        cm_fail(error, CM_NOT_FOUND, folder, "there is no log");
        cm_error_hint(error, "put the backup in the data folder's place first");
        return CM_NOT_FOUND;
    }
    *out = status ? 0 : facts.st_size;
    return status;
}

static enum cm_status compare(struct cm_restore *out, const char *folder, struct cm_signer *signer,
                              struct cm_bytes shown, struct cm_error *error)
{
    struct cm_ledger *ledger;
    struct mail mail;
    off_t size = 0;
    struct cm_witnessed *witnessed = &out->witnessed;
    enum cm_status status =
        open_ledger(&ledger, &mail, folder, signer, out->witnessed.epoch, error);
    if (status == CM_UNAVAILABLE) {
        cm_error_hint(error, "stop the daemon first");
    }
    if (!status) {
        status = cm_witnessed_check(witnessed, ledger, error);
    }
    if (!status && shown.len > 0) {
        status = cm_witnessed_shown(witnessed, ledger, shown, error);
        status = status == CM_STALE ? CM_OK : status;
    }
    if (!status) {
        out->checkpoint = cm_ledger_head(ledger)->checkpoint;
        status = log_size(&size, folder, error);
    }
    close_ledger(&mail, ledger);
    if (!status && witnessed->refuted.epoch > witnessed->epoch) {
        cm_fail(error, CM_INVALID, folder,
                "this log is of epoch %" PRIu64 ", and witnesses saw epoch %" PRIu64,
                witnessed->epoch, witnessed->refuted.epoch);
        cm_error_hint(error, "put back a backup of that epoch; where there is none, begin a new "
                             "ledger: a new data folder, and a new key that the directory lists");
        status = CM_INVALID;
    }
    if (!status && !cm_witnessed_refuted(witnessed)) {
        cm_fail(error, CM_STALE, folder, "its log holds all that witnesses are known to have seen");
        cm_error_hint(error, "start the daemon; if a witness refuses, it shows what it saw, and "
                             "this command goes by that");
        status = CM_STALE;
    }
    return status ? status : lock_log(out, folder, size, error);
}

enum cm_status cm_restore_open(struct cm_restore *out, const char *folder, struct cm_signer *signer,
                               struct cm_bytes shown, struct cm_error *error)
{
    off_t size;
    *out = (struct cm_restore){.folder_lock = -1, .log_lock = -1};
    enum cm_status status = take_lock(&out->folder_lock, folder, O_RDONLY | O_DIRECTORY, error);
    if (!status && is_there(folder, CM_EPOCH_NEXT)) {
        out->cut_off = true;
        snprintf(out->witnessed.folder, sizeof out->witnessed.folder, "%s", folder);
        return CM_OK;
    }
    if (!status) {
        status = log_size(&size, folder, error);
    }
    if (!status) {
        status = cm_witnessed_open(&out->witnessed, folder, signer, submit, NULL, error);
    }
    if (!status) {
        status = compare(out, folder, signer, shown, error);
    }
    if (status) {
        cm_restore_clear(out);
    }
    return status;
}

void cm_restore_clear(struct cm_restore *restore)
{
    cm_witnessed_clear(&restore->witnessed);
    if (restore->log_lock >= 0) {
        close(restore->log_lock);
    }
    if (restore->folder_lock >= 0) {
        close(restore->folder_lock);
    }
    *restore = (struct cm_restore){.folder_lock = -1, .log_lock = -1};
}

static struct cm_digest root_of(uint64_t size, const struct cm_digest *root)
{
    return size > 0 ? *root : (struct cm_digest){{0}};
}

enum cm_status cm_restore_state(struct cm_buf *envelope, const struct cm_restore *restore,
                                const char *why, const struct cm_signer *administrator,
                                int64_t now_ms, struct cm_error *error)
{
    struct cm_buf payload = {0};
    const struct cm_witnessed *witnessed = &restore->witnessed;
    const struct cm_epoch_statement statement = {
        .origin = witnessed->base,
        .epoch = witnessed->epoch + 1,
        .restored_size = restore->checkpoint.size,
        .restored_root = root_of(restore->checkpoint.size, &restore->checkpoint.root),
        .cosigned = cm_buf_bytes(&witnessed->behind),
        .signed_ms = now_ms,
        .why = why,
    };
    enum cm_status status = cm_epoch_statement_encode(&payload, &statement);
    if (!status) {
        status =
            cm_dsse_sign(envelope, CM_FAMILY_EPOCH, cm_buf_bytes(&payload), administrator, true);
    }
    cm_buf_clear(&payload);
    return status ? cm_fail(error, status, "epoch",
                            "the statement can't be signed: is the reason "
                            "empty or too long?")
                  : CM_OK;
}

static int remove_one(const char *path, const struct stat *facts, int type, struct FTW *at)
{
    (void)facts;
    (void)type;
    (void)at;
    return remove(path);
}

static enum cm_status remove_all(const char *path, struct cm_error *error)
{
    return nftw(path, remove_one, MAX_FOLDERS_OPEN, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT
               ? CM_OK
               : os_error(error, path, "can't be removed");
}

static void done(struct cm_append *append)
{
    cm_tree_head_unref(append->head);
    append->head = NULL;
}

static enum cm_status first_entry(struct cm_buf *out, const struct cm_restore *restore,
                                  struct cm_bytes envelope, int64_t now_ms)
{
    struct cm_envelope statement;
    const struct cm_seen *seen = &restore->witnessed.refuted;
    struct cm_entry entry = {
        .kind = CM_ENTRY_EPOCH,
        .recorded_ms = now_ms,
        .sequence = restore->witnessed.epoch + 1,
        .old_size = restore->checkpoint.size,
        .old_root = root_of(restore->checkpoint.size, &restore->checkpoint.root),
        .new_size = seen->size,
        .new_root = root_of(seen->size, &seen->root),
        .gateway = "",
        .deciding_rule = "",
        .agency = "",
        .text = "",
    };
    struct cm_arena *arena = cm_arena_new(CM_EPOCH_ARENA);
    enum cm_status status =
        arena ? cm_envelope_decode(&statement, arena, envelope, NULL) : CM_MEMORY;
    if (!status) {
        cm_sha256_of(&entry.digest, statement.payload);
        status = cm_entry_encode(out, &entry);
    }
    cm_arena_free(arena);
    return status;
}

static enum cm_status make_log(const struct cm_restore *restore, const char *folder,
                               struct cm_bytes entry, struct cm_signer *signer,
                               struct cm_error *error)
{
    struct cm_ledger *ledger;
    struct mail mail;
    struct cm_append append = {.entry = entry, .status = CM_UNAVAILABLE, .done = done};
    enum cm_status status =
        open_ledger(&ledger, &mail, folder, signer, restore->witnessed.epoch + 1, error);
    if (!status && cm_ledger_append(ledger, &append)) {
        status = cm_fail(error, CM_IO, folder, "the first entry can't be recorded");
    }
    close_ledger(&mail, ledger);
    if (!status && append.status) {
        status = cm_fail(error, CM_IO, folder, "the first entry can't be recorded");
    }
    return status;
}

// Of what the ledger made only the log is the truth; the rest is made from it where it lies then.
static enum cm_status strip(const char *folder, struct cm_error *error)
{
    static const char *const derived[] = {"tile", "checkpoint", "vkey"};
    char path[PATH_MAX];
    enum cm_status status = CM_OK;
    for (size_t i = 0; i < sizeof derived / sizeof *derived && !status; i++) {
        status = cm_folder_path(path, folder, derived[i], error);
        if (!status) {
            status = remove_all(path, error);
        }
    }
    return status ? status : cm_folder_sync(folder, error);
}

static enum cm_status make_next(const struct cm_restore *restore, const char *making,
                                struct cm_bytes envelope, struct cm_signer *signer, int64_t now_ms,
                                struct cm_error *error)
{
    char path[PATH_MAX];
    struct cm_buf entry = {0};
    enum cm_status status = remove_all(making, error);
    if (!status) {
        status = cm_folder_make(making, error);
    }
    if (!status) {
        status = cm_folder_path(path, making, CM_EPOCH_FILE, error);
    }
    if (!status) {
        status = cm_file_write(path, envelope, 0600, error);
    }
    if (!status && first_entry(&entry, restore, envelope, now_ms)) {
        status = cm_fail(error, CM_INTERNAL, "epoch", "its entry can't be made");
    }
    if (!status) {
        status = make_log(restore, making, cm_buf_bytes(&entry), signer, error);
    }
    cm_buf_clear(&entry);
    return status ? status : strip(making, error);
}

// From here on it can only be ended.
enum cm_status cm_restore_begin(const struct cm_restore *restore, struct cm_bytes envelope,
                                struct cm_signer *signer, int64_t now_ms, struct cm_error *error)
{
    char making[PATH_MAX], next[PATH_MAX] = "";
    const char *folder = restore->witnessed.folder;
    enum cm_status status = cm_folder_path(making, folder, MAKING, error);
    if (!status) {
        status = cm_folder_path(next, folder, CM_EPOCH_NEXT, error);
    }
    if (!status) {
        status = make_next(restore, making, envelope, signer, now_ms, error);
    }
    if (!status && rename(making, next) != 0) {
        status = os_error(error, next, "can't be put there");
    }
    if (!status) {
        status = cm_folder_sync(folder, error);
    }
    return status ? status : cm_restore_end(restore, error);
}

// The epoch that ends.
static enum cm_status ending(uint64_t *out, const char *folder, const char *next,
                             struct cm_error *error)
{
    char path[PATH_MAX];
    struct cm_buf bytes = {0};
    struct cm_envelope envelope;
    struct cm_epoch_statement statement;
    struct cm_arena *arena = cm_arena_new(CM_EPOCH_ARENA);
    enum cm_status status =
        cm_folder_path(path, is_there(next, CM_EPOCH_FILE) ? next : folder, CM_EPOCH_FILE, error);
    if (!status) {
        status = cm_file_read(&bytes, path, CM_MAX_EPOCH_STATEMENT + CM_MAX_ATTACHMENTS, error);
    }
    if (!status && !arena) {
        status = cm_fail(error, CM_MEMORY, path, "out of memory");
    }
    if (!status) {
        status = cm_envelope_decode(&envelope, arena, cm_buf_bytes(&bytes), error);
    }
    if (!status) {
        status = cm_epoch_statement_decode(&statement, arena, envelope.payload, error);
    }
    *out = status ? 0 : statement.epoch - 1;
    cm_arena_free(arena);
    cm_buf_clear(&bytes);
    return status;
}

static enum cm_status move(const char *from, const char *to, const char *name,
                           struct cm_error *error)
{
    char old[PATH_MAX], new[PATH_MAX];
    enum cm_status status = cm_folder_path(old, from, name, error);
    if (!status) {
        status = cm_folder_path(new, to, name, error);
    }
    if (!status && renameat2(AT_FDCWD, old, AT_FDCWD, new, RENAME_NOREPLACE) != 0) {
        status = os_error(error, new, "can't be moved there");
    }
    return status;
}

// The new epoch's are in next until all of the old one is away: while one is there, the one of its
// name in the folder is old.
static bool is_old(const char *name, const char *next)
{
    static const char *const stay[] = {".",           "..",  CM_DAY_KEYS_FOLDER, CM_EPOCH_FOLDER,
                                       CM_EPOCH_NEXT, MAKING};
    for (size_t i = 0; i < sizeof stay / sizeof *stay; i++) {
        if (strcmp(name, stay[i]) == 0) {
            return false;
        }
    }
    const bool in_both = strcmp(name, "log") == 0 || strcmp(name, CM_EPOCH_FILE) == 0;
    return !in_both || is_there(next, name);
}

static enum cm_status move_old(const char *folder, const char *next, const char *to,
                               struct cm_error *error)
{
    enum cm_status status = CM_OK;
    DIR *list = opendir(folder);
    if (!list) {
        return os_error(error, folder, "can't be listed");
    }
    for (const struct dirent *one; !status && (one = readdir(list));) {
        if (is_old(one->d_name, next)) {
            status = move(folder, to, one->d_name, error);
        }
    }
    closedir(list);
    if (!status) {
        status = cm_folder_sync(to, error);
    }
    return status ? status : cm_folder_sync(folder, error);
}

static enum cm_status move_new(const char *folder, const char *next, struct cm_error *error)
{
    static const char *const names[] = {CM_EPOCH_FILE, "log"};
    enum cm_status status = CM_OK;
    for (size_t i = 0; i < sizeof names / sizeof *names && !status; i++) {
        if (is_there(next, names[i])) {
            status = move(next, folder, names[i], error);
        }
    }
    if (!status) {
        status = cm_folder_sync(folder, error);
    }
    if (!status && rmdir(next) != 0) {
        status = os_error(error, next, "can't be removed");
    }
    return status ? status : cm_folder_sync(folder, error);
}

enum cm_status cm_restore_end(const struct cm_restore *restore, struct cm_error *error)
{
    char next[PATH_MAX], epochs[PATH_MAX], old[PATH_MAX], name[24];
    const char *folder = restore->witnessed.folder;
    uint64_t epoch = 0;
    enum cm_status status = cm_folder_path(next, folder, CM_EPOCH_NEXT, error);
    if (!status) {
        status = ending(&epoch, folder, next, error);
    }
    if (!status) {
        status = cm_folder_path(epochs, folder, CM_EPOCH_FOLDER, error);
    }
    snprintf(name, sizeof name, "%" PRIu64, epoch);
    if (!status) {
        status = cm_folder_path(old, epochs, name, error);
    }
    if (!status) {
        status = cm_folder_make(epochs, error);
    }
    if (!status) {
        status = cm_folder_make(old, error);
    }
    if (!status) {
        status = cm_folder_sync(epochs, error);
    }
    if (!status) {
        status = move_old(folder, next, old, error);
    }
    return status ? status : move_new(folder, next, error);
}
