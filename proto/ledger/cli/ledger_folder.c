#include "proto/ledger/cli/ledger_folder.h"

#include "proto/ledger/cli/chain_memory.h"
#include "proto/ledger/cli/live.h"
#include "proto/ledger/cli/record_open.h"
#include "proto/ledger/epoch.h"
#include "proto/ledger/witnessed.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

// An access record of the largest size, decoded.
#define ARENA_CAP ((size_t)64 * 1024 * 1024)

struct cm_ledger_folder {
    char path[PATH_MAX];
    char data[PATH_MAX]; // where the daemon listens
    bool live;
    size_t log_count;
    int logs[CM_MAX_EPOCHS]; // oldest first, the one in use last
    size_t at;               // which is read
    struct cm_log_reader *reader;
    struct cm_day_keys *keys;
    struct cm_chain_memory *chains;
    struct cm_arena *arena;
    struct cm_audit_record record;
};

const char *cm_audit_clear_name(enum cm_audit_clear clear)
{
    switch (clear) {
    case CM_CLEAR_NONE:
        return "none";
    case CM_CLEAR_OPEN:
        return "open";
    case CM_CLEAR_ERASED:
        return "erased";
    case CM_CLEAR_NO_KEY:
        return "no key";
    case CM_CLEAR_DAMAGED:
        return "damaged";
    case CM_CLEAR_COUNT:
        break;
    }
    return "?";
}

// Without leaving an access time, where the file is ours.
static int open_read(const char *path)
{
    const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    const int fd = open(path, flags | O_NOATIME);
    return fd < 0 && errno == EPERM ? open(path, flags) : fd;
}

// Whether a daemon holds the log. Asked for a moment and given back.
static bool in_use(int fd)
{
    if (flock(fd, LOCK_SH | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK;
    }
    (void)flock(fd, LOCK_UN);
    return false;
}

// The log of the newest epoch, and the folder that it lies in.
static enum cm_status find_log(struct cm_ledger_folder *folder, int *log, const char *path,
                               struct cm_error *error)
{
    static const char *const below[] = {"", "/ledger"};
    static const char *const beside[] = {"/..", ""};
    char name[PATH_MAX + 8];
    *log = -1;
    if (strlen(path) > PATH_MAX - sizeof "/ledger") {
        return cm_fail(error, CM_INVALID, "ledger", "the folder's name is too long");
    }
    for (size_t i = 0; i < 2; i++) {
        snprintf(folder->path, sizeof folder->path, "%s%s", path, below[i]);
        snprintf(folder->data, sizeof folder->data, "%s%s", path, beside[i]);
        snprintf(name, sizeof name, "%s/log", folder->path);
        *log = open_read(name);
        if (*log >= 0 || errno != ENOENT) {
            break;
        }
    }
    if (*log >= 0 || errno == EACCES) {
        return CM_OK;
    }
    enum cm_status status = errno == ENOENT ? CM_NOT_FOUND : CM_IO;
    cm_error_fill(error, status, path, "no ledger can be read here: %s", strerror(errno));
    cm_error_hint(error, "name a folder that holds \"log\", or the data folder of a node or "
                         "gateway");
    return status;
}

// What lies beside a log is read by its name: no pipe that never ends, no link to a file of the
// reader's own, which a copy would then carry away.
static enum cm_status check_beside(const char *folder, struct cm_error *error)
{
    static const char *const names[] = {
        "vkey",         CM_COSIGNED_FILE, CM_COSIGNERS_FILE,
        CM_BEHIND_FILE, CM_EPOCH_FILE,    (CM_DAY_KEYS_FOLDER "/" CM_DAY_KEYS_ERASED)};
    char path[PATH_MAX + 64];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct stat facts;
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        if (lstat(path, &facts) == 0 && !S_ISREG(facts.st_mode)) {
            return cm_fail(error, CM_INVALID, path, "is no ordinary file");
        }
    }
    return CM_OK;
}

static enum cm_status open_epochs(struct cm_ledger_folder *folder, int newest,
                                  struct cm_error *error)
{
    char below[PATH_MAX + 32];
    char name[sizeof below + 8];
    enum cm_status status = check_beside(folder->path, error);
    for (unsigned n = 1; status == CM_OK && folder->log_count < CM_MAX_EPOCHS - 1; n++) {
        snprintf(below, sizeof below, "%s/" CM_EPOCH_FOLDER "/%u", folder->path, n);
        snprintf(name, sizeof name, "%s/log", below);
        const int fd = open_read(name);
        if (fd < 0 && errno == ENOENT) {
            break;
        }
        if (fd < 0) {
            status = cm_fail(error, CM_IO, name, "can't be opened: %s", strerror(errno));
            break;
        }
        folder->logs[folder->log_count++] = fd;
        status = check_beside(below, error);
    }
    folder->logs[folder->log_count++] = newest;
    return status;
}

static enum cm_status open_live(struct cm_ledger_folder *folder,
                                const struct cm_audit_credentials *credentials,
                                struct cm_error *error)
{
    struct cm_live_ledger live;
    if (!credentials) {
        cm_error_fill(error, CM_UNAVAILABLE, folder->path, "a running node or gateway writes it");
        cm_error_hint(error, "give an auditor's --chain and --key: that is recorded in it; or read "
                             "a copy");
        return CM_UNAVAILABLE;
    }
    const enum cm_status status = cm_live_ask(&live, folder->data, credentials, error);
    if (status != CM_OK) {
        return status;
    }
    folder->live = true;
    folder->keys = live.keys;
    for (size_t i = 1; i < live.count; i++) {
        folder->logs[folder->log_count++] = live.logs[i];
    }
    folder->logs[folder->log_count++] = live.logs[0];
    return CM_OK;
}

static enum cm_status open_logs(struct cm_ledger_folder *folder, const char *path,
                                const struct cm_audit_credentials *credentials,
                                struct cm_error *error)
{
    int newest;
    const enum cm_status status = find_log(folder, &newest, path, error);
    if (status != CM_OK) {
        return status;
    }
    if (newest >= 0 && !in_use(newest)) {
        const enum cm_status opened = open_epochs(folder, newest, error);
        return opened != CM_OK ? opened : cm_day_keys_open_read(&folder->keys, folder->path, error);
    }
    const bool denied = newest < 0;
    if (!denied) {
        close(newest);
    }
    if (denied && !credentials) {
        return cm_fail(error, CM_FORBIDDEN, folder->path, "you may not read it");
    }
    return open_live(folder, credentials, error);
}

enum cm_status cm_ledger_folder_open(struct cm_ledger_folder **out, const char *path,
                                     const struct cm_audit_credentials *credentials,
                                     struct cm_error *error)
{
    struct cm_ledger_folder *folder = calloc(1, sizeof *folder);
    if (!folder) {
        return cm_fail(error, CM_MEMORY, path, "out of memory");
    }
    folder->arena = cm_arena_new(ARENA_CAP);
    folder->chains = cm_chain_memory_new();
    enum cm_status status = folder->arena && folder->chains
                                ? open_logs(folder, path, credentials, error)
                                : cm_fail(error, CM_MEMORY, path, "out of memory");
    if (status == CM_OK) {
        status = cm_ledger_folder_rewind(folder, error);
    }
    if (status != CM_OK) {
        cm_ledger_folder_close(folder);
        return status;
    }
    *out = folder;
    return CM_OK;
}

void cm_ledger_folder_close(struct cm_ledger_folder *folder)
{
    if (!folder) {
        return;
    }
    cm_log_reader_free(folder->reader);
    for (size_t i = 0; i < folder->log_count; i++) {
        close(folder->logs[i]);
    }
    cm_day_keys_free(folder->keys);
    cm_chain_memory_free(folder->chains);
    cm_arena_free(folder->arena);
    free(folder);
}

static enum cm_status begin_epoch(struct cm_ledger_folder *folder, size_t at,
                                  struct cm_error *error)
{
    cm_log_reader_free(folder->reader);
    folder->reader = NULL;
    folder->at = at;
    cm_chain_memory_reset(folder->chains);
    return cm_log_reader_open_fd(&folder->reader, folder->logs[at], NULL, error);
}

enum cm_status cm_ledger_folder_rewind(struct cm_ledger_folder *folder, struct cm_error *error)
{
    return begin_epoch(folder, 0, error);
}

static enum cm_status fill(struct cm_ledger_folder *folder, const struct cm_log_item *item,
                           struct cm_error *error)
{
    struct cm_audit_record *record = &folder->record;
    struct cm_error why = {.text = ""};
    cm_arena_reset(folder->arena);
    *record =
        (struct cm_audit_record){.epoch = folder->at + 1,
                                 .index = item->index,
                                 .offset = item->offset,
                                 .bytes = item->entry,
                                 .sealed = item->access,
                                 .leaf = item->leaf,
                                 .checkpoint = cm_log_reader_state(folder->reader)->checkpoint};
    const enum cm_status status = cm_entry_decode(&record->entry, folder->arena, item->entry, &why);
    if (status != CM_OK) {
        return cm_fail(error, status, folder->path,
                       "entry %" PRIu64 ", at byte %" PRIu64 " of the log, can't be read: %s: %s",
                       item->index, item->offset, why.where, why.text);
    }
    cm_audit_record_open(record, folder->arena, folder->keys, folder->chains);
    return CM_OK;
}

enum cm_status cm_ledger_folder_step(struct cm_log_item *item, const struct cm_audit_record **out,
                                     struct cm_ledger_folder *folder, struct cm_error *error)
{
    *out = NULL;
    enum cm_status status = cm_log_reader_next(item, folder->reader, error);
    if (status == CM_OK && item->type == CM_ITEM_ENTRY) {
        status = fill(folder, item, error);
        *out = &folder->record;
    }
    return status;
}

enum cm_status cm_ledger_folder_next_epoch(struct cm_ledger_folder *folder, bool *more,
                                           struct cm_error *error)
{
    *more = folder->at + 1 < folder->log_count;
    return *more ? begin_epoch(folder, folder->at + 1, error) : CM_OK;
}

enum cm_status cm_ledger_folder_next(const struct cm_audit_record **out,
                                     struct cm_ledger_folder *folder, struct cm_error *error)
{
    for (;;) {
        struct cm_log_item item;
        bool more = true;
        enum cm_status status = cm_ledger_folder_step(&item, out, folder, error);
        if (status == CM_OK && item.type == CM_ITEM_END) {
            status = cm_ledger_folder_next_epoch(folder, &more, error);
        }
        if (status != CM_OK || *out || !more) {
            return status;
        }
    }
}

const char *cm_ledger_folder_path(const struct cm_ledger_folder *folder)
{
    return folder->path;
}

const struct cm_log_state *cm_ledger_folder_state(const struct cm_ledger_folder *folder)
{
    return cm_log_reader_state(folder->reader);
}

uint64_t cm_ledger_folder_epochs(const struct cm_ledger_folder *folder)
{
    return folder->log_count;
}

uint64_t cm_ledger_folder_epoch(const struct cm_ledger_folder *folder)
{
    return folder->at + 1;
}

bool cm_ledger_folder_is_live(const struct cm_ledger_folder *folder)
{
    return folder->live;
}

int cm_ledger_folder_log(const struct cm_ledger_folder *folder)
{
    return folder->logs[folder->at];
}

struct cm_day_keys *cm_ledger_folder_keys(const struct cm_ledger_folder *folder)
{
    return folder->keys;
}
