#include "proto/ledger/cli/exporter.h"

#include "proto/base/file.h"
#include "proto/ledger/cli/record_fields.h"
#include "proto/ledger/epoch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 256 * 1024, MAX_BESIDE = 1024 * 1024 };

struct exporter {
    struct cm_ledger_folder *folder;
    const struct cm_exporter_options *options;
    char to[PATH_MAX]; // of the epoch that is copied
};

static enum cm_status failed(struct cm_error *error, const char *path, const char *what)
{
    return cm_fail(error, CM_IO, path, "can't be %s: %s", what, strerror(errno));
}

static enum cm_status make_folder(const char *path, struct cm_error *error)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return failed(error, path, "made");
    }
    DIR *folder = opendir(path);
    if (!folder) {
        return failed(error, path, "opened");
    }
    unsigned count = 0;
    while (readdir(folder) && count < 3) {
        count++;
    }
    closedir(folder);
    return count <= 2 ? CM_OK : cm_fail(error, CM_INVALID, path, "is not empty");
}

// Names in a folder of a path that may be as long as any.
static enum cm_status path_in(char out[PATH_MAX], const char *folder, const char *name,
                              struct cm_error *error)
{
    const int len = snprintf(out, PATH_MAX, "%s/%s", folder, name);
    return len > 0 && len < PATH_MAX ? CM_OK
                                     : cm_fail(error, CM_INVALID, folder, "the path is too long");
}

static enum cm_status copy_bytes(int to, int from, uint64_t len, const char *path,
                                 struct cm_error *error)
{
    static uint8_t chunk[CHUNK];
    uint64_t at = 0;
    while (at < len) {
        const size_t want = len - at < CHUNK ? (size_t)(len - at) : CHUNK;
        const ssize_t got = pread(from, chunk, want, (off_t)at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return cm_fail(error, CM_IO, "log", "can't be read: %s",
                           got < 0 ? strerror(errno) : "it became shorter");
        }
        for (ssize_t done = 0; done < got;) {
            const ssize_t put = write(to, chunk + done, (size_t)(got - done));
            if (put < 0 && errno != EINTR) {
                return failed(error, path, "written");
            }
            done += put > 0 ? put : 0;
        }
        at += (uint64_t)got;
    }
    return fsync(to) == 0 ? CM_OK : failed(error, path, "made durable");
}

static enum cm_status copy_log(struct exporter *e, uint64_t end, struct cm_error *error)
{
    char path[PATH_MAX];
    enum cm_status status = path_in(path, e->to, "log", error);
    if (status != CM_OK) {
        return status;
    }
    const int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (to < 0) {
        return failed(error, path, "made");
    }
    status = copy_bytes(to, cm_ledger_folder_log(e->folder), end, path, error);
    close(to);
    return status;
}

// Small files, where there are any and they can be read.
static enum cm_status copy_beside(struct exporter *e, const char *from, struct cm_error *error)
{
    static const char *const names[] = {"vkey", "cosigned", "cosigners.pem", "behind",
                                        CM_EPOCH_FILE};
    char in[PATH_MAX], out[PATH_MAX];
    enum cm_status status = CM_OK;
    for (size_t i = 0; status == CM_OK && i < sizeof names / sizeof *names; i++) {
        struct cm_buf bytes = {0};
        status = path_in(in, from, names[i], error);
        if (status == CM_OK) {
            status = path_in(out, e->to, names[i], error);
        }
        if (status == CM_OK) {
            status = cm_file_read(&bytes, in, MAX_BESIDE, error);
            const bool absent = status == CM_NOT_FOUND;
            const bool hidden = status == CM_IO && cm_ledger_folder_is_live(e->folder);
            if (status == CM_OK) {
                status = cm_file_create(out, cm_buf_bytes(&bytes), 0600, error);
            } else if (absent || hidden) {
                status = CM_OK;
            }
        }
        cm_buf_clear(&bytes);
    }
    return status;
}

static enum cm_status copy_key(struct cm_day_keys *keys, const char *folder, uint32_t day,
                               struct cm_error *error)
{
    char path[PATH_MAX], date[CM_DAY_TEXT];
    uint8_t key[CM_DAY_KEY_SIZE];
    if (cm_day_keys_get(key, keys, day) != CM_OK) {
        return CM_OK; // erased meanwhile
    }
    cm_day_format(date, day);
    enum cm_status status = path_in(path, folder, date, error);
    if (status == CM_OK) {
        status = cm_file_create(path, (struct cm_bytes){key, sizeof key}, 0600, error);
    }
    cm_wipe(key, sizeof key);
    return status;
}

// The day before which keys are erased is told also where none is copied.
static enum cm_status copy_keys(struct exporter *e, struct cm_error *error)
{
    char folder[PATH_MAX], path[PATH_MAX];
    char line[CM_DAY_TEXT + 1];
    struct cm_day_keys *keys = cm_ledger_folder_keys(e->folder);
    const uint32_t erased = cm_day_keys_erased_before(keys);
    enum cm_status status = path_in(folder, e->options->to, CM_DAY_KEYS_FOLDER, error);
    if (status == CM_OK) {
        status = make_folder(folder, error);
    }
    if (status == CM_OK && erased > 0) {
        cm_day_format(line, erased);
        memcpy(line + CM_DAY_TEXT - 1, "\n", 2);
        status = path_in(path, folder, CM_DAY_KEYS_ERASED, error);
        if (status == CM_OK) {
            status = cm_file_create(path, cm_bytes_of(line), 0600, error);
        }
    }
    const size_t count = e->options->with_keys ? cm_day_keys_count(keys) : 0;
    for (size_t i = 0; status == CM_OK && i < count; i++) {
        status = copy_key(keys, folder, cm_day_keys_day(keys, i), error);
    }
    return status;
}

// The folder that the epoch being read is copied from and to.
static enum cm_status choose_folders(struct exporter *e, char from[PATH_MAX],
                                     struct cm_error *error)
{
    char below[64];
    const uint64_t epoch = cm_ledger_folder_epoch(e->folder);
    const char *path = cm_ledger_folder_path(e->folder);
    if (epoch == cm_ledger_folder_epochs(e->folder)) {
        snprintf(from, PATH_MAX, "%s", path);
        snprintf(e->to, sizeof e->to, "%s", e->options->to);
        return CM_OK;
    }
    enum cm_status status = path_in(e->to, e->options->to, CM_EPOCH_FOLDER, error);
    if (status == CM_OK && mkdir(e->to, 0700) != 0 && errno != EEXIST) {
        status = failed(error, e->to, "made");
    }
    snprintf(below, sizeof below, CM_EPOCH_FOLDER "/%" PRIu64, epoch);
    if (status == CM_OK) {
        status = path_in(from, path, below, error);
    }
    if (status == CM_OK) {
        status = path_in(e->to, e->options->to, below, error);
    }
    return status == CM_OK ? make_folder(e->to, error) : status;
}

static enum cm_status put_line(FILE *lines, const struct cm_audit_record *record,
                               struct cm_error *error)
{
    json_t *json = cm_record_json(record);
    const bool done =
        json && json_dumpf(json, lines, JSON_COMPACT) == 0 && fputc('\n', lines) != EOF;
    json_decref(json);
    return done ? CM_OK : cm_fail(error, CM_IO, "entries.jsonl", "can't be written");
}

static enum cm_status copy_epoch(struct exporter *e, FILE *lines, struct cm_error *error)
{
    char from[PATH_MAX];
    struct cm_log_item item = {.type = CM_ITEM_END};
    enum cm_status status = choose_folders(e, from, error);
    do {
        const struct cm_audit_record *record = NULL;
        if (status == CM_OK) {
            status = cm_ledger_folder_step(&item, &record, e->folder, error);
        }
        if (status == CM_OK && record && lines) {
            status = put_line(lines, record, error);
        }
    } while (status == CM_OK && item.type != CM_ITEM_END);
    if (status == CM_OK) {
        status = copy_log(e, cm_ledger_folder_state(e->folder)->end, error);
    }
    return status == CM_OK ? copy_beside(e, from, error) : status;
}

static enum cm_status open_lines(FILE **out, const struct exporter *e, struct cm_error *error)
{
    char path[PATH_MAX];
    if (!e->options->with_lines) {
        return CM_OK;
    }
    enum cm_status status = path_in(path, e->options->to, "entries.jsonl", error);
    const int fd = status == CM_OK
                       ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)
                       : -1;
    *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    return *out || status != CM_OK ? status : failed(error, path, "made");
}

static enum cm_status close_lines(FILE *lines, enum cm_status status, struct cm_error *error)
{
    if (!lines) {
        return status;
    }
    const bool whole = fflush(lines) == 0 && fsync(fileno(lines)) == 0;
    return (fclose(lines) == 0 && whole) || status != CM_OK
               ? status
               : failed(error, "entries.jsonl", "written");
}

enum cm_status cm_export(struct cm_ledger_folder *folder, const struct cm_exporter_options *options,
                         struct cm_error *error)
{
    struct exporter e = {.folder = folder, .options = options};
    FILE *lines = NULL;
    bool more = true;
    enum cm_status status = make_folder(options->to, error);
    if (status == CM_OK) {
        status = copy_keys(&e, error);
    }
    if (status == CM_OK) {
        status = open_lines(&lines, &e, error);
    }
    if (status == CM_OK) {
        status = cm_ledger_folder_rewind(folder, error);
    }
    while (status == CM_OK && more) {
        status = copy_epoch(&e, lines, error);
        if (status == CM_OK) {
            status = cm_ledger_folder_next_epoch(folder, &more, error);
        }
    }
    return close_lines(lines, status, error);
}
