#include "acl/bundle/archive.h"
#include "acl/bundle/bundle_internal.h"
#include "proto/base/file.h"
#include "proto/base/log.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OVERLAY_WORD "overlay "

static enum cm_status path_of(char out[PATH_MAX], const struct cm_bundle *bundle,
                              const char *suffix, struct cm_error *error)
{
    int len = snprintf(out, PATH_MAX, "%s/%s.%s", bundle->folder, bundle->agency, suffix);
    return len > 0 && len < PATH_MAX
               ? CM_OK
               : cm_fail(error, CM_INVALID, bundle->folder, "the path is too long");
}

// What was accepted, line by line: sets by sequence and digest, last the overlay. next: a set that
// is about to be the newest, or NULL.
static enum cm_status write_history(const struct cm_bundle *bundle, const struct cm_standing *next,
                                    const struct overlay_state *overlay, struct cm_error *error)
{
    char path[PATH_MAX];
    char hex[2 * CM_DIGEST_SIZE + 1];
    struct cm_buf text = {0};
    enum cm_status status = path_of(path, bundle, "history", error);
    for (size_t i = 0; i < bundle->past_count && status == CM_OK; i++) {
        cm_hex(hex, cm_bytes_digest(&bundle->past[i].digest));
        status = cm_buf_printf(&text, "%" PRIu64 " %s\n", bundle->past[i].sequence, hex);
    }
    if (status == CM_OK && next != NULL) {
        cm_hex(hex, cm_bytes_digest(&next->digest));
        status = cm_buf_printf(&text, "%" PRIu64 " %s\n", next->sequence, hex);
    }
    if (status == CM_OK && overlay->sequence > 0) {
        cm_hex(hex, cm_bytes_digest(&overlay->digest));
        status = cm_buf_printf(&text, OVERLAY_WORD "%" PRIu64 " %" PRIu64 " %s\n",
                               overlay->sequence, overlay->revision, hex);
    }
    if (status == CM_OK) {
        status = cm_file_write(path, cm_buf_bytes(&text), 0600, error);
    }
    cm_buf_clear(&text);
    return status;
}

enum cm_status cm_bundle_persist(const struct cm_bundle *bundle, struct cm_trust *trust,
                                 const struct cm_standing *standing, bool known,
                                 struct cm_error *error)
{
    char path[PATH_MAX];
    if (bundle->folder == NULL) {
        return CM_OK;
    }
    enum cm_status status = cm_archive_keep(bundle->folder, trust, error);
    // The history first: a set without its line in it would not be taken back after a crash.
    if (status == CM_OK) {
        status = write_history(bundle, known ? NULL : standing, &bundle->overlay, error);
    }
    if (status == CM_OK) {
        status = path_of(path, bundle, "ruleset", error);
    }
    return status == CM_OK ? cm_file_write(path, cm_buf_bytes(&standing->envelope), 0600, error)
                           : status;
}

enum cm_status cm_bundle_persist_overlay(const struct cm_bundle *bundle, struct cm_trust *trust,
                                         const struct overlay_state *overlay,
                                         struct cm_error *error)
{
    char path[PATH_MAX];
    if (bundle->folder == NULL) {
        return CM_OK;
    }
    enum cm_status status = cm_archive_keep(bundle->folder, trust, error);
    if (status == CM_OK) {
        status = path_of(path, bundle, "overlay", error);
    }
    // The overlay first: after a crash one newer than its line is taken, an older one is not.
    if (status == CM_OK) {
        status = cm_file_write(path, cm_buf_bytes(&overlay->envelope), 0600, error);
    }
    return status == CM_OK ? write_history(bundle, NULL, overlay, error) : status;
}

static bool read_number(uint64_t *out, char **at)
{
    char *end;
    if (**at < '0' || **at > '9') {
        return false;
    }
    *out = strtoull(*at, &end, 10);
    bool ok = *end == ' ';
    *at = end + 1;
    return ok;
}

static bool read_line(struct cm_bundle *bundle, char *line)
{
    struct overlay_state *overlay = &bundle->overlay;
    struct past past = {0};
    if (overlay->sequence > 0) {
        return false; // the overlay's line is the last
    }
    if (strncmp(line, OVERLAY_WORD, sizeof OVERLAY_WORD - 1) == 0) {
        line += sizeof OVERLAY_WORD - 1;
        return read_number(&overlay->sequence, &line) && read_number(&overlay->revision, &line) &&
               overlay->sequence > 0 && cm_unhex(overlay->digest.b, CM_DIGEST_SIZE, line) == CM_OK;
    }
    uint64_t last = bundle->past_count > 0 ? bundle->past[bundle->past_count - 1].sequence : 0;
    if (!read_number(&past.sequence, &line) || past.sequence <= last ||
        cm_unhex(past.digest.b, CM_DIGEST_SIZE, line) != CM_OK) {
        return false;
    }
    cm_bundle_remember(bundle, past.sequence, &past.digest);
    return true;
}

static enum cm_status read_history(struct cm_bundle *bundle, struct cm_error *error)
{
    char path[PATH_MAX];
    struct cm_buf text = {0};
    enum cm_status status = path_of(path, bundle, "history", error);
    if (status == CM_OK) {
        status = cm_file_read(&text, path, (MAX_HISTORY + 1) * (size_t)HISTORY_LINE, error);
    }
    if (status == CM_OK) {
        status = cm_buf_add(&text, "", 1);
    }
    for (char *line = (char *)text.data; status == CM_OK && *line != '\0';) {
        char *end = strchr(line, '\n');
        if (end != NULL) {
            *end = '\0';
        }
        if (end == NULL || !read_line(bundle, line)) {
            status = cm_fail(error, CM_INVALID, path, "is damaged");
            cm_error_hint(error, "restore the folder; without it an administrator signs anew");
            break;
        }
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

static enum cm_status load_overlay(struct cm_bundle *bundle, struct cm_arena *arena,
                                   struct cm_trust *trust, struct cm_error *error)
{
    struct cm_envelope envelope;
    struct cm_buf file = {0};
    enum cm_status status = read_envelope(&envelope, arena, &file, bundle, "overlay", NULL);
    status = cm_bundle_load_overlay(bundle, trust, status == CM_OK ? &envelope : NULL, error);
    cm_buf_clear(&file);
    return status;
}

enum cm_status cm_bundle_load(struct cm_bundle *bundle, struct cm_trust *trust, int64_t now_ms,
                              struct cm_error *error)
{
    struct cm_envelope envelope;
    struct cm_buf file = {0};
    struct cm_arena *arena = cm_arena_new(BUNDLE_ARENA_CAP);
    enum cm_status status = arena == NULL ? cm_fail(error, CM_MEMORY, bundle->agency, "no memory")
                                          : read_history(bundle, error);
    bool lost = status == CM_NOT_FOUND; // or nothing was accepted yet: no set stands
    if (status == CM_OK || lost) {
        status = load_overlay(bundle, arena, trust, error);
    }
    if (status == CM_OK && !lost) {
        status = read_envelope(&envelope, arena, &file, bundle, "ruleset", error);
        if (status == CM_OK) {
            status = load_set(bundle, trust, &envelope, now_ms, error);
        } else if (status == CM_NOT_FOUND) {
            status = CM_OK; // a crash before the very first set was written: nothing stands yet
        }
    }
    cm_buf_clear(&file);
    cm_arena_free(arena);
    return status;
}
