#include "gateway/client/transcript_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PART ".part"

enum {
    // A lookup ends within 62 s: one that was not touched for so long is dead.
    DEAD_MS = 10 * 60 * 1000,
    AHEAD_MS = 60 * 1000, // a file dated further ahead would never grow old
    LEAST_PREFIX = 4,
    HEX = CM_ANSWER_ID_SIZE - 1,
};

static const char hex[] = "0123456789abcdef";

static bool is_answer(const char *name, bool *unfinished)
{
    size_t digits = strspn(name, hex);
    *unfinished = digits == HEX && strcmp(name + HEX, PART) == 0;
    return digits == HEX && (name[HEX] == '\0' || *unfinished);
}

static enum cm_status grow(struct cm_answers *answers)
{
    size_t cap = answers->cap == 0 ? 64 : 2 * answers->cap;
    struct cm_answer_file *files = realloc(answers->files, cap * sizeof *files);
    if (files == NULL) {
        return CM_MEMORY;
    }
    answers->files = files;
    answers->cap = cap;
    return CM_OK;
}

static enum cm_status enter(struct cm_answers *answers, const struct cm_answer_file *file)
{
    if (answers->count == answers->cap && grow(answers) != CM_OK) {
        return CM_MEMORY;
    }
    answers->files[answers->count++] = *file;
    answers->bytes += file->size;
    return CM_OK;
}

static enum cm_status take(struct cm_answers *answers, int folder, const char *name, int64_t now_ms)
{
    struct stat facts;
    struct cm_answer_file file;
    bool unfinished;
    if (!is_answer(name, &unfinished) || fstatat(folder, name, &facts, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(facts.st_mode)) {
        return CM_OK;
    }
    file.kept_ms = (int64_t)facts.st_mtim.tv_sec * 1000 + facts.st_mtim.tv_nsec / 1000000;
    file.size = (uint64_t)facts.st_size;
    memcpy(file.id, name, HEX);
    file.id[HEX] = '\0';
    int64_t age_ms = now_ms - file.kept_ms;
    if (age_ms < -AHEAD_MS || age_ms >= (unfinished ? DEAD_MS : CM_ANSWER_KEPT_MS)) {
        answers->expired += unlinkat(folder, name, 0) == 0;
        return CM_OK;
    }
    answers->unfinished += unfinished;
    return unfinished ? CM_OK : enter(answers, &file);
}

static int oldest_first(const void *a, const void *b)
{
    const struct cm_answer_file *x = a;
    const struct cm_answer_file *y = b;
    return (x->kept_ms > y->kept_ms) - (x->kept_ms < y->kept_ms);
}

static enum cm_status list(struct cm_answers *answers, int64_t now_ms, struct cm_error *error)
{
    DIR *folder = opendir(answers->folder);
    if (folder == NULL) {
        return cm_fail(error, CM_IO, answers->folder, "cannot open: %s", strerror(errno));
    }
    enum cm_status status = CM_OK;
    const struct dirent *entry;
    while (status == CM_OK && (entry = readdir(folder)) != NULL) {
        status = take(answers, dirfd(folder), entry->d_name, now_ms);
    }
    closedir(folder);
    if (status != CM_OK) {
        return cm_fail(error, status, answers->folder, "out of memory");
    }
    if (answers->count > 0) {
        qsort(answers->files, answers->count, sizeof answers->files[0], oldest_first);
    }
    return CM_OK;
}

enum cm_status cm_answers_open(struct cm_answers *out, const char *state, int64_t now_ms,
                               struct cm_error *error)
{
    struct stat facts;
    *out = (struct cm_answers){0};
    if (snprintf(out->folder, sizeof out->folder, "%s/answers", state) >= PATH_MAX - 64) {
        return cm_fail(error, CM_INVALID, state, "the path is too long");
    }
    if (mkdir(out->folder, 0700) != 0 && errno != EEXIST) {
        return cm_fail(error, CM_IO, out->folder, "cannot make this folder: %s", strerror(errno));
    }
    if (lstat(out->folder, &facts) != 0 || !S_ISDIR(facts.st_mode) || facts.st_uid != geteuid() ||
        (facts.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        cm_fail(error, CM_INVALID, out->folder, "is not a folder of yours alone");
        cm_error_hint(error, "chmod 700 it, or move it away");
        return CM_INVALID;
    }
    enum cm_status status = list(out, now_ms, error);
    if (status != CM_OK) {
        cm_answers_clear(out);
    }
    return status;
}

void cm_answers_clear(struct cm_answers *answers)
{
    free(answers->files);
    *answers = (struct cm_answers){0};
}

enum cm_status cm_answers_path(char out[PATH_MAX], const struct cm_answers *answers, const char *id,
                               bool unfinished, struct cm_error *error)
{
    int len = snprintf(out, PATH_MAX, "%s/%s%s", answers->folder, id, unfinished ? PART : "");
    return len < PATH_MAX ? CM_OK
                          : cm_fail(error, CM_INVALID, answers->folder, "the path is too long");
}

enum cm_status cm_answers_find(const struct cm_answer_file **out, const struct cm_answers *answers,
                               const char *prefix, struct cm_error *error)
{
    size_t len = strlen(prefix);
    *out = NULL;
    if (len < LEAST_PREFIX || len > HEX || strspn(prefix, hex) != len) {
        return cm_fail(error, CM_INVALID, "ID", "is %d to %d of 0-9 and a-f", LEAST_PREFIX, HEX);
    }
    for (size_t i = 0; i < answers->count; i++) {
        if (strncmp(answers->files[i].id, prefix, len) != 0) {
            continue;
        }
        if (*out != NULL) {
            return cm_fail(error, CM_INVALID, prefix,
                           "several kept answers begin so: give more of it");
        }
        *out = &answers->files[i];
    }
    if (*out == NULL) {
        cm_fail(error, CM_NOT_FOUND, prefix, "no answer of that id is kept");
        cm_error_hint(error, "`comity receipt list` says which are; each is kept for 24 hours");
        return CM_NOT_FOUND;
    }
    return CM_OK;
}

static void remove_oldest(struct cm_answers *answers)
{
    char path[PATH_MAX];
    if (cm_answers_path(path, answers, answers->files[0].id, false, NULL) == CM_OK) {
        unlink(path); // another process may have been first
    }
    answers->bytes -= answers->files[0].size;
    answers->count--;
    memmove(answers->files, answers->files + 1, answers->count * sizeof answers->files[0]);
}

enum cm_status cm_answers_add(struct cm_answers *answers, const struct cm_answer_file *file,
                              size_t *removed, struct cm_error *error)
{
    *removed = 0;
    while (answers->count > 0 && (answers->count >= CM_MAX_ANSWERS ||
                                  answers->bytes + file->size > CM_MAX_ANSWER_BYTES)) {
        remove_oldest(answers);
        ++*removed;
    }
    return enter(answers, file) == CM_OK
               ? CM_OK
               : cm_fail(error, CM_MEMORY, answers->folder, "out of memory");
}
