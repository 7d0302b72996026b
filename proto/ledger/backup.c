#include "proto/ledger/backup.h"

#include "proto/base/file.h"
#include "proto/base/folder.h"
#include "proto/ledger/day_keys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COMPLETE "complete"

enum { CHUNK = 1 << 20, MAX_DEPTH = 16 };

static enum cm_status os_error(struct cm_error *error, const char *path, const char *what)
{
    return cm_fail(error, CM_IO, path, "%s: %s", what, strerror(errno));
}

// At most most bytes.
static enum cm_status pour(int to, int from, uint64_t most, uint64_t *count)
{
    uint8_t *chunk = malloc(CHUNK);
    bool well = chunk != NULL;
    *count = 0;
    while (well && *count < most) {
        const uint64_t left = most - *count;
        const ssize_t got = read(from, chunk, left < CHUNK ? (size_t)left : CHUNK);
        if (got == 0) {
            break;
        }
        for (ssize_t at = 0; well && at < got;) {
            const ssize_t put = write(to, chunk + at, (size_t)(got - at));
            well = put > 0;
            at += well ? put : 0;
        }
        well = well && got > 0;
        *count += well ? (uint64_t)got : 0;
    }
    if (chunk) {
        cm_wipe(chunk, CHUNK); // there are keys among them
    }
    free(chunk);
    return well ? CM_OK : CM_IO;
}

static enum cm_status copy_from(struct cm_backup *backup, int from, const char *to, mode_t mode,
                                uint64_t most, struct cm_error *error)
{
    uint64_t count = 0;
    const int file = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode & 0700);
    if (file < 0) {
        return os_error(error, to, "can't be made");
    }
    const bool well = pour(file, from, most, &count) == CM_OK && fsync(file) == 0;
    const int number = errno;
    close(file);
    errno = number;
    backup->files++;
    backup->bytes += count;
    return well ? CM_OK : os_error(error, to, "can't be written");
}

static enum cm_status copy_file(struct cm_backup *backup, const char *from, const char *to,
                                struct cm_error *error)
{
    struct stat facts;
    const int file = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0 && errno == ENOENT) {
        return CM_OK; // gone since it was listed
    }
    if (file < 0 || fstat(file, &facts) != 0) {
        const enum cm_status status = os_error(error, from, "can't be read");
        if (file >= 0) {
            close(file);
        }
        return status;
    }
    const enum cm_status status = copy_from(backup, file, to, facts.st_mode, UINT64_MAX, error);
    close(file);
    return status;
}

static bool left_out(const struct cm_backup *backup, const char *path)
{
    for (size_t i = 0; i < CM_BACKUP_LEFT_OUT; i++) {
        const char *one = backup->left_out[i];
        const size_t len = one ? strlen(one) : 0;
        if (len > 0 && strncmp(path, one, len) == 0 &&
            (path[len] == '\0' || path[len] == '-' || path[len] == '/')) {
            return true; // with what SQLite keeps beside its file
        }
    }
    return false;
}

static enum cm_status copy_folder(struct cm_backup *backup, const char *from, const char *to,
                                  unsigned depth, struct cm_error *error);

static enum cm_status refuse_link(const struct cm_backup *backup, const char *path,
                                  struct cm_error *error)
{
    char real[PATH_MAX];
    if (realpath(path, real) && left_out(backup, real)) {
        return CM_OK;
    }
    cm_fail(error, CM_INVALID, path, "is a link: what it leads to would not be in the copy");
    cm_error_hint(error, "put the file or folder itself there");
    return CM_INVALID;
}

static enum cm_status copy_one(struct cm_backup *backup, const char *from, const char *to,
                               unsigned depth, struct cm_error *error)
{
    struct stat facts;
    if (lstat(from, &facts) != 0) {
        return errno == ENOENT ? CM_OK : os_error(error, from, "can't be looked at");
    }
    if (S_ISDIR(facts.st_mode)) {
        return copy_folder(backup, from, to, depth + 1, error);
    }
    if (S_ISLNK(facts.st_mode)) {
        return refuse_link(backup, from, error);
    }
    // What is there already was copied before, in its own order.
    return S_ISREG(facts.st_mode) && access(to, F_OK) != 0 ? copy_file(backup, from, to, error)
                                                           : CM_OK;
}

static enum cm_status copy_folder(struct cm_backup *backup, const char *from, const char *to,
                                  unsigned depth, struct cm_error *error)
{
    char below[PATH_MAX], there[PATH_MAX];
    if (depth == MAX_DEPTH) {
        return cm_fail(error, CM_INVALID, from, "lies deeper than any folder of a ledger");
    }
    DIR *list = opendir(from);
    if (!list) {
        return os_error(error, from, "can't be listed");
    }
    enum cm_status status = cm_folder_make(to, error);
    for (const struct dirent *one; !status && (one = readdir(list));) {
        if (strcmp(one->d_name, ".") == 0 || strcmp(one->d_name, "..") == 0) {
            continue;
        }
        status = cm_folder_path(below, from, one->d_name, error);
        if (!status) {
            status = cm_folder_path(there, to, one->d_name, error);
        }
        if (!status && !left_out(backup, below)) {
            status = copy_one(backup, below, there, depth, error);
        }
    }
    closedir(list);
    return status ? status : cm_folder_sync(to, error);
}

// Up to its last checkpoint, every frame looked at.
static enum cm_status copy_log(struct cm_backup *backup, const char *from, const char *to,
                               struct cm_error *error)
{
    struct cm_log_reader *reader = NULL;
    struct cm_log_item item = {.type = CM_ITEM_ENTRY};
    const int file = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) {
        return os_error(error, from, "can't be read");
    }
    enum cm_status status = cm_log_reader_open_fd(&reader, file, NULL, error);
    while (!status && item.type != CM_ITEM_END) {
        status = cm_log_reader_next(&item, reader, error);
    }
    if (!status) {
        const struct cm_log_state *state = cm_log_reader_state(reader);
        backup->checkpoint = state->checkpoint;
        status = lseek(file, 0, SEEK_SET) == 0
                     ? copy_from(backup, file, to, 0600, state->end, error)
                     : os_error(error, from, "can't be read");
    }
    cm_log_reader_free(reader);
    close(file);
    return status;
}

// The log covers what was cosigned before it was read, and the keys made after it cover the log.
static enum cm_status copy_ledger(struct cm_backup *backup, struct cm_error *error)
{
    static const char *const order[] = {"cosigners.pem", "cosigned", "behind", "log"};
    char from[PATH_MAX], to[PATH_MAX], ledger[PATH_MAX];
    enum cm_status status = cm_folder_path(ledger, backup->to, "ledger", error);
    if (!status) {
        status = cm_folder_make(ledger, error);
    }
    for (size_t i = 0; i < sizeof order / sizeof *order && !status; i++) {
        char name[32];
        snprintf(name, sizeof name, "ledger/%s", order[i]);
        status = cm_folder_path(from, backup->data, name, error);
        if (!status) {
            status = cm_folder_path(to, ledger, order[i], error);
        }
        if (!status) {
            status = strcmp(order[i], "log") == 0 ? copy_log(backup, from, to, error)
                                                  : copy_file(backup, from, to, error);
        }
    }
    return status;
}

// A copy in what it copies would never end.
static enum cm_status check_apart(const char *path, const char *data, struct cm_error *error)
{
    char to[PATH_MAX], from[PATH_MAX];
    if (!realpath(path, to) || !realpath(data, from)) {
        return os_error(error, path, "can't be looked at");
    }
    const size_t len = strlen(from);
    if (strncmp(to, from, len) != 0 || (to[len] != '/' && to[len] != '\0')) {
        return CM_OK;
    }
    cm_fail(error, CM_INVALID, path, "lies in the folder that is copied");
    cm_error_hint(error, "name a folder elsewhere");
    return CM_INVALID;
}

// Empty, or made now.
static enum cm_status open_target(const char *path, const char *data, struct cm_error *error)
{
    enum cm_status status = cm_folder_make(path, error);
    if (!status) {
        status = check_apart(path, data, error);
    }
    DIR *list = status ? NULL : opendir(path);
    if (!list) {
        return status ? status : os_error(error, path, "can't be listed");
    }
    for (const struct dirent *one; !status && (one = readdir(list));) {
        if (strcmp(one->d_name, ".") != 0 && strcmp(one->d_name, "..") != 0) {
            status = cm_fail(error, CM_INVALID, path, "is not empty");
            cm_error_hint(error, "name a new folder for each backup");
        }
    }
    closedir(list);
    return status;
}

enum cm_status cm_backup(struct cm_backup *backup, struct cm_error *error)
{
    char path[PATH_MAX], tiles[PATH_MAX], published[PATH_MAX], next[PATH_MAX], earlier[PATH_MAX];
    struct cm_buf text = {0};
    enum cm_status status = cm_folder_path(next, backup->data, "ledger/next", error);
    if (!status && access(next, F_OK) == 0) {
        status = cm_fail(error, CM_UNAVAILABLE, backup->data, "a recovery was cut off here");
    }
    if (!status) {
        status = cm_folder_path(tiles, backup->data, "ledger/tile", error);
    }
    if (!status) {
        status = cm_folder_path(published, backup->data, "ledger/checkpoint", error);
    }
    if (!status) {
        status = cm_folder_path(earlier, backup->data, COMPLETE, error);
    }
    if (!status) {
        status = open_target(backup->to, backup->data, error);
    }
    if (!status) {
        status = copy_ledger(backup, error);
    }
    // Made from the log again; and what says of the copy that was put back here that it is whole.
    backup->left_out[CM_BACKUP_LEFT_OUT - 1] = tiles;
    backup->left_out[CM_BACKUP_LEFT_OUT - 2] = published;
    backup->left_out[CM_BACKUP_LEFT_OUT - 3] = earlier;
    if (!status) {
        status = copy_folder(backup, backup->data, backup->to, 0, error);
    }
    if (!status && backup->add) {
        status = backup->add(backup, error);
    }
    if (!status) {
        status = cm_folder_path(path, backup->to, COMPLETE, error);
    }
    if (!status && cm_buf_printf(&text, "%s\n%" PRIu64 "\n", backup->checkpoint.origin,
                                 backup->checkpoint.size)) {
        status = cm_fail(error, CM_MEMORY, path, "out of memory");
    }
    if (!status) {
        status = cm_file_write(path, cm_buf_bytes(&text), 0600, error);
    }
    cm_buf_clear(&text);
    memset(backup->left_out + CM_BACKUP_LEFT_OUT - 3, 0, 3 * sizeof *backup->left_out);
    return status;
}
