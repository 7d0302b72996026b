#include "proto/trust/directory_store.h"

#include "proto/base/file.h"
#include "proto/base/log.h"
#include "proto/trust/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct cm_directory_store {
    char folder[PATH_MAX - 32];
    char path[PATH_MAX];
    char floors_path[PATH_MAX];
    struct cm_buf root;
    pthread_mutex_t lock;   // over the two below, which accept and open alone change
    struct cm_trust *trust; // what was accepted last; NULL: nothing yet
    bool believed;          // false: its signer's certificate ended or was revoked since
};

static enum cm_status lock_folder(int *out, const struct cm_directory_store *store,
                                  struct cm_error *error)
{
    struct stat facts;
    *out = open(store->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*out < 0 || fstat(*out, &facts) != 0) {
        return cm_fail(error, errno == ENOENT ? CM_NOT_FOUND : CM_IO, store->folder,
                       "cannot open the directory's folder: %s", strerror(errno));
    }
    if ((facts.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        cm_fail(error, CM_INVALID, store->folder, "others may write in the directory's folder");
        cm_error_hint(error, "Make it yours alone: chmod go-w on it.");
        return CM_INVALID;
    }
    while (flock(*out, LOCK_EX) != 0) {
        if (errno != EINTR) {
            return cm_fail(error, CM_IO, store->folder, "cannot lock the directory's folder: %s",
                           strerror(errno));
        }
    }
    return CM_OK;
}

static uint64_t serial_of(const struct cm_trust *trust)
{
    return trust != NULL ? cm_trust_directory(trust)->serial : 0;
}

static void publish(struct cm_directory_store *store, struct cm_trust *trust, bool believed)
{
    pthread_mutex_lock(&store->lock);
    struct cm_trust *before = store->trust;
    store->trust = trust;
    store->believed = believed;
    pthread_mutex_unlock(&store->lock);
    cm_trust_unref(before);
}

static enum cm_status read_floors(struct cm_crl_floors *out, const struct cm_directory_store *store,
                                  struct cm_error *error)
{
    struct cm_buf text = {0};
    *out = (struct cm_crl_floors){0};
    enum cm_status status = cm_file_read(&text, store->floors_path, CM_MAX_BUNDLE, error);
    if (status == CM_OK) {
        status = cm_crl_floors_parse(out, cm_buf_bytes(&text), store->floors_path, error);
    } else if (status == CM_NOT_FOUND) {
        status = CM_OK;
    }
    cm_buf_clear(&text);
    return status;
}

// Before the bundle is replaced: of the CAs that the next doesn't pin, this alone remembers. The
// numbers of those in a bundle are in its CRLs.
static enum cm_status write_floors(const struct cm_directory_store *store, struct cm_error *error)
{
    struct cm_buf before = {0};
    struct cm_buf text = {0};
    if (store->trust == NULL) {
        return CM_OK;
    }
    enum cm_status status = cm_file_read(&before, store->floors_path, CM_MAX_BUNDLE, NULL);
    bool there = status == CM_OK;
    status = cm_crl_floors_print(&text, &store->trust->crls.floors);
    if (status != CM_OK) {
        status = cm_fail(error, status, store->folder, "out of memory");
    } else if (!there || !cm_bytes_equal(cm_buf_bytes(&before), cm_buf_bytes(&text))) {
        status = cm_file_write(store->floors_path, cm_buf_bytes(&text), 0644, error);
    }
    cm_buf_clear(&before);
    cm_buf_clear(&text);
    return status;
}

// What was accepted stands against a rollback even when it has expired or its signer has ended: it
// is judged as of a time when it was in force, and then served only as far as it still is. Its CRLs
// stand in any case.
static enum cm_status load(struct cm_directory_store *store, struct cm_bytes bundle, int64_t now_ms,
                           struct cm_error *error)
{
    struct cm_trust_peeked facts;
    struct cm_crl_floors floors = {0};
    struct cm_trust *trust = NULL;
    enum cm_status status = cm_trust_peek(&facts, bundle, error);
    if (status != CM_OK || facts.serial < serial_of(store->trust)) {
        return status;
    }
    status = read_floors(&floors, store, error);
    if (status != CM_OK) {
        return status;
    }
    int64_t as_of_ms = now_ms < facts.expires_ms ? now_ms : facts.expires_ms - 1;
    struct cm_trust_stored stored = {
        .root = cm_buf_bytes(&store->root),
        .bundle = bundle,
        .older = store->trust,
        .floors = &floors,
        .as_of_ms = as_of_ms > facts.issued_ms ? as_of_ms : facts.issued_ms,
        .now_ms = now_ms,
    };
    status = cm_trust_restore(&trust, &stored, error);
    bool believed = status == CM_OK;
    if (status == CM_UNAUTHENTICATED) {
        stored.as_of_ms = facts.issued_ms;
        stored.signer_ended = true;
        status = cm_trust_restore(&trust, &stored, NULL);
        if (status == CM_OK) {
            cm_log(CM_LOG_WARNING, "directory-signer-ended", "serial=%" PRIu64, facts.serial);
        }
    }
    cm_crl_floors_clear(&floors);
    if (status == CM_OK) {
        publish(store, trust, believed);
    }
    return status;
}

// Another process may have accepted a newer one since.
static enum cm_status reload(struct cm_directory_store *store, int64_t now_ms,
                             struct cm_error *error)
{
    struct cm_buf file = {0};
    enum cm_status status = cm_file_read(&file, store->path, CM_MAX_BUNDLE, error);
    if (status == CM_NOT_FOUND) {
        status = CM_OK;
    } else if (status == CM_OK &&
               (store->trust == NULL ||
                !cm_bytes_equal(cm_buf_bytes(&file), cm_trust_bundle(store->trust)))) {
        status = load(store, cm_buf_bytes(&file), now_ms, error);
        if (status != CM_OK) {
            status = status == CM_MEMORY ? CM_MEMORY : CM_INVALID;
            cm_error_hint(error, "%.80s must be restored, or removed and the folder enrolled again",
                          store->path);
        }
    }
    cm_buf_clear(&file);
    return status;
}

enum cm_status cm_directory_store_open(struct cm_directory_store **out, const char *folder,
                                       struct cm_bytes root, int64_t now_ms, struct cm_error *error)
{
    int lock = -1;
    struct cm_directory_store *store = calloc(1, sizeof *store);
    *out = NULL;
    if (store == NULL || pthread_mutex_init(&store->lock, NULL) != 0) {
        free(store);
        return cm_fail(error, CM_MEMORY, folder, "out of memory");
    }
    enum cm_status status = cm_buf_add(&store->root, root.data, root.len);
    if (status != CM_OK) {
        cm_fail(error, status, folder, "out of memory");
    } else if (snprintf(store->folder, sizeof store->folder, "%s", folder) >=
               (int)sizeof store->folder) {
        status = cm_fail(error, CM_INVALID, "folder", "the path is too long");
    }
    if (status == CM_OK) {
        snprintf(store->path, sizeof store->path, "%s/directory.bundle", store->folder);
        snprintf(store->floors_path, sizeof store->floors_path, "%s/directory.crls", store->folder);
        status = lock_folder(&lock, store, error);
    }
    if (status == CM_OK) {
        status = reload(store, now_ms, error);
    }
    if (lock >= 0) {
        close(lock);
    }
    if (status != CM_OK) {
        cm_directory_store_free(store);
        return status;
    }
    *out = store;
    return CM_OK;
}

void cm_directory_store_free(struct cm_directory_store *store)
{
    if (store == NULL) {
        return;
    }
    cm_trust_unref(store->trust);
    cm_buf_clear(&store->root);
    pthread_mutex_destroy(&store->lock);
    free(store);
}

struct cm_trust *cm_directory_store_newest(struct cm_directory_store *store)
{
    pthread_mutex_lock(&store->lock);
    struct cm_trust *trust =
        store->trust != NULL && store->believed ? cm_trust_ref(store->trust) : NULL;
    pthread_mutex_unlock(&store->lock);
    return trust;
}

struct cm_trust *cm_directory_store_snapshot(struct cm_directory_store *store, int64_t now_ms)
{
    struct cm_trust *trust = cm_directory_store_newest(store);
    if (trust != NULL && cm_trust_directory(trust)->expires_ms <= now_ms) {
        cm_trust_unref(trust);
        trust = NULL;
    }
    return trust;
}

uint64_t cm_directory_store_serial(struct cm_directory_store *store)
{
    pthread_mutex_lock(&store->lock);
    uint64_t serial = serial_of(store->trust);
    pthread_mutex_unlock(&store->lock);
    return serial;
}

// By content: who relays a bundle can vary its signature's bytes (ECDSA is malleable).
static bool same(const struct cm_trust *a, const struct cm_trust *b)
{
    bool equal = cm_digest_equal(&a->directory.digest, &b->directory.digest) &&
                 a->crls.count == b->crls.count;
    for (size_t i = 0; equal && i < a->crls.count; i++) {
        equal = cm_digest_equal(&a->crls.crls[i]->digest, &b->crls.crls[i]->digest);
    }
    return equal;
}

static enum cm_status accept_locked(struct cm_directory_store *store, bool *changed,
                                    struct cm_bytes bundle, int64_t now_ms, struct cm_error *error)
{
    struct cm_trust *trust = NULL;
    enum cm_status status = reload(store, now_ms, error);
    if (status == CM_OK) {
        status =
            cm_trust_new(&trust, cm_buf_bytes(&store->root), bundle, store->trust, now_ms, error);
    }
    if (status != CM_OK) {
        return status;
    }
    if (store->trust != NULL && store->believed && same(trust, store->trust)) {
        cm_trust_unref(trust);
        return CM_OK;
    }
    status = write_floors(store, error);
    if (status == CM_OK) {
        status = cm_file_write(store->path, cm_trust_bundle(trust), 0644, error);
    }
    if (status != CM_OK) {
        cm_trust_unref(trust);
        return status;
    }
    publish(store, trust, true);
    *changed = true;
    return CM_OK;
}

enum cm_status cm_directory_store_accept(struct cm_directory_store *store, bool *changed,
                                         struct cm_bytes bundle, int64_t now_ms,
                                         struct cm_error *error)
{
    int lock = -1;
    bool differs = false;
    enum cm_status status = lock_folder(&lock, store, error);
    if (status == CM_OK) {
        status = accept_locked(store, &differs, bundle, now_ms, error);
    }
    if (lock >= 0) {
        close(lock);
    }
    if (changed != NULL) {
        *changed = differs;
    }
    return status;
}
