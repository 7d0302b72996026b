#include "gateway/spool.h"

#include "proto/base/file.h"
#include "proto/base/folder.h"
#include "proto/codec/gateway.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DAY = 4, NONCE = 12, TAG = 16, HEAD = DAY + NONCE, NAME_MAX_TEXT = 21 };

static enum cm_status path_of(char out[PATH_MAX], const char *folder, const char *agency,
                              uint64_t number, struct cm_error *error)
{
    char name[CM_MAX_ID + 1 + NAME_MAX_TEXT];
    snprintf(name, sizeof name, "%s/%" PRIu64, agency, number);
    return cm_folder_path(out, folder, name, error);
}

// What a file is bound to: another's name, or another number, doesn't open it.
static size_t bind_to(char *out, size_t size, const char *agency, uint64_t number)
{
    return (size_t)snprintf(out, size, "comity-copy-v1 %s %" PRIu64, agency, number);
}

enum { BOUND_MAX = sizeof "comity-copy-v1 " + CM_MAX_ID + NAME_MAX_TEXT + 1 };

static bool encrypt(uint8_t *out, struct cm_bytes clear, const uint8_t *key, struct cm_bytes bound)
{
    int len = 0, rest = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool done =
        context && EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, out + DAY) == 1 &&
        EVP_EncryptUpdate(context, NULL, &len, bound.data, (int)bound.len) == 1 &&
        EVP_EncryptUpdate(context, out + HEAD, &len, clear.data, (int)clear.len) == 1 &&
        EVP_EncryptFinal_ex(context, out + HEAD + len, &rest) == 1 &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG, out + HEAD + clear.len) == 1;
    EVP_CIPHER_CTX_free(context);
    return done;
}

static bool decrypt(uint8_t *out, struct cm_bytes sealed, const uint8_t *key, struct cm_bytes bound)
{
    int len = 0, rest = 0;
    uint8_t tag[TAG];
    size_t size = sealed.len - CM_SPOOL_OVERHEAD;
    memcpy(tag, sealed.data + HEAD + size, sizeof tag);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool done = context &&
                EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, sealed.data + DAY) == 1 &&
                EVP_DecryptUpdate(context, NULL, &len, bound.data, (int)bound.len) == 1 &&
                EVP_DecryptUpdate(context, out, &len, sealed.data + HEAD, (int)size) == 1 &&
                EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, sizeof tag, tag) == 1 &&
                EVP_DecryptFinal_ex(context, out + len, &rest) == 1;
    EVP_CIPHER_CTX_free(context);
    return done;
}

static uint32_t day_in(const uint8_t *head)
{
    return (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 | head[3];
}

static enum cm_status seal(struct cm_buf *out, struct cm_bytes clear, uint32_t day,
                           struct cm_bytes bound, struct cm_day_keys *keys)
{
    uint8_t key[CM_DAY_KEY_SIZE];
    uint8_t *into;
    enum cm_status status = cm_buf_reserve(out, clear.len + CM_SPOOL_OVERHEAD, &into);
    if (!status) {
        status = cm_day_keys_get(key, keys, day);
    }
    if (!status) {
        for (unsigned i = 0; i < DAY; i++) {
            into[i] = (uint8_t)(day >> (8 * (DAY - 1 - i)));
        }
        status = cm_random(into + DAY, NONCE);
    }
    if (!status) {
        status = encrypt(into, clear, key, bound) ? CM_OK : CM_INTERNAL;
    }
    if (!status) {
        out->len += clear.len + CM_SPOOL_OVERHEAD;
    }
    cm_wipe(key, sizeof key);
    return status;
}

// An item on its way to its file.
struct writing {
    char path[PATH_MAX];
    struct cm_buf sealed;
};

static enum cm_status prepare(struct writing *out, const char *folder, struct cm_spool_item *item,
                              struct cm_day_keys *keys)
{
    char bound[BOUND_MAX];
    struct cm_spooled *file = &item->file;
    enum cm_status status = cm_folder_make_in(out->path, folder, file->agency, &item->error);
    if (!status) {
        status = path_of(out->path, folder, file->agency, file->number, &item->error);
    }
    if (status) {
        return status;
    }
    struct cm_bytes name = {(const uint8_t *)bound,
                            bind_to(bound, sizeof bound, file->agency, file->number)};
    status = seal(&out->sealed, item->clear, file->day, name, keys);
    return status ? cm_fail(&item->error, status, out->path,
                            "the copy can't be sealed with its day's key")
                  : CM_OK;
}

void cm_spool_write(const char *folder, struct cm_spool_item *items, size_t count, int64_t now_ms,
                    struct cm_day_keys *keys)
{
    struct writing *writing = calloc(count, sizeof *writing);
    struct cm_file_item *files = calloc(count, sizeof *files);
    for (size_t i = 0; i < count; i++) {
        struct cm_spool_item *item = &items[i];
        item->file.day = cm_day_of(now_ms);
        item->file.size = item->clear.len + CM_SPOOL_OVERHEAD;
        if (!writing || !files) {
            item->status = cm_fail(&item->error, CM_MEMORY, folder, "out of memory");
            continue;
        }
        item->status = prepare(&writing[i], folder, item, keys);
        files[i] = (struct cm_file_item){writing[i].path, cm_buf_bytes(&writing[i].sealed),
                                         item->status, &item->error};
    }
    if (writing && files) {
        cm_file_write_all(folder, files, count, 0600);
    }
    for (size_t i = 0; writing && i < count; i++) {
        items[i].status = files ? files[i].status : items[i].status;
        cm_buf_clear(&writing[i].sealed);
    }
    free(files);
    free(writing);
}

static enum cm_status unseal(struct cm_buf *out, struct cm_bytes sealed, struct cm_bytes bound,
                             struct cm_day_keys *keys, const char *path, struct cm_error *error)
{
    uint8_t key[CM_DAY_KEY_SIZE];
    uint8_t *into;
    if (sealed.len < CM_SPOOL_OVERHEAD) {
        return cm_fail(error, CM_INVALID, path, "the copy was cut off");
    }
    uint32_t day = day_in(sealed.data);
    size_t size = sealed.len - CM_SPOOL_OVERHEAD;
    if (cm_day_keys_get(key, keys, day)) {
        char text[CM_DAY_TEXT];
        cm_day_format(text, day);
        return cm_fail(error, CM_NOT_FOUND, path, "the key of %s is gone", text);
    }
    enum cm_status status = cm_buf_reserve(out, size + 1, &into);
    if (status) {
        cm_fail(error, status, path, "out of memory");
    } else if (decrypt(into, sealed, key, bound)) {
        out->len += size;
    } else {
        status = cm_fail(error, CM_INVALID, path, "the copy was altered");
    }
    cm_wipe(key, sizeof key);
    return status;
}

enum cm_status cm_spool_read(struct cm_buf *out, const char *folder, const char *agency,
                             uint64_t number, struct cm_day_keys *keys, struct cm_error *error)
{
    char path[PATH_MAX], bound[BOUND_MAX];
    struct cm_buf sealed = {0};
    enum cm_status status = path_of(path, folder, agency, number, error);
    if (!status) {
        status = cm_file_read(&sealed, path, CM_MAX_ATTACH_DOWN + CM_SPOOL_OVERHEAD, error);
    }
    if (!status) {
        struct cm_bytes name = {(const uint8_t *)bound,
                                bind_to(bound, sizeof bound, agency, number)};
        status = unseal(out, cm_buf_bytes(&sealed), name, keys, path, error);
    }
    cm_buf_clear(&sealed);
    return status;
}

enum cm_status cm_spool_remove(const char *folder, const char *agency, uint64_t number,
                               struct cm_error *error)
{
    char path[PATH_MAX];
    enum cm_status status = path_of(path, folder, agency, number, error);
    if (!status && unlink(path) != 0 && errno != ENOENT) {
        status = cm_fail(error, CM_IO, path, "can't be removed: %s", strerror(errno));
    }
    return status;
}

// Exactly as it is written: no other name is one.
static bool parse_number(uint64_t *out, const char *name)
{
    char again[NAME_MAX_TEXT];
    char *end;
    errno = 0;
    *out = strtoull(name, &end, 10);
    snprintf(again, sizeof again, "%" PRIu64, *out);
    return errno == 0 && *end == '\0' && strcmp(again, name) == 0;
}

static enum cm_status look_at(struct cm_spooled *out, int folder, const char *name)
{
    uint8_t head[DAY];
    struct stat facts;
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    enum cm_status status = fd < 0 || fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode) ||
                                    read(fd, head, sizeof head) != (ssize_t)sizeof head
                                ? CM_IO
                                : CM_OK;
    if (!status) {
        out->day = day_in(head);
        out->size = (uint64_t)facts.st_size;
    }
    if (fd >= 0) {
        close(fd);
    }
    return status;
}

static enum cm_status list_agency(const char *path, const char *agency,
                                  enum cm_status (*found)(void *, const struct cm_spooled *),
                                  void *context, struct cm_error *error)
{
    DIR *folder = opendir(path);
    enum cm_status status = CM_OK;
    if (!folder) {
        return cm_fail(error, CM_IO, path, "can't be read: %s", strerror(errno));
    }
    for (struct dirent *entry; !status && (entry = readdir(folder));) {
        struct cm_spooled file = {0};
        snprintf(file.agency, sizeof file.agency, "%s", agency);
        if (parse_number(&file.number, entry->d_name)) {
            status = look_at(&file, dirfd(folder), entry->d_name);
            status = status ? cm_fail(error, status, path, "%s can't be read", entry->d_name)
                            : found(context, &file);
        } else if (entry->d_name[0] != '.' && strchr(entry->d_name, '.')) {
            unlinkat(dirfd(folder), entry->d_name, 0); // cm_file_write's, cut off
        }
    }
    closedir(folder);
    return status;
}

enum cm_status cm_spool_list(const char *folder,
                             enum cm_status (*found)(void *context, const struct cm_spooled *file),
                             void *context, struct cm_error *error)
{
    DIR *all = opendir(folder);
    enum cm_status status = CM_OK;
    if (!all) {
        return errno == ENOENT
                   ? CM_OK
                   : cm_fail(error, CM_IO, folder, "can't be read: %s", strerror(errno));
    }
    for (struct dirent *entry; !status && (entry = readdir(all));) {
        char path[PATH_MAX];
        size_t len = strlen(entry->d_name);
        if (entry->d_name[0] == '.' || len > CM_MAX_ID) {
            continue;
        }
        status = cm_folder_path(path, folder, entry->d_name, error);
        if (!status) {
            status = list_agency(path, entry->d_name, found, context, error);
        }
    }
    closedir(all);
    return status;
}
