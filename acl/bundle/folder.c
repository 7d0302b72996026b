#include "acl/bundle/archive.h"
#include "acl/bundle/bundle_internal.h"
#include "proto/base/file.h"
#include "proto/base/log.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum cm_status path_of(char out[PATH_MAX], const struct cm_bundle *bundle,
                              const char *suffix, struct cm_error *error)
{
    int len = snprintf(out, PATH_MAX, "%s/%s.%s", bundle->folder, bundle->agency, suffix);
    return len > 0 && len < PATH_MAX
               ? CM_OK
               : cm_fail(error, CM_INVALID, bundle->folder, "the path is too long");
}

enum cm_status cm_bundle_persist(const struct cm_bundle *bundle, struct cm_trust *trust,
                                 const struct cm_standing *standing, bool known,
                                 struct cm_error *error)
{
    char path[PATH_MAX];
    char hex[2 * CM_DIGEST_SIZE + 1];
    struct cm_buf history = {0};
    if (bundle->folder == NULL) {
        return CM_OK;
    }
    enum cm_status status = cm_archive_keep(bundle->folder, trust, error);
    size_t lines = bundle->past_count + (known ? 0 : 1);
    for (size_t i = 0; i < lines && status == CM_OK; i++) {
        bool last = i == bundle->past_count;
        cm_hex(hex, cm_bytes_digest(last ? &standing->digest : &bundle->past[i].digest));
        status = cm_buf_printf(&history, "%" PRIu64 " %s\n",
                               last ? standing->sequence : bundle->past[i].sequence, hex);
    }
    // The history first: a set without its line in it would not be taken back after a crash.
    if (status == CM_OK && path_of(path, bundle, "history", error) == CM_OK) {
        status = cm_file_write(path, cm_buf_bytes(&history), 0600, error);
    }
    if (status == CM_OK) {
        status = path_of(path, bundle, "ruleset", error);
    }
    if (status == CM_OK) {
        status = cm_file_write(path, cm_buf_bytes(&standing->envelope), 0600, error);
    }
    cm_buf_clear(&history);
    return status;
}

enum cm_status cm_bundle_persist_overlay(const struct cm_bundle *bundle,
                                         const struct cm_standing *standing, struct cm_error *error)
{
    char path[PATH_MAX];
    if (bundle->folder == NULL) {
        return CM_OK;
    }
    enum cm_status status = path_of(path, bundle, "overlay", error);
    return status == CM_OK
               ? cm_file_write(path, cm_buf_bytes(&standing->overlay_envelope), 0600, error)
               : status;
}

static enum cm_status read_history(struct cm_bundle *bundle, struct cm_error *error)
{
    char path[PATH_MAX];
    struct cm_buf text = {0};
    uint64_t last = 0;
    enum cm_status status = path_of(path, bundle, "history", error);
    if (status == CM_OK) {
        status = cm_file_read(&text, path, (size_t)MAX_HISTORY * HISTORY_LINE, error);
    }
    if (status == CM_OK) {
        status = cm_buf_add(&text, "", 1);
    }
    for (char *line = (char *)text.data; status == CM_OK && *line != '\0';) {
        char *end = strchr(line, '\n');
        struct past past = {0};
        char *hex;
        past.sequence = strtoull(line, &hex, 10);
        if (end == NULL || *hex != ' ') {
            status = cm_fail(error, CM_INVALID, path, "is damaged");
            break;
        }
        *end = '\0';
        if (cm_unhex(past.digest.b, CM_DIGEST_SIZE, hex + 1) != CM_OK || past.sequence <= last) {
            status = cm_fail(error, CM_INVALID, path, "is damaged");
            break;
        }
        cm_bundle_remember(bundle, past.sequence, &past.digest);
        last = past.sequence;
        line = end + 1;
    }
    cm_buf_clear(&text);
    return status;
}

static enum cm_status read_envelope(struct cm_envelope *out, struct cm_arena *arena,
                                    struct cm_buf *file, const struct cm_bundle *bundle,
                                    const char *suffix, struct cm_error *error)
{
    char path[PATH_MAX];
    enum cm_status status = path_of(path, bundle, suffix, error);
    if (status == CM_OK) {
        status = cm_file_read(file, path, MAX_FILE, error);
    }
    return status == CM_OK ? cm_envelope_decode(out, arena, cm_buf_bytes(file), error) : status;
}

// A set that was accepted but that the directory of today, or a missing one, no longer lets stand
// denies everything; its history stays, so that nothing older can come back. Only what somebody
// altered is an error.
static enum cm_status load_set(struct cm_bundle *bundle, struct cm_trust *trust,
                               const struct cm_envelope *envelope, int64_t now_ms,
                               struct cm_error *error)
{
    struct cm_digest digest;
    struct cm_error why = {.status = CM_OK};
    cm_sha256_of(&digest, envelope->payload);
    // A crash between history and set leaves the one before the newest; anything older was put
    // there.
    size_t from = bundle->past_count > 2 ? bundle->past_count - 2 : 0;
    bool known = false;
    for (size_t i = from; i < bundle->past_count; i++) {
        known = known || cm_digest_equal(&bundle->past[i].digest, &digest);
    }
    if (!known) {
        return cm_fail(error, CM_INVALID, bundle->agency,
                       "the rule set on disk is not the one that was accepted last");
    }
    if (cm_bundle_take(bundle, trust, envelope, FROM_FOLDER, now_ms, &why) != CM_OK) {
        cm_log(CM_LOG_ERROR, "rules-do-not-stand", "agency=%s where=%s error=\"%s\"",
               bundle->agency, why.where, why.text);
    }
    return CM_OK;
}

enum cm_status cm_bundle_load(struct cm_bundle *bundle, struct cm_trust *trust, int64_t now_ms,
                              struct cm_error *error)
{
    struct cm_envelope envelope;
    struct cm_buf file = {0};
    struct cm_arena *arena = cm_arena_new(BUNDLE_ARENA_CAP);
    enum cm_status status = arena == NULL ? CM_MEMORY : read_history(bundle, error);
    bool first = status == CM_NOT_FOUND;
    if (status == CM_OK) {
        status = read_envelope(&envelope, arena, &file, bundle, "ruleset", error);
        if (status == CM_OK) {
            status = load_set(bundle, trust, &envelope, now_ms, error);
        } else if (status == CM_NOT_FOUND) {
            first = true; // a crash before the very first set was written: nothing stands yet
        }
    }
    first = first || (status == CM_OK && bundle->standing == NULL);
    cm_buf_clear(&file);
    if (status == CM_OK) {
        status = read_envelope(&envelope, arena, &file, bundle, "overlay", error);
        if (status == CM_OK) {
            status = cm_bundle_take_overlay(bundle, trust, &envelope, false, error);
        }
        if (status == CM_NOT_FOUND) {
            status = CM_OK;
        }
    }
    cm_buf_clear(&file);
    cm_arena_free(arena);
    return first ? CM_OK : status;
}
