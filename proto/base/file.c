#include "proto/base/file.h"

#include "proto/base/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024 };

static enum cm_status fail_errno(struct cm_error *error, const char *path, const char *what)
{
    return cm_fail(error, errno == ENOENT ? CM_NOT_FOUND : CM_IO, path, "cannot %s: %s", what,
                   strerror(errno));
}

// What may still be read: a chunk at most, and never past the caller's or the buffer's bound.
static size_t room_left(const struct cm_buf *out, size_t left)
{
    if (out->max != 0 && out->max - out->len < left) {
        left = out->max - out->len;
    }
    return left < CHUNK ? left : CHUNK;
}

enum cm_status cm_file_read(struct cm_buf *out, const char *path, size_t max,
                            struct cm_error *error)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return fail_errno(error, path, "open");
    }
    enum cm_status status = CM_OK;
    size_t start = out->len;
    for (;;) {
        uint8_t past_end;
        uint8_t *room = &past_end;
        size_t want = room_left(out, max - (out->len - start));
        status = want > 0 ? cm_buf_reserve(out, want, &room) : CM_OK;
        if (status != CM_OK) {
            cm_fail(error, status, path, "too large to hold in memory");
            break;
        }
        ssize_t got = read(file, room, want > 0 ? want : 1);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            status = fail_errno(error, path, "read");
            break;
        }
        if (got == 0) {
            break;
        }
        if (want == 0) {
            status = cm_fail(error, CM_MEMORY, path, "larger than %zu bytes", out->len - start);
            break;
        }
        out->len += (size_t)got;
    }
    close(file);
    if (status != CM_OK) {
        out->len = start;
    }
    return status;
}

static bool write_all(int file, struct cm_bytes data)
{
    while (data.len > 0) {
        ssize_t put = write(file, data.data, data.len);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return false;
        }
        data.data += put;
        data.len -= (size_t)put;
    }
    return true;
}

// Not CM_OK: there is no file.
static enum cm_status write_beside(char beside[PATH_MAX], const char *path, struct cm_bytes data,
                                   mode_t mode, bool durable, struct cm_error *error)
{
    if (snprintf(beside, PATH_MAX, "%s.XXXXXX", path) >= PATH_MAX) {
        return cm_fail(error, CM_INVALID, path, "the path is too long");
    }
    int file = mkostemp(beside, O_CLOEXEC);
    if (file < 0) {
        return fail_errno(error, path, "create a file beside it");
    }
    enum cm_status status = CM_OK;
    if (fchmod(file, mode) != 0 || !write_all(file, data) || (durable && fdatasync(file) != 0)) {
        status = fail_errno(error, path, "write");
        unlink(beside);
    }
    close(file);
    return status;
}

// keep: the target must not be there yet (link fails), else it is replaced (rename).
static enum cm_status put(const char *path, struct cm_bytes data, mode_t mode, bool keep,
                          struct cm_error *error)
{
    char beside[PATH_MAX];
    enum cm_status status = write_beside(beside, path, data, mode, true, error);
    if (status != CM_OK) {
        return status;
    }
    if (keep && link(beside, path) != 0) {
        status = errno == EEXIST ? cm_fail(error, CM_INVALID, path, "exists already")
                                 : fail_errno(error, path, "create");
    } else if (!keep && rename(beside, path) != 0) {
        status = fail_errno(error, path, "replace");
    }
    if (status != CM_OK || keep) {
        unlink(beside);
    }
    if (status != CM_OK) {
        return status;
    }
    snprintf(beside, sizeof beside, "%s", path);
    return cm_folder_sync(dirname(beside), error);
}

enum cm_status cm_file_write(const char *path, struct cm_bytes data, mode_t mode,
                             struct cm_error *error)
{
    return put(path, data, mode, false, error);
}

enum cm_status cm_file_create(const char *path, struct cm_bytes data, mode_t mode,
                              struct cm_error *error)
{
    return put(path, data, mode, true, error);
}

static void sync_all(int folder, struct cm_file_item *items, size_t count)
{
    if (folder >= 0 && syncfs(folder) == 0) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (items[i].status == CM_OK) {
            items[i].status = fail_errno(items[i].error, items[i].path, "make it durable");
        }
    }
}

void cm_file_write_all(const char *folder, struct cm_file_item *items, size_t count, mode_t mode)
{
    char(*beside)[PATH_MAX] = calloc(count, sizeof *beside);
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < count; i++) {
        struct cm_file_item *item = &items[i];
        if (item->status == CM_OK) {
            item->status =
                beside ? write_beside(beside[i], item->path, item->data, mode, false, item->error)
                       : cm_fail(item->error, CM_MEMORY, item->path, "out of memory");
        }
    }
    sync_all(fd, items, count);
    for (size_t i = 0; i < count; i++) {
        struct cm_file_item *item = &items[i];
        if (item->status == CM_OK && rename(beside[i], item->path) != 0) {
            item->status = fail_errno(item->error, item->path, "put in its place");
        }
        if (item->status != CM_OK && beside && beside[i][0] != '\0') {
            unlink(beside[i]);
        }
    }
    sync_all(fd, items, count);
    if (fd >= 0) {
        close(fd);
    }
    free(beside);
}
