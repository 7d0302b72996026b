#include "proto/ledger/day_keys.h"

#include "proto/base/bytes.h"
#include "proto/base/file.h"
#include "proto/base/folder.h"
#include "proto/codec/bounds.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { ERASED_FILE = 64, KEY_PATH = PATH_MAX + 32 };

struct slot {
    uint32_t day;
    uint8_t key[CM_DAY_KEY_SIZE];
};

struct cm_day_keys {
    char folder[PATH_MAX];    // "…/keys"; "" for keys in memory alone
    pthread_mutex_t changing; // one prepare or erase at a time; taken before lock
    pthread_mutex_t lock;     // all below, for moments only
    struct slot *slots;       // pages of their own, ascending by day
    size_t count;
    size_t locked; // bytes of them
    bool all_locked;
    uint32_t erased_before;
};

uint32_t cm_day_of(int64_t utc_ms)
{
    return utc_ms < 0 ? 0 : (uint32_t)(utc_ms / CM_DAY_LENGTH_MS);
}

int64_t cm_day_begins_ms(uint32_t day)
{
    return (int64_t)day * CM_DAY_LENGTH_MS;
}

void cm_day_format(char out[CM_DAY_TEXT], uint32_t day)
{
    const time_t at = (time_t)day * (time_t)(CM_DAY_LENGTH_MS / 1000);
    struct tm utc;
    if (!gmtime_r(&at, &utc) || strftime(out, CM_DAY_TEXT, "%Y-%m-%d", &utc) == 0) {
        snprintf(out, CM_DAY_TEXT, "%s", "?");
    }
}

enum cm_status cm_day_parse(uint32_t *out, const char *text)
{
    char again[CM_DAY_TEXT];
    struct tm utc = {0};
    const char *end = strptime(text, "%Y-%m-%d", &utc);
    const time_t at = end && *end == '\0' ? timegm(&utc) : -1;
    if (at < 0 || at > CM_MAX_TIME_MS / 1000) {
        return CM_INVALID;
    }
    *out = cm_day_of((int64_t)at * 1000);
    cm_day_format(again, *out);
    return strcmp(again, text) == 0 ? CM_OK : CM_INVALID; // 02-30 is no day
}

// The first slot whose day is not before that one. Under the lock.
static size_t find(const struct cm_day_keys *keys, uint32_t day)
{
    size_t low = 0;
    size_t high = keys->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (keys->slots[middle].day < day) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool holds(const struct cm_day_keys *keys, size_t at, uint32_t day)
{
    return at < keys->count && keys->slots[at].day == day;
}

// A page more is locked when the next slot reaches it, so that a small RLIMIT_MEMLOCK is enough.
static void lock_pages(struct cm_day_keys *keys)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t need = (keys->count + 1) * sizeof *keys->slots;
    while (keys->locked < need) {
        if (mlock((uint8_t *)keys->slots + keys->locked, page) != 0) {
            keys->all_locked = false;
        }
        keys->locked += page;
    }
}

enum cm_status cm_day_keys_add(struct cm_day_keys *keys, uint32_t day,
                               const uint8_t key[CM_DAY_KEY_SIZE])
{
    enum cm_status status = CM_OK;
    pthread_mutex_lock(&keys->lock);
    const size_t at = find(keys, day);
    if (holds(keys, at, day)) {
        status = CM_INVALID;
    } else if (keys->count == CM_DAY_KEY_MAX) {
        status = CM_EXHAUSTED;
    } else {
        lock_pages(keys);
        memmove(&keys->slots[at + 1], &keys->slots[at], (keys->count - at) * sizeof *keys->slots);
        keys->slots[at].day = day;
        memcpy(keys->slots[at].key, key, CM_DAY_KEY_SIZE);
        keys->count++;
    }
    pthread_mutex_unlock(&keys->lock);
    return status;
}

void cm_day_keys_set_erased(struct cm_day_keys *keys, uint32_t before_day)
{
    pthread_mutex_lock(&keys->lock);
    keys->erased_before = before_day;
    pthread_mutex_unlock(&keys->lock);
}

enum cm_status cm_day_keys_new(struct cm_day_keys **out)
{
    const size_t size = CM_DAY_KEY_MAX * sizeof(struct slot);
    struct cm_day_keys *keys = calloc(1, sizeof *keys);
    if (!keys) {
        return CM_MEMORY;
    }
    keys->slots = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (keys->slots == MAP_FAILED || madvise(keys->slots, size, MADV_DONTDUMP) != 0) {
        if (keys->slots != MAP_FAILED) {
            munmap(keys->slots, size);
        }
        free(keys);
        return CM_MEMORY;
    }
    keys->all_locked = true;
    pthread_mutex_init(&keys->changing, NULL);
    pthread_mutex_init(&keys->lock, NULL);
    *out = keys;
    return CM_OK;
}

void cm_day_keys_free(struct cm_day_keys *keys)
{
    if (!keys) {
        return;
    }
    cm_wipe(keys->slots, keys->count * sizeof *keys->slots);
    munmap(keys->slots, CM_DAY_KEY_MAX * sizeof *keys->slots);
    pthread_mutex_destroy(&keys->lock);
    pthread_mutex_destroy(&keys->changing);
    free(keys);
}

static enum cm_status broken(struct cm_error *error, const char *path, const char *what)
{
    return cm_fail(error, CM_IO, path, "can't be %s: %s", what, strerror(errno));
}

static enum cm_status load_key(struct cm_day_keys *keys, int folder, const char *name, uint32_t day,
                               struct cm_error *error)
{
    uint8_t key[CM_DAY_KEY_SIZE + 1];
    const int file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) {
        return broken(error, name, "opened");
    }
    const ssize_t got = pread(file, key, sizeof key, 0);
    enum cm_status status = CM_OK;
    if (got < 0) {
        status = broken(error, name, "read");
    } else if (got != CM_DAY_KEY_SIZE) {
        status = cm_fail(error, CM_INVALID, name, "is no key of a day: it must be 32 bytes");
        cm_error_hint(error, "restore it from a backup, or what was recorded that day is lost");
    } else if ((status = cm_day_keys_add(keys, day, key)) != CM_OK) {
        cm_error_fill(error, status, name, "there are too many keys");
    }
    cm_wipe(key, sizeof key);
    close(file);
    return status;
}

// The key itself goes from its blocks, as far as the file system writes in place, before its name
// does.
static enum cm_status destroy(int folder, const char *name, struct cm_error *error)
{
    static const uint8_t nothing[CM_DAY_KEY_SIZE];
    const int file = openat(folder, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0) {
        return errno == ENOENT ? CM_OK : broken(error, name, "opened to erase it");
    }
    const bool done =
        pwrite(file, nothing, sizeof nothing, 0) == (ssize_t)sizeof nothing && fsync(file) == 0;
    enum cm_status status = done ? CM_OK : broken(error, name, "overwritten");
    close(file);
    if (status == CM_OK && unlinkat(folder, name, 0) != 0 && errno != ENOENT) {
        status = broken(error, name, "removed");
    }
    return status;
}

// A name that cm_file_create leaves beside a key when it is cut off: "2026-11-22.XXXXXX".
static bool left_over(const char *name)
{
    char date[CM_DAY_TEXT];
    uint32_t day;
    snprintf(date, sizeof date, "%.10s", name);
    return strlen(name) == 17 && name[10] == '.' && cm_day_parse(&day, date) == CM_OK;
}

// writing: what an earlier process did not finish is finished.
static enum cm_status load_file(struct cm_day_keys *keys, int folder, const char *name,
                                bool writing, struct cm_error *error)
{
    uint32_t day;
    if (name[0] == '.' || strncmp(name, CM_DAY_KEYS_ERASED, strlen(CM_DAY_KEYS_ERASED)) == 0) {
        return CM_OK;
    }
    if (left_over(name)) {
        // Never overwritten: it may be another name of the key in use.
        return writing && unlinkat(folder, name, 0) != 0 ? broken(error, name, "removed") : CM_OK;
    }
    if (cm_day_parse(&day, name) != CM_OK) {
        return cm_fail(error, CM_INVALID, name, "is no key of a day, and lies among them");
    }
    if (day < keys->erased_before) {
        return writing ? destroy(folder, name, error) : CM_OK;
    }
    return load_key(keys, folder, name, day, error);
}

static enum cm_status load_erased(struct cm_day_keys *keys, struct cm_error *error)
{
    char path[KEY_PATH];
    struct cm_buf text = {.max = ERASED_FILE};
    snprintf(path, sizeof path, "%s/" CM_DAY_KEYS_ERASED, keys->folder);
    enum cm_status status = cm_file_read(&text, path, ERASED_FILE - 1, error);
    if (status == CM_NOT_FOUND) {
        status = CM_OK;
    } else if (status == CM_OK) {
        const bool line = text.len == CM_DAY_TEXT && text.data[text.len - 1] == '\n';
        if (line) {
            text.data[text.len - 1] = '\0';
        }
        if (!line || cm_day_parse(&keys->erased_before, (const char *)text.data) != CM_OK) {
            status = cm_fail(error, CM_INVALID, path, "must hold one date, as 2026-11-22");
        }
    }
    cm_buf_clear(&text);
    return status;
}

static enum cm_status load(struct cm_day_keys *keys, bool writing, struct cm_error *error)
{
    const struct dirent *entry;
    enum cm_status status = load_erased(keys, error);
    const int fd = open(keys->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder) {
        const bool absent = errno == ENOENT;
        if (fd >= 0) {
            close(fd);
        }
        return absent ? status : broken(error, keys->folder, "opened");
    }
    while (status == CM_OK && (entry = readdir(folder)) != NULL) {
        status = load_file(keys, fd, entry->d_name, writing, error);
    }
    if (status == CM_OK && writing && fsync(fd) != 0) {
        status = broken(error, keys->folder, "made durable");
    }
    closedir(folder);
    return status;
}

static enum cm_status open_folder(struct cm_day_keys **out, const char *folder, bool writing,
                                  struct cm_error *error)
{
    struct cm_day_keys *keys;
    enum cm_status status = cm_day_keys_new(&keys);
    if (status != CM_OK) {
        return cm_fail(error, status, folder, "no memory for keys");
    }
    if (snprintf(keys->folder, sizeof keys->folder, "%s/" CM_DAY_KEYS_FOLDER, folder) >=
        (int)sizeof keys->folder) {
        status = cm_fail(error, CM_INVALID, folder, "the path is too long");
    } else if (writing) {
        status = cm_folder_make(keys->folder, error);
    }
    if (status == CM_OK && writing) {
        status = cm_folder_sync(folder, error);
    }
    if (status == CM_OK) {
        status = load(keys, writing, error);
    }
    if (status != CM_OK) {
        cm_day_keys_free(keys);
        return status;
    }
    *out = keys;
    return CM_OK;
}

enum cm_status cm_day_keys_open(struct cm_day_keys **out, const char *folder,
                                struct cm_error *error)
{
    return open_folder(out, folder, true, error);
}

enum cm_status cm_day_keys_open_read(struct cm_day_keys **out, const char *folder,
                                     struct cm_error *error)
{
    return open_folder(out, folder, false, error);
}

static bool has(struct cm_day_keys *keys, uint32_t day)
{
    pthread_mutex_lock(&keys->lock);
    const bool found = holds(keys, find(keys, day), day);
    pthread_mutex_unlock(&keys->lock);
    return found;
}

// A key that an earlier call made and could not make durable to its name.
static enum cm_status adopt(struct cm_day_keys *keys, const char *date, uint32_t day,
                            struct cm_error *error)
{
    const int folder = open(keys->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum cm_status status =
        folder >= 0 && fsync(folder) == 0 ? CM_OK : broken(error, keys->folder, "made durable");
    if (status == CM_OK) {
        status = load_key(keys, folder, date, day, error);
    }
    if (folder >= 0) {
        close(folder);
    }
    return status;
}

static enum cm_status make(struct cm_day_keys *keys, uint32_t day, struct cm_error *error)
{
    char date[CM_DAY_TEXT];
    char path[KEY_PATH];
    uint8_t key[CM_DAY_KEY_SIZE];
    enum cm_status status = cm_random(key, sizeof key);
    if (status != CM_OK) {
        return cm_fail(error, status, keys->folder, "no random numbers for a key");
    }
    cm_day_format(date, day);
    snprintf(path, sizeof path, "%s/%s", keys->folder, date);
    status = cm_file_create(path, (struct cm_bytes){key, sizeof key}, 0600, error);
    if (status == CM_INVALID) {
        status = adopt(keys, date, day, error);
    } else if (status == CM_OK && (status = cm_day_keys_add(keys, day, key)) != CM_OK) {
        cm_error_fill(error, status, keys->folder, "there are too many keys");
    }
    cm_wipe(key, sizeof key);
    return status;
}

enum cm_status cm_day_keys_prepare(struct cm_day_keys *keys, int64_t now_ms, struct cm_error *error)
{
    const uint32_t today = cm_day_of(now_ms);
    enum cm_status status = CM_OK;
    pthread_mutex_lock(&keys->changing);
    if (today < cm_day_keys_erased_before(keys)) {
        char date[CM_DAY_TEXT];
        cm_day_format(date, cm_day_keys_erased_before(keys));
        status = cm_fail(error, CM_STALE, keys->folder,
                         "the clock stands before %s, and keys up to that day were erased", date);
        cm_error_hint(error, "set the clock");
    }
    for (uint32_t day = today; status == CM_OK && day <= today + 1; day++) {
        if (!has(keys, day)) {
            status = make(keys, day, error);
        }
    }
    pthread_mutex_unlock(&keys->changing);
    return status;
}

enum cm_status cm_day_keys_get(uint8_t out[CM_DAY_KEY_SIZE], struct cm_day_keys *keys, uint32_t day)
{
    pthread_mutex_lock(&keys->lock);
    const size_t at = find(keys, day);
    const bool found = holds(keys, at, day);
    if (found) {
        memcpy(out, keys->slots[at].key, CM_DAY_KEY_SIZE);
    }
    pthread_mutex_unlock(&keys->lock);
    return found ? CM_OK : CM_NOT_FOUND;
}

// From now on no process makes or reads keys of those days, whatever a crash leaves of them.
static enum cm_status mark_erased(struct cm_day_keys *keys, uint32_t before_day,
                                  struct cm_error *error)
{
    char path[KEY_PATH];
    char line[CM_DAY_TEXT + 1];
    if (before_day <= cm_day_keys_erased_before(keys)) {
        return CM_OK;
    }
    cm_day_format(line, before_day);
    memcpy(line + CM_DAY_TEXT - 1, "\n", 2);
    snprintf(path, sizeof path, "%s/" CM_DAY_KEYS_ERASED, keys->folder);
    enum cm_status status = cm_file_write(path, cm_bytes_of(line), 0600, error);
    if (status == CM_OK) {
        cm_day_keys_set_erased(keys, before_day);
    }
    return status;
}

// The earliest day's key, if it is before that day. Under the lock.
static void forget_first(struct cm_day_keys *keys)
{
    keys->count--;
    memmove(keys->slots, keys->slots + 1, keys->count * sizeof *keys->slots);
    cm_wipe(&keys->slots[keys->count], sizeof *keys->slots);
}

static enum cm_status erase_files(struct cm_day_keys *keys, int folder, uint32_t before_day,
                                  size_t *count, struct cm_error *error)
{
    enum cm_status status = CM_OK;
    while (status == CM_OK && cm_day_keys_count(keys) > 0 &&
           cm_day_keys_day(keys, 0) < before_day) {
        char date[CM_DAY_TEXT];
        cm_day_format(date, cm_day_keys_day(keys, 0));
        status = destroy(folder, date, error);
        if (status == CM_OK) {
            pthread_mutex_lock(&keys->lock);
            forget_first(keys);
            pthread_mutex_unlock(&keys->lock);
            ++*count;
        }
    }
    if (status == CM_OK && fsync(folder) != 0) {
        status = broken(error, keys->folder, "made durable");
    }
    return status;
}

enum cm_status cm_day_keys_erase(struct cm_day_keys *keys, uint32_t before_day, size_t *count,
                                 struct cm_error *error)
{
    size_t erased = 0;
    pthread_mutex_lock(&keys->changing);
    enum cm_status status = mark_erased(keys, before_day, error);
    const int folder = open(keys->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (status == CM_OK && folder < 0) {
        status = broken(error, keys->folder, "opened");
    }
    if (status == CM_OK) {
        status = erase_files(keys, folder, before_day, &erased, error);
    }
    if (folder >= 0) {
        close(folder);
    }
    pthread_mutex_unlock(&keys->changing);
    if (count) {
        *count = erased;
    }
    return status;
}

uint32_t cm_day_keys_erased_before(struct cm_day_keys *keys)
{
    pthread_mutex_lock(&keys->lock);
    const uint32_t day = keys->erased_before;
    pthread_mutex_unlock(&keys->lock);
    return day;
}

size_t cm_day_keys_count(struct cm_day_keys *keys)
{
    pthread_mutex_lock(&keys->lock);
    const size_t count = keys->count;
    pthread_mutex_unlock(&keys->lock);
    return count;
}

uint32_t cm_day_keys_day(struct cm_day_keys *keys, size_t index)
{
    pthread_mutex_lock(&keys->lock);
    const uint32_t day = keys->slots[index].day;
    pthread_mutex_unlock(&keys->lock);
    return day;
}

bool cm_day_keys_locked(struct cm_day_keys *keys)
{
    pthread_mutex_lock(&keys->lock);
    const bool locked = keys->all_locked;
    pthread_mutex_unlock(&keys->lock);
    return locked;
}
