#include "proto/ledger/ledger_files.h"

#include "proto/base/file.h"
#include "proto/base/folder.h"
#include "proto/ledger/frame.h"
#include "proto/ledger/vkey.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static enum cm_status os_error(struct cm_error *error, const char *path, const char *what)
{
    return cm_fail(error, CM_IO, path, "the ledger's %s: %s", what, strerror(errno));
}

static enum cm_status make_folder(const char *folder, struct cm_error *error)
{
    char parent[PATH_MAX];
    if (mkdir(folder, 0700) != 0) {
        return errno == EEXIST ? CM_OK : os_error(error, folder, "folder can't be made");
    }
    const enum cm_status status = cm_folder_path(parent, folder, "..", error);
    return status ? status : cm_folder_sync(parent, error);
}

// A new log, or one whose making was cut off before anything was recorded, gets its first bytes.
static enum cm_status begin_log(const struct cm_ledger_files *files, const char *folder,
                                struct cm_error *error)
{
    uint8_t begun[CM_LOG_MAGIC_SIZE];
    const ssize_t got = pread(files->log, begun, sizeof begun, 0);
    if (got < 0) {
        return os_error(error, folder, "log can't be read");
    }
    if (got == CM_LOG_MAGIC_SIZE || memcmp(begun, CM_LOG_MAGIC, (size_t)got) != 0) {
        return CM_OK;
    }
    if (pwrite(files->log, CM_LOG_MAGIC, CM_LOG_MAGIC_SIZE, 0) != CM_LOG_MAGIC_SIZE ||
        fsync(files->log) != 0 || fsync(files->folder) != 0) {
        return os_error(error, folder, "log can't be begun");
    }
    return CM_OK;
}

static enum cm_status open_log(struct cm_ledger_files *files, const char *folder,
                               struct cm_error *error)
{
    files->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (files->folder < 0) {
        return os_error(error, folder, "folder can't be opened");
    }
    files->log = openat(files->folder, "log", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (files->log < 0) {
        return os_error(error, folder, "log can't be opened");
    }
    if (flock(files->log, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK
                   ? cm_fail(error, CM_UNAVAILABLE, folder, "another process holds the ledger")
                   : os_error(error, folder, "log can't be locked");
    }
    return begin_log(files, folder, error);
}

enum cm_status cm_ledger_files_open(struct cm_ledger_files *files, const char *folder,
                                    struct cm_error *error)
{
    *files = (struct cm_ledger_files){-1, -1};
    enum cm_status status = make_folder(folder, error);
    if (!status) {
        status = open_log(files, folder, error);
    }
    if (status) {
        cm_ledger_files_close(files);
    }
    return status;
}

enum cm_status cm_ledger_files_vkey(const struct cm_ledger_files *files, const char *folder,
                                    const char *origin, struct cm_bytes spki,
                                    struct cm_error *error)
{
    char path[PATH_MAX];
    struct cm_buf want = {0};
    struct cm_buf there = {0};
    enum cm_status status = cm_vkey_format(&want, origin, spki);
    const int len = snprintf(path, sizeof path, "%s/vkey", folder);
    if (status || len < 0 || (size_t)len >= sizeof path) {
        status = cm_fail(error, status ? status : CM_INVALID, folder, "no verifier key");
    } else if (faccessat(files->folder, "vkey", F_OK, 0) != 0 && errno == ENOENT) {
        status = cm_file_write(path, cm_buf_bytes(&want), 0600, error);
    } else {
        status = cm_file_read(&there, path, CM_MAX_VKEY, error);
        if (!status && !cm_bytes_equal(cm_buf_bytes(&there), cm_buf_bytes(&want))) {
            status = cm_fail(error, CM_INVALID, path, "this is not the verifier key of the ledger");
            cm_error_hint(error, "the log holds and the file was changed: remove it and it is "
                                 "made anew");
        }
    }
    cm_buf_clear(&want);
    cm_buf_clear(&there);
    return status;
}

void cm_ledger_files_close(struct cm_ledger_files *files)
{
    if (files->log >= 0) {
        close(files->log);
    }
    if (files->folder >= 0) {
        close(files->folder);
    }
    *files = (struct cm_ledger_files){-1, -1};
}
