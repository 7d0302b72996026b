// Notices within milliseconds that a file was written, replaced or removed in one of a few folders.
// A thread of its own waits for the kernel; what comes at once is told once, on the loop thread.
#ifndef CM_NODES_FOLDERS_H
#define CM_NODES_FOLDERS_H

#include "proto/base/error.h"
#include "proto/base/task.h"

#include <stddef.h>
#include <stdint.h>

struct cm_folders;

enum { CM_MAX_FOLDERS = 8 };

struct cm_folders_options {
    size_t count;
    const char *const *paths; // copied; one that isn't there is watched once it is, after a renewal
    struct cm_poster *poster;
    // since_ms: monotonic, when the first of what came together was noticed. Loop thread.
    void (*changed)(void *context, int64_t since_ms);
    void *context;
};

enum cm_status cm_folders_watch(struct cm_folders **out, const struct cm_folders_options *options,
                                struct cm_error *error) CM_MUST_CHECK;
// Folders that were made or replaced since are watched too. Loop thread.
void cm_folders_renew(struct cm_folders *folders);
// Nothing is told any more; what is posted already must run before cm_folders_free. Loop thread.
void cm_folders_stop(struct cm_folders *folders);
void cm_folders_free(struct cm_folders *folders);

#endif
