#include "acl/bundle/archive.h"

#include "proto/base/file.h"
#include "proto/base/log.h"
#include "proto/codec/ruleset.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "directory-"

enum { NEWEST = 8, ARENA_CAP = 16 * 1024 * 1024, MAX_FILE = 2 * 1024 * 1024 };

static enum cm_status path_of(char out[PATH_MAX], const char *folder, uint64_t serial,
                              struct cm_error *error)
{
    int len = snprintf(out, PATH_MAX, "%s/" PREFIX "%" PRIu64, folder, serial);
    return len > 0 && len < PATH_MAX ? CM_OK
                                     : cm_fail(error, CM_INVALID, folder, "the path is too long");
}

struct serials {
    struct cm_buf list; // of uint64_t, in any order
};

static size_t count_of(const struct serials *serials)
{
    return serials->list.len / sizeof(uint64_t);
}

static uint64_t serial_at(const struct serials *serials, size_t index)
{
    uint64_t serial;
    memcpy(&serial, serials->list.data + index * sizeof serial, sizeof serial);
    return serial;
}

static bool holds(const struct serials *serials, uint64_t serial)
{
    for (size_t i = 0; i < count_of(serials); i++) {
        if (serial_at(serials, i) == serial) {
            return true;
        }
    }
    return false;
}

// What a rule set or overlay names.
static enum cm_status serial_of(uint64_t *out, struct cm_arena *arena,
                                const struct cm_envelope *envelope)
{
    struct cm_ruleset set;
    struct cm_overlay overlay;
    enum cm_status status;
    if (envelope->family == CM_FAMILY_OVERLAY) {
        status = cm_overlay_decode(&overlay, arena, envelope->payload, NULL);
        *out = status == CM_OK ? overlay.directory_serial : 0;
    } else {
        status = cm_ruleset_decode(&set, arena, envelope->payload, NULL);
        *out = status == CM_OK ? set.directory_serial : 0;
    }
    return status;
}

// The serial that a rule set or overlay of the folder names.
static enum cm_status add_named(struct serials *out, const char *folder, const char *name)
{
    char path[PATH_MAX];
    uint64_t serial = 0;
    struct cm_buf file = {0};
    struct cm_envelope envelope;
    struct cm_arena *arena = cm_arena_new(ARENA_CAP);
    int len = snprintf(path, sizeof path, "%s/%s", folder, name);
    enum cm_status status = arena != NULL && len < (int)sizeof path ? CM_OK : CM_MEMORY;
    if (status == CM_OK) {
        status = cm_file_read(&file, path, MAX_FILE, NULL);
    }
    if (status == CM_OK) {
        status = cm_envelope_decode(&envelope, arena, cm_buf_bytes(&file), NULL);
    }
    if (status == CM_OK) {
        status = serial_of(&serial, arena, &envelope);
    }
    if (status == CM_OK && !holds(out, serial)) {
        status = cm_buf_add(&out->list, &serial, sizeof serial);
    }
    cm_buf_clear(&file);
    cm_arena_free(arena);
    return status;
}

static enum cm_status add_kept(struct serials *out, const char *name)
{
    char *end;
    uint64_t serial = strtoull(name + sizeof PREFIX - 1, &end, 10);
    return *end == '\0' && serial > 0 ? cm_buf_add(&out->list, &serial, sizeof serial) : CM_OK;
}

// The directories of the folder, and the serials that its rule sets and overlays name.
static enum cm_status scan(struct serials *kept, struct serials *named, const char *folder)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    enum cm_status status = dir != NULL ? CM_OK : CM_IO;
    while (status == CM_OK && (entry = readdir(dir)) != NULL) {
        const char *suffix = strrchr(entry->d_name, '.');
        if (strncmp(entry->d_name, PREFIX, sizeof PREFIX - 1) == 0) {
            status = add_kept(kept, entry->d_name);
        } else if (suffix != NULL &&
                   (strcmp(suffix, ".ruleset") == 0 || strcmp(suffix, ".overlay") == 0)) {
            status = add_named(named, folder, entry->d_name);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return status;
}

static int descending(const void *a, const void *b)
{
    uint64_t left;
    uint64_t right;
    memcpy(&left, a, sizeof left);
    memcpy(&right, b, sizeof right);
    return (left < right) - (left > right);
}

// Leaves the newest, one of which a set that is on its way may name, and those that a set or
// overlay of the folder names. When one of them can't be read, nothing goes.
static void prune(const char *folder)
{
    struct serials kept = {0};
    struct serials named = {0};
    char path[PATH_MAX];
    enum cm_status status = scan(&kept, &named, folder);
    if (status == CM_OK && count_of(&kept) > NEWEST) {
        qsort(kept.list.data, count_of(&kept), sizeof(uint64_t), descending);
    }
    for (size_t i = NEWEST; status == CM_OK && i < count_of(&kept); i++) {
        uint64_t serial = serial_at(&kept, i);
        if (holds(&named, serial)) {
            continue;
        }
        status = path_of(path, folder, serial, NULL);
        if (status == CM_OK && unlink(path) != 0 && errno != ENOENT) {
            status = CM_IO;
        }
    }
    if (status != CM_OK) {
        cm_log(CM_LOG_WARNING, "directories-not-pruned", "folder=%s status=%s", folder,
               cm_status_name(status));
    }
    cm_buf_clear(&kept.list);
    cm_buf_clear(&named.list);
}

// The directory alone: its CRLs, which are of today, have no say in what it says.
static enum cm_status without_crls(struct cm_buf *out, struct cm_bytes bundle,
                                   struct cm_error *error)
{
    struct cm_directory_bundle parts;
    struct cm_arena *arena = cm_arena_new(2 * CM_MAX_BUNDLE);
    enum cm_status status = arena != NULL ? cm_directory_bundle_decode(&parts, arena, bundle, error)
                                          : cm_fail(error, CM_MEMORY, "directory", "out of memory");
    if (status == CM_OK) {
        parts.crl_count = 0;
        status = cm_directory_bundle_encode(out, &parts);
    }
    cm_arena_free(arena);
    return status;
}

enum cm_status cm_archive_keep(const char *folder, const struct cm_trust *trust,
                               struct cm_error *error)
{
    char path[PATH_MAX];
    struct cm_buf bytes = {0};
    enum cm_status status = path_of(path, folder, cm_trust_directory(trust)->serial, error);
    if (status != CM_OK || access(path, F_OK) == 0) {
        return status;
    }
    status = without_crls(&bytes, cm_trust_bundle(trust), error);
    if (status == CM_OK) {
        status = cm_file_write(path, cm_buf_bytes(&bytes), 0600, error);
    }
    if (status == CM_OK) {
        prune(folder);
    }
    cm_buf_clear(&bytes);
    return status;
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
