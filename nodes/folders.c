#include "nodes/folders.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

// An editor's rename, or several files of one change, come within this.
enum { QUIET_MS = 5, MOST_MS = 50, EVENTS = 16 * 1024 };

struct cm_folders {
    struct cm_folders_options options;
    char *paths[CM_MAX_FOLDERS];
    bool warned[CM_MAX_FOLDERS];
    int notify, stop;
    bool started;
    pthread_t thread;
    pthread_mutex_t lock;
    struct cm_task task;
    bool posted;      // under the lock
    int64_t since_ms; // under the lock
    bool stopped;     // loop thread
};

static int64_t now(void)
{
    return cm_mono_ms(cm_clock_system());
}

static void tell(struct cm_task *task)
{
    struct cm_folders *folders = CM_CONTAINER(task, struct cm_folders, task);
    pthread_mutex_lock(&folders->lock);
    const int64_t since_ms = folders->since_ms;
    folders->posted = false;
    pthread_mutex_unlock(&folders->lock);
    if (!folders->stopped) {
        folders->options.changed(folders->options.context, since_ms);
    }
}

// What is posted and hasn't run yet will look at the files after this change too.
static void post(struct cm_folders *folders, int64_t since_ms)
{
    pthread_mutex_lock(&folders->lock);
    const bool posted = folders->posted;
    if (!posted) {
        folders->posted = true;
        folders->since_ms = since_ms;
    }
    pthread_mutex_unlock(&folders->lock);
    if (!posted) {
        cm_post(folders->options.poster, &folders->task);
    }
}

// Which file it was doesn't matter: whoever is told looks at all of them.
static void drain(const struct cm_folders *folders)
{
    char events[EVENTS];
    while (read(folders->notify, events, sizeof events) > 0) {
        ;
    }
}

static void *wait_for_kernel(void *argument)
{
    struct cm_folders *folders = argument;
    struct pollfd fds[] = {{.fd = folders->notify, .events = POLLIN},
                           {.fd = folders->stop, .events = POLLIN}};
    int64_t since_ms = 0; // 0: nothing to tell
    for (;;) {
        const int ready = poll(fds, 2, since_ms > 0 ? QUIET_MS : -1);
        if (ready < 0 && errno != EINTR) {
            cm_log(CM_LOG_ERROR, "folders-not-watched", "error=\"%s\"", strerror(errno));
            return NULL;
        }
        if (fds[1].revents) {
            return NULL;
        }
        if (ready > 0) {
            drain(folders);
            since_ms = since_ms > 0 ? since_ms : now();
        }
        if (since_ms > 0 && (ready == 0 || now() - since_ms >= MOST_MS)) {
            post(folders, since_ms);
            since_ms = 0;
        }
    }
}

void cm_folders_renew(struct cm_folders *folders)
{
    const uint32_t events = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE |
                            IN_ATTRIB | IN_ONLYDIR;
    for (size_t i = 0; i < folders->options.count; i++) {
        const bool watched = inotify_add_watch(folders->notify, folders->paths[i], events) >= 0;
        if (!watched && !folders->warned[i]) {
            cm_log(
                CM_LOG_WARNING, "folder-not-watched",
                "folder=%s error=\"%s\" effect=\"changes in it are noticed within half a minute\"",
                folders->paths[i], strerror(errno));
        }
        folders->warned[i] = !watched;
    }
}

static enum cm_status start(struct cm_folders *folders, struct cm_error *error)
{
    folders->notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    folders->stop = eventfd(0, EFD_CLOEXEC);
    if (folders->notify < 0 || folders->stop < 0) {
        cm_fail(error, CM_UNAVAILABLE, "inotify", "can't be had: %s", strerror(errno));
        cm_error_hint(error, "raise fs.inotify.max_user_instances");
        return CM_UNAVAILABLE;
    }
    for (size_t i = 0; i < folders->options.count; i++) {
        folders->paths[i] = strdup(folders->options.paths[i]);
        if (!folders->paths[i]) {
            return cm_fail(error, CM_MEMORY, "folders", "out of memory");
        }
    }
    cm_folders_renew(folders);
    folders->started = pthread_create(&folders->thread, NULL, wait_for_kernel, folders) == 0;
    return folders->started ? CM_OK
                            : cm_fail(error, CM_MEMORY, "folders", "its thread can't be started");
}

enum cm_status cm_folders_watch(struct cm_folders **out, const struct cm_folders_options *options,
                                struct cm_error *error)
{
    struct cm_folders *folders = calloc(1, sizeof *folders);
    if (!folders || options->count > CM_MAX_FOLDERS) {
        free(folders);
        return cm_fail(error, CM_MEMORY, "folders", "out of memory, or more than %d",
                       CM_MAX_FOLDERS);
    }
    folders->options = *options;
    folders->notify = folders->stop = -1;
    folders->task.run = tell;
    pthread_mutex_init(&folders->lock, NULL);
    const enum cm_status status = start(folders, error);
    if (status) {
        cm_folders_free(folders);
        return status;
    }
    *out = folders;
    return CM_OK;
}

void cm_folders_stop(struct cm_folders *folders)
{
    const uint64_t one = 1;
    if (!folders || !folders->started) {
        return;
    }
    folders->stopped = true;
    if (write(folders->stop, &one, sizeof one) == (ssize_t)sizeof one) {
        pthread_join(folders->thread, NULL);
        folders->started = false;
    }
}

void cm_folders_free(struct cm_folders *folders)
{
    if (!folders) {
        return;
    }
    cm_folders_stop(folders);
    for (size_t i = 0; i < CM_MAX_FOLDERS; i++) {
        free(folders->paths[i]);
    }
    if (folders->notify >= 0) {
        close(folders->notify);
    }
    if (folders->stop >= 0) {
        close(folders->stop);
    }
    pthread_mutex_destroy(&folders->lock);
    free(folders);
}
