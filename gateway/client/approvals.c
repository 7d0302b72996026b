#include "gateway/client/approvals.h"

#include "proto/base/file.h"
#include "proto/trust/approval_check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SCRATCH_CAP = 64 * 1024 };

bool cm_approvals_is_id(const char *text)
{
    return strlen(text) == CM_APPROVAL_ID - 1 &&
           strspn(text, "0123456789abcdef") == CM_APPROVAL_ID - 1;
}

static bool is_file(char id[CM_APPROVAL_ID], const char *name)
{
    const char *dot = strchr(name, '.');
    if (dot == NULL || dot - name != CM_APPROVAL_ID - 1 ||
        (strcmp(dot, ".request") != 0 && strcmp(dot, ".approval") != 0)) {
        return false;
    }
    snprintf(id, CM_APPROVAL_ID, "%.*s", CM_APPROVAL_ID - 1, name);
    return cm_approvals_is_id(id);
}

static int by_id(const void *a, const void *b)
{
    return memcmp(a, b, CM_APPROVAL_ID);
}

static void drop_repeated(struct cm_approvals *approvals)
{
    size_t kept = 0;
    for (size_t i = 0; i < approvals->count; i++) {
        if (kept == 0 || by_id(approvals->ids[i], approvals->ids[kept - 1]) != 0) {
            memmove(approvals->ids[kept++], approvals->ids[i], CM_APPROVAL_ID);
        }
    }
    approvals->count = kept;
}

static enum cm_status check_folder(const char *folder, struct cm_error *error)
{
    struct stat facts;
    if (stat(folder, &facts) != 0) {
        return cm_fail(error, CM_NOT_FOUND, folder, "cannot open: %s", strerror(errno));
    }
    if (!S_ISDIR(facts.st_mode)) {
        return cm_fail(error, CM_INVALID, folder, "is not a folder");
    }
    if ((facts.st_mode & S_IRWXO) != 0) {
        cm_fail(error, CM_INVALID, folder, "others than its group may look into it");
        cm_error_hint(error, "plates and reasons lie there: chmod o-rwx %.100s", folder);
        return CM_INVALID;
    }
    return CM_OK;
}

enum cm_status cm_approvals_open(struct cm_approvals *out, const char *folder,
                                 struct cm_error *error)
{
    *out = (struct cm_approvals){.folder = folder};
    enum cm_status status = check_folder(folder, error);
    if (status != CM_OK) {
        return status;
    }
    DIR *stream = opendir(folder);
    out->ids = calloc(CM_MAX_APPROVALS, sizeof *out->ids);
    if (stream == NULL || out->ids == NULL) {
        status = cm_fail(error, CM_IO, folder, "cannot be read: %s", strerror(errno));
        goto out;
    }
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        char id[CM_APPROVAL_ID];
        if (!is_file(id, entry->d_name)) {
            continue;
        }
        if (out->count == CM_MAX_APPROVALS) {
            status = cm_fail(error, CM_EXHAUSTED, folder, "more than %d files", CM_MAX_APPROVALS);
            cm_error_hint(error, "move those away that are over");
            goto out;
        }
        memcpy(out->ids[out->count++], id, sizeof id);
    }
    qsort(out->ids, out->count, sizeof *out->ids, by_id);
    drop_repeated(out);
out:
    if (stream != NULL) {
        closedir(stream);
    }
    if (status != CM_OK) {
        cm_approvals_clear(out);
    }
    return status;
}

void cm_approvals_clear(struct cm_approvals *approvals)
{
    free(approvals->ids);
    *approvals = (struct cm_approvals){0};
}

enum cm_status cm_approvals_path(char *out, size_t size, const char *folder, const char *id,
                                 const char *suffix, struct cm_error *error)
{
    if (snprintf(out, size, "%s/%s.%s", folder, id, suffix) >= (int)size) {
        return cm_fail(error, CM_INVALID, folder, "the path is too long");
    }
    return CM_OK;
}

static enum cm_status read_private(struct cm_buf *out, const char *path, size_t max,
                                   struct cm_error *error)
{
    struct stat facts;
    if (stat(path, &facts) == 0 && S_ISREG(facts.st_mode) && (facts.st_mode & S_IRWXO) != 0) {
        cm_fail(error, CM_INVALID, path, "everybody may read or write it");
        cm_error_hint(error, "chmod o-rwx %.140s", path);
        return CM_INVALID;
    }
    return cm_file_read(out, path, max, error);
}

static void clear_wiped(struct cm_buf *buf)
{
    if (buf->data != NULL) {
        cm_wipe(buf->data, buf->len);
    }
    cm_buf_clear(buf);
}

enum cm_status cm_approvals_request(struct cm_approval_request *out, const char *path,
                                    struct cm_error *error)
{
    struct cm_buf file = {0};
    enum cm_status status = read_private(&file, path, CM_MAX_APPROVAL_REQUEST, error);
    if (status == CM_OK) {
        status = cm_approval_request_decode(out, cm_buf_bytes(&file), path, error);
    }
    clear_wiped(&file);
    return status;
}

enum cm_status cm_approvals_read(struct cm_approval *out, struct cm_envelope *envelope,
                                 struct cm_arena *arena, const char *path, struct cm_error *error)
{
    struct cm_buf file = {0};
    struct cm_bytes kept;
    enum cm_status status = read_private(&file, path, CM_MAX_APPROVAL, error);
    if (status == CM_OK) {
        status = cm_arena_bytes(arena, &kept, cm_buf_bytes(&file));
    }
    if (status == CM_OK) {
        status = cm_envelope_decode(envelope, arena, kept, error);
    }
    if (status == CM_OK && envelope->family != CM_FAMILY_APPROVAL) {
        status = cm_fail(error, CM_INVALID, path, "is not a supervisor's approval");
    }
    if (status == CM_OK) {
        status = cm_approval_decode(out, arena, envelope->payload, error);
    }
    clear_wiped(&file);
    return status;
}

enum cm_status cm_approvals_verify(const struct cm_approval *approval,
                                   const struct cm_envelope *envelope, struct cm_trust *trust,
                                   int64_t now_ms, struct cm_error *error)
{
    // The requester's key isn't known here: nodes compare it with the supervisor's.
    struct cm_identity requester;
    const struct cm_query query = {.approval = *envelope};
    enum cm_status status = cm_identity_parse(&requester, cm_bytes_of(approval->requester), error);
    return status == CM_OK ? cm_approval_verify(approval, trust, &query, &requester, now_ms, error)
                           : status;
}

// Whether the file holds for query; query->approval is then it.
static bool fits(struct cm_query *query, struct cm_approval *out, struct cm_arena *arena,
                 const char *path, struct cm_trust *trust, int64_t now_ms)
{
    struct cm_query with = *query;
    struct cm_identity requester;
    if (cm_approvals_read(out, &with.approval, arena, path, NULL) != CM_OK ||
        cm_approval_read(out, arena, &with, now_ms, NULL) != CM_OK || now_ms >= out->expires_ms ||
        cm_identity_parse(&requester, cm_bytes_of(query->signer), NULL) != CM_OK) {
        return false;
    }
    requester.key_hash = query->key_hash;
    if (cm_approval_verify(out, trust, &with, &requester, now_ms, NULL) != CM_OK) {
        return false;
    }
    query->approval = with.approval;
    return true;
}

enum cm_status cm_approvals_find(char found[CM_APPROVAL_ID], struct cm_approval *out,
                                 struct cm_query *query, const struct cm_approvals *approvals,
                                 struct cm_arena *arena, struct cm_trust *trust, int64_t now_ms)
{
    char path[PATH_MAX];
    int64_t newest_ms = -1;
    found[0] = '\0';
    struct cm_arena *scratch = cm_arena_new(SCRATCH_CAP);
    if (scratch == NULL) {
        return CM_MEMORY;
    }
    for (size_t i = 0; i < approvals->count; i++) {
        struct cm_query with = *query;
        struct cm_approval approval;
        cm_arena_reset(scratch);
        if (cm_approvals_path(path, sizeof path, approvals->folder, approvals->ids[i], "approval",
                              NULL) == CM_OK &&
            fits(&with, &approval, scratch, path, trust, now_ms) &&
            approval.issued_ms > newest_ms) {
            newest_ms = approval.issued_ms;
            memcpy(found, approvals->ids[i], CM_APPROVAL_ID);
        }
    }
    cm_arena_free(scratch);
    if (found[0] == '\0') {
        return CM_OK;
    }
    // Read once more, into what outlives this.
    bool still =
        cm_approvals_path(path, sizeof path, approvals->folder, found, "approval", NULL) == CM_OK &&
        fits(query, out, arena, path, trust, now_ms);
    if (!still) {
        found[0] = '\0';
    }
    return CM_OK;
}
