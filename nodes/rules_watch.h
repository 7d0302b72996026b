// Notices that a signed rule set was put in place, and offers it to the bundle: the bundle alone
// says what counts. Loop thread.
#ifndef CM_NODES_RULES_WATCH_H
#define CM_NODES_RULES_WATCH_H

#include "acl/bundle/bundle.h"

#include <sys/stat.h>

// One file, and how it was when it was last read. Zeroed but for path.
struct cm_rules_file {
    const char *path;
    bool seen;
    struct stat last;
    enum cm_status refused;  // what came of it
    uint64_t judged_by;      // the directory's serial then
    const void *judged_over; // the standing then; only compared
};

// Whether the standing changed. A refusal for want of disk or memory, or because the directory or
// the set that it names isn't here yet, is tried again: what narrows must not be lost. Each refusal
// is logged when it begins.
bool cm_rules_watch(struct cm_rules_file *file, struct cm_bundle *bundle, struct cm_trust *trust,
                    int64_t now_ms);

#endif
