#include "proto/base/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum cm_status cm_folder_path(char out[PATH_MAX], const char *folder, const char *name,
                              struct cm_error *error)
{
    return snprintf(out, PATH_MAX, "%s/%s", folder, name) < PATH_MAX
               ? CM_OK
               : cm_fail(error, CM_INVALID, folder, "the path is too long");
}

enum cm_status cm_folder_make(const char *path, struct cm_error *error)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST) {
        return CM_OK;
    }
    cm_fail(error, CM_IO, path, "can't be made: %s", strerror(errno));
    cm_error_hint(error,
                  "the folder above it must be there, and writable for the user this runs as");
    return CM_IO;
}

enum cm_status cm_folder_make_in(char out[PATH_MAX], const char *folder, const char *name,
                                 struct cm_error *error)
{
    const enum cm_status status = cm_folder_path(out, folder, name, error);
    return status ? status : cm_folder_make(out, error);
}

enum cm_status cm_folder_sync(const char *path, struct cm_error *error)
{
    const int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const enum cm_status status =
        folder >= 0 && fsync(folder) == 0
            ? CM_OK
            : cm_fail(error, CM_IO, path, "can't be made durable: %s", strerror(errno));
    if (folder >= 0) {
        close(folder);
    }
    return status;
}
