#include "acl/bundle/archive.h"

#include "proto/base/file.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

static enum cm_status path_of(char out[PATH_MAX], const char *folder, uint64_t serial,
                              struct cm_error *error)
{
    int len = snprintf(out, PATH_MAX, "%s/directory-%" PRIu64, folder, serial);
    return len > 0 && len < PATH_MAX ? CM_OK
                                     : cm_fail(error, CM_INVALID, folder, "the path is too long");
}

enum cm_status cm_archive_keep(const char *folder, const struct cm_trust *trust,
                               struct cm_error *error)
{
    char path[PATH_MAX];
    enum cm_status status = path_of(path, folder, cm_trust_directory(trust)->serial, error);
    if (status != CM_OK || access(path, F_OK) == 0) {
        return status;
    }
    return cm_file_write(path, cm_trust_bundle(trust), 0600, error);
}

enum cm_status cm_archive_find(struct cm_trust **out, const char *folder, struct cm_trust *current,
                               uint64_t serial, struct cm_error *error)
{
    char path[PATH_MAX];
    struct cm_buf bundle = {0};
    uint64_t newest = cm_trust_directory(current)->serial;
    if (serial == newest) {
        *out = cm_trust_ref(current);
        return CM_OK;
    }
    if (serial > newest || folder == NULL) {
        return cm_fail(error, CM_STALE, "directory_serial",
                       "directory %" PRIu64 " isn't known here; the newest is %" PRIu64, serial,
                       newest);
    }
    enum cm_status status = path_of(path, folder, serial, error);
    if (status == CM_OK) {
        status = cm_file_read(&bundle, path, CM_MAX_BUNDLE, error);
    }
    if (status == CM_OK) {
        status = cm_trust_archived(out, current, cm_buf_bytes(&bundle), error);
    } else if (status == CM_NOT_FOUND) {
        status = cm_fail(error, CM_STALE, path, "is missing: sign the rules again");
    }
    cm_buf_clear(&bundle);
    if (status == CM_OK && cm_trust_directory(*out)->serial != serial) {
        cm_trust_unref(*out);
        *out = NULL;
        status = cm_fail(error, CM_INVALID, path, "holds another directory than its name says");
    }
    return status;
}
