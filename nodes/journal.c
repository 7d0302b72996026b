#include "nodes/journal.h"

#include "proto/base/file.h"
#include "proto/codec/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define RECORDED_FILE CM_JOURNAL_FILE ".recorded"

enum { MAX_JOURNAL = 64 * 1024 * 1024 };

static enum cm_status path_of(char out[PATH_MAX], const char *folder, const char *name,
                              struct cm_error *error)
{
    const int len = snprintf(out, PATH_MAX, "%s/%s", folder, name);
    return len > 0 && len < PATH_MAX ? CM_OK
                                     : cm_fail(error, CM_INVALID, folder, "the path is too long");
}

static enum cm_status append(const char *path, const char *line, struct cm_error *error)
{
    const size_t len = strlen(line);
    const int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    // One write: two commands at once don't mix their lines.
    const bool ok = fd >= 0 && write(fd, line, len) == (ssize_t)len && fdatasync(fd) == 0;
    const int why = errno;
    if (fd >= 0) {
        close(fd);
    }
    return ok ? CM_OK : cm_fail(error, CM_IO, path, "can't be written: %s", strerror(why));
}

enum cm_status cm_journal_add(const char *rules_folder, const char *what, const char *by,
                              const char *reason, int64_t now_ms, struct cm_error *error)
{
    char path[PATH_MAX], line[CM_MAX_JOURNAL_LINE], hex[2 * CM_BLIND_SIZE + 1];
    uint8_t blind[CM_BLIND_SIZE];
    enum cm_status status = path_of(path, rules_folder, CM_JOURNAL_FILE, error);
    if (!status && cm_random(blind, sizeof blind)) {
        status = cm_fail(error, CM_IO, path, "the machine gives no random numbers");
    }
    if (status) {
        return status;
    }
    cm_hex(hex, (struct cm_bytes){blind, sizeof blind});
    json_t *object = json_pack("{s:I, s:s, s:s, s:s, s:s}", "at_ms", (json_int_t)now_ms, "what",
                               what, "by", by, "reason", reason, "blind", hex);
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    const int len = text ? snprintf(line, sizeof line, "%s\n", text) : -1;
    if (len < 0 || (size_t)len >= sizeof line) {
        status = cm_fail(error, CM_INVALID, "--reason", "is too long, or not UTF-8");
    } else {
        status = append(path, line, error);
    }
    free(text);
    json_decref(object);
    cm_wipe(blind, sizeof blind);
    cm_wipe(hex, sizeof hex);
    return status;
}

// Whether the line is one that cm_journal_add wrote.
static bool read_line(struct cm_journal_line *out, const char *line)
{
    uint8_t blind[CM_BLIND_SIZE];
    json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    const char *what = json_string_value(json_object_get(object, "what"));
    const char *by = json_string_value(json_object_get(object, "by"));
    const char *reason = json_string_value(json_object_get(object, "reason"));
    const char *hex = json_string_value(json_object_get(object, "blind"));
    const bool ok = what && by && reason && hex && cm_unhex(blind, sizeof blind, hex) == CM_OK;
    if (ok) {
        out->at_ms = json_integer_value(json_object_get(object, "at_ms"));
        snprintf(out->what, sizeof out->what, "%s", what);
        snprintf(out->by, sizeof out->by, "%s", by);
        snprintf(out->reason, sizeof out->reason, "%s", reason);
        cm_commitment(&out->commitment, blind, "operator", line);
    }
    cm_wipe(blind, sizeof blind);
    json_decref(object);
    return ok;
}

enum cm_status cm_journal_next(struct cm_journal_line *out, const char *rules_folder,
                               uint64_t *offset, struct cm_error *error)
{
    char path[PATH_MAX], line[CM_MAX_JOURNAL_LINE];
    *out = (struct cm_journal_line){.what = ""};
    const enum cm_status status = path_of(path, rules_folder, CM_JOURNAL_FILE, error);
    const int fd = status ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (status) {
        return status;
    }
    const ssize_t len = fd >= 0 ? pread(fd, line, sizeof line - 1, (off_t)*offset) : 0;
    if (fd >= 0) {
        close(fd);
    }
    char *end = len > 0 ? memchr(line, '\n', (size_t)len) : NULL;
    if (!end && len == (ssize_t)sizeof line - 1) {
        *offset += (uint64_t)len; // of a line longer than any that is written
        return CM_OK;
    }
    if (!end) {
        return CM_NOT_FOUND;
    }
    *end = '\0';
    *offset += (uint64_t)(end - line) + 1;
    if (!read_line(out, line)) {
        out->what[0] = '\0';
    }
    return CM_OK;
}

enum cm_status cm_journal_recorded(uint64_t *offset, const char *rules_folder,
                                   struct cm_error *error)
{
    char path[PATH_MAX];
    struct cm_buf text = {0};
    *offset = 0;
    enum cm_status status = path_of(path, rules_folder, RECORDED_FILE, error);
    if (!status) {
        status = cm_file_read(&text, path, 32, error);
    }
    if (!status && !(status = cm_buf_add(&text, "", 1))) {
        *offset = strtoull((const char *)text.data, NULL, 10);
    }
    cm_buf_clear(&text);
    return status == CM_NOT_FOUND ? CM_OK : status;
}

enum cm_status cm_journal_set_recorded(const char *rules_folder, uint64_t offset,
                                       struct cm_error *error)
{
    char path[PATH_MAX], text[32];
    const enum cm_status status = path_of(path, rules_folder, RECORDED_FILE, error);
    snprintf(text, sizeof text, "%" PRIu64 "\n", offset);
    return status ? status : cm_file_write(path, cm_bytes_of(text), 0600, error);
}

// The lines from before_ms on; what can't be read is old enough to go.
static enum cm_status keep_newer(struct cm_buf *out, struct cm_bytes text, int64_t before_ms)
{
    char line[CM_MAX_JOURNAL_LINE];
    struct cm_journal_line read;
    enum cm_status status = CM_OK;
    while (!status && text.len > 0) {
        const uint8_t *end = memchr(text.data, '\n', text.len);
        const size_t len = end ? (size_t)(end - text.data) + 1 : text.len;
        snprintf(line, sizeof line, "%.*s", (int)(len < sizeof line ? len - 1 : 0), text.data);
        if (read_line(&read, line) && read.at_ms >= before_ms) {
            status = cm_buf_add(out, text.data, len);
        }
        text.data += len;
        text.len -= len;
    }
    cm_wipe(line, sizeof line);
    cm_wipe(&read, sizeof read);
    return status;
}

// A crash in between records lines again rather than passing over one.
static enum cm_status forget(uint64_t *recorded, const char *rules_folder, int64_t before_ms,
                             struct cm_error *error)
{
    char path[PATH_MAX];
    struct cm_buf text = {0}, newer = {0};
    enum cm_status status = path_of(path, rules_folder, CM_JOURNAL_FILE, error);
    if (!status) {
        status = cm_file_read(&text, path, MAX_JOURNAL, error);
    }
    if (!status && text.len != *recorded) {
        status = cm_fail(error, CM_UNAVAILABLE, path, "not all of it is recorded yet");
    }
    if (!status) {
        status = keep_newer(&newer, cm_buf_bytes(&text), before_ms);
    }
    if (!status && newer.len < text.len) {
        status = cm_journal_set_recorded(rules_folder, newer.len, error);
        if (!status) {
            status = cm_file_write(path, cm_buf_bytes(&newer), 0600, error);
        }
    }
    if (!status) {
        *recorded = newer.len;
    }
    cm_wipe(text.data, text.len);
    cm_buf_clear(&text);
    cm_buf_clear(&newer);
    return status == CM_NOT_FOUND ? CM_OK : status;
}

enum cm_status cm_journal_forget(uint64_t *recorded, const char *rules_folder, int64_t before_ms,
                                 struct cm_error *error)
{
    const int lock = open(rules_folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum cm_status status = CM_OK;
    if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) != 0) {
        status = cm_fail(error, CM_UNAVAILABLE, rules_folder, "somebody is writing there");
    }
    if (!status) {
        status = forget(recorded, rules_folder, before_ms, error);
    }
    if (lock >= 0) {
        close(lock);
    }
    return status;
}
