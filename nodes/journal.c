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
#include <sys/stat.h>
#include <unistd.h>

#define RECORDED_FILE CM_JOURNAL_FILE ".recorded"

enum { MAX_JOURNAL = 64 * 1024 * 1024, MAX_RECORDED = 2 * CM_DIGEST_SIZE + 24 };

static enum cm_status path_of(char out[PATH_MAX], const char *folder, const char *name,
                              struct cm_error *error)
{
    const int len = snprintf(out, PATH_MAX, "%s/%s", folder, name);
    return len > 0 && len < PATH_MAX ? CM_OK
                                     : cm_fail(error, CM_INVALID, folder, "the path is too long");
}

static enum cm_status append(const char *path, const char *line, struct cm_error *error)
{
    struct stat before;
    const size_t len = strlen(line);
    const int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    const bool known = fd >= 0 && fstat(fd, &before) == 0;
    // One write: two commands at once don't mix their lines.
    const bool ok = known && write(fd, line, len) == (ssize_t)len && fdatasync(fd) == 0;
    const int why = errno;
    if (known && !ok) {
        (void)!ftruncate(fd, before.st_size); // half a line would spoil the next one
    }
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
    ssize_t len = fd >= 0 ? pread(fd, line, sizeof line - 1, (off_t)*offset) : 0;
    if (fd >= 0) {
        close(fd);
    }
    char *end = len > 0 ? memchr(line, '\n', (size_t)len) : NULL;
    if (!end && len < (ssize_t)sizeof line - 1) {
        return CM_NOT_FOUND;
    }
    len = end ? end - line + 1 : len; // else of a line longer than any that is written
    *offset += (uint64_t)len;
    cm_sha256_of(&out->digest, (struct cm_bytes){(const uint8_t *)line, (size_t)len});
    if (end) {
        *end = '\0';
    }
    if (!end || !read_line(out, line)) {
        out->what[0] = '\0';
    }
    cm_wipe(line, sizeof line);
    return CM_OK;
}

enum cm_status cm_journal_find(uint64_t *end, const char *rules_folder,
                               const struct cm_digest *wanted, struct cm_error *error)
{
    struct cm_journal_line line;
    enum cm_status status;
    uint64_t at = 0;
    do {
        status = cm_journal_next(&line, rules_folder, &at, error);
    } while (!status && !cm_digest_equal(&line.digest, wanted));
    cm_wipe(&line, sizeof line);
    *end = status ? 0 : at;
    return status;
}

// As one line: the digest in hexadecimal, and the number.
enum cm_status cm_journal_recorded(struct cm_journal_place *out, const char *rules_folder,
                                   struct cm_error *error)
{
    enum { HEX = 2 * CM_DIGEST_SIZE };
    char path[PATH_MAX], *end = NULL;
    struct cm_buf text = {0};
    enum cm_status status = path_of(path, rules_folder, RECORDED_FILE, error);
    if (!status) {
        status = cm_file_read(&text, path, MAX_RECORDED, error);
    }
    if (!status) {
        status = cm_buf_add(&text, "", 1);
    }
    char *line = (char *)text.data;
    if (!status && text.len > HEX + 2 && line[HEX] == ' ') {
        line[HEX] = '\0';
        out->entries = strtoull(line + HEX + 1, &end, 10);
    }
    if (!status && (!end || *end != '\n' || cm_unhex(out->line.b, sizeof out->line.b, line))) {
        status = cm_fail(error, CM_INVALID, path, "does not say how far the journal is recorded");
    }
    cm_buf_clear(&text);
    return status;
}

enum cm_status cm_journal_set_recorded(const char *rules_folder,
                                       const struct cm_journal_place *place, struct cm_error *error)
{
    char path[PATH_MAX], hex[2 * CM_DIGEST_SIZE + 1], text[MAX_RECORDED];
    const enum cm_status status = path_of(path, rules_folder, RECORDED_FILE, error);
    cm_hex(hex, cm_bytes_digest(&place->line));
    snprintf(text, sizeof text, "%s %" PRIu64 "\n", hex, place->entries);
    return status ? status : cm_file_write(path, cm_bytes_of(text), 0600, error);
}

// Behind the last line said before before_ms; what can't be read is old enough to go.
static size_t end_of_old(struct cm_bytes text, int64_t before_ms)
{
    char line[CM_MAX_JOURNAL_LINE];
    struct cm_journal_line read;
    size_t at = 0, end = 0;
    while (at < text.len) {
        const uint8_t *newline = memchr(text.data + at, '\n', text.len - at);
        const size_t len = newline ? (size_t)(newline - text.data) + 1 - at : text.len - at;
        snprintf(line, sizeof line, "%.*s", (int)(len < sizeof line ? len - 1 : 0), text.data + at);
        at += len;
        if (!read_line(&read, line) || read.at_ms < before_ms) {
            end = at;
        }
    }
    cm_wipe(line, sizeof line);
    cm_wipe(&read, sizeof read);
    return end;
}

static enum cm_status forget(uint64_t *recorded, const char *rules_folder, int64_t before_ms,
                             struct cm_error *error)
{
    char path[PATH_MAX];
    struct cm_buf text = {0};
    size_t end = 0;
    enum cm_status status = path_of(path, rules_folder, CM_JOURNAL_FILE, error);
    if (!status) {
        status = cm_file_read(&text, path, MAX_JOURNAL, error);
    }
    if (!status && text.len != *recorded) {
        status = cm_fail(error, CM_UNAVAILABLE, path, "not all of it is recorded yet");
    }
    if (!status) {
        end = end_of_old(cm_buf_bytes(&text), before_ms);
    }
    if (!status && end > 0) {
        const struct cm_bytes newer = {text.data + end, text.len - end};
        status = cm_file_write(path, newer, 0600, error);
    }
    if (!status) {
        *recorded -= end;
    }
    cm_wipe(text.data, text.len);
    cm_buf_clear(&text);
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
