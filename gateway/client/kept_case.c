#include "gateway/client/kept_case.h"

#include "proto/base/file.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_FILE = 8 * 1024 };

static enum cm_status path_of(char out[PATH_MAX], const char *folder, struct cm_error *error)
{
    return snprintf(out, PATH_MAX, "%s/case.json", folder) < PATH_MAX
               ? CM_OK
               : cm_fail(error, CM_INVALID, folder, "the path is too long");
}

static void clear_wiped(struct cm_buf *buf)
{
    if (buf->data != NULL) {
        cm_wipe(buf->data, buf->len);
    }
    cm_buf_clear(buf);
}

enum cm_status cm_kept_case_write(const char *folder, const struct cm_kept_case *kept,
                                  struct cm_error *error)
{
    char path[PATH_MAX];
    struct cm_buf text = {0};
    json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:I}", "requester", kept->requester, "case",
                               kept->case_number, "purpose", kept->purpose, "reason", kept->reason,
                               "since_ms", (json_int_t)kept->since_ms);
    char *dump = object != NULL ? json_dumps(object, JSON_INDENT(1)) : NULL;
    enum cm_status status = dump != NULL && cm_buf_printf(&text, "%s\n", dump) == CM_OK
                                ? path_of(path, folder, error)
                                : cm_fail(error, CM_INVALID, "case", "cannot be written as text");
    if (status == CM_OK) {
        status = cm_file_write(path, cm_buf_bytes(&text), 0600, error);
    }
    if (dump != NULL) {
        cm_wipe(dump, strlen(dump));
    }
    free(dump);
    json_decref(object);
    clear_wiped(&text);
    return status;
}

static bool copy(char *out, size_t size, const char *text)
{
    return snprintf(out, size, "%s", text) < (int)size;
}

static enum cm_status decode(struct cm_kept_case *out, struct cm_bytes bytes, const char *path,
                             struct cm_error *error)
{
    const char *requester, *number, *purpose, *reason;
    json_int_t since_ms;
    json_t *object = json_loadb((const char *)bytes.data, bytes.len, JSON_REJECT_DUPLICATES, NULL);
    bool good =
        object != NULL &&
        json_unpack(object, "{s:s, s:s, s:s, s:s, s:I !}", "requester", &requester, "case", &number,
                    "purpose", &purpose, "reason", &reason, "since_ms", &since_ms) == 0 &&
        copy(out->requester, sizeof out->requester, requester) &&
        copy(out->case_number, sizeof out->case_number, number) &&
        copy(out->purpose, sizeof out->purpose, purpose) &&
        copy(out->reason, sizeof out->reason, reason) && since_ms >= 0 &&
        since_ms <= CM_MAX_TIME_MS;
    if (good) {
        out->since_ms = since_ms;
    }
    json_decref(object);
    if (!good) {
        cm_fail(error, CM_INVALID, path, "is not a kept case");
        cm_error_hint(error, "'comity case end' removes it");
        return CM_INVALID;
    }
    return CM_OK;
}

static enum cm_status check_private(const char *path, struct cm_error *error)
{
    struct stat facts;
    if (lstat(path, &facts) != 0) {
        return errno == ENOENT ? cm_fail(error, CM_NOT_FOUND, "case", "none is kept")
                               : cm_fail(error, CM_IO, path, "cannot open: %s", strerror(errno));
    }
    if (!S_ISREG(facts.st_mode) || facts.st_uid != geteuid() ||
        (facts.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        cm_fail(error, CM_INVALID, path, "is not yours alone");
        cm_error_hint(error, "'comity case end' removes it");
        return CM_INVALID;
    }
    return CM_OK;
}

enum cm_status cm_kept_case_read(struct cm_kept_case *out, const char *folder, int64_t now_ms,
                                 struct cm_error *error)
{
    char path[PATH_MAX];
    struct cm_buf file = {0};
    *out = (struct cm_kept_case){.since_ms = 0};
    enum cm_status status = path_of(path, folder, error);
    if (status == CM_OK) {
        status = check_private(path, error);
    }
    if (status == CM_OK) {
        status = cm_file_read(&file, path, MAX_FILE, error);
    }
    if (status == CM_OK) {
        status = decode(out, cm_buf_bytes(&file), path, error);
    }
    clear_wiped(&file);
    // A clock that went back must not keep it longer.
    if (status == CM_OK && (now_ms - out->since_ms >= CM_KEPT_CASE_MS || now_ms < out->since_ms)) {
        unlink(path);
        cm_wipe(out, sizeof *out);
        status = cm_fail(error, CM_STALE, "case", "the one that was kept is over");
    }
    return status;
}

enum cm_status cm_kept_case_end(const char *folder, struct cm_error *error)
{
    char path[PATH_MAX];
    enum cm_status status = path_of(path, folder, error);
    if (status == CM_OK && unlink(path) != 0) {
        status = errno == ENOENT
                     ? cm_fail(error, CM_NOT_FOUND, "case", "none is kept")
                     : cm_fail(error, CM_IO, path, "cannot be removed: %s", strerror(errno));
    }
    return status;
}

bool cm_kept_case_apply(struct cm_asking *asking, const struct cm_kept_case *kept,
                        const char *requester)
{
    bool other =
        strcmp(kept->requester, requester) != 0 ||
        (asking->case_number[0] != '\0' && strcmp(asking->case_number, kept->case_number) != 0);
    bool whole = asking->case_number[0] != '\0' && asking->purpose[0] != '\0' &&
                 (asking->is_reach || asking->reason[0] != '\0');
    if (other || whole) {
        return false;
    }
    (void)copy(asking->case_number, sizeof asking->case_number, kept->case_number);
    if (asking->purpose[0] == '\0') {
        (void)copy(asking->purpose, sizeof asking->purpose, kept->purpose);
    }
    if (asking->reason[0] == '\0') {
        (void)copy(asking->reason, sizeof asking->reason, kept->reason);
    }
    return true;
}
