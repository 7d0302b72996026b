// One node's requesters, split by which of its rules cover them: all of one part may do the same,
// so each part has one profile. In the caller's arena; any thread.
#ifndef CM_ACL_SPLIT_H
#define CM_ACL_SPLIT_H

#include "acl/crowd.h"
#include "acl/profiles.h"

enum { CM_SPLIT_MOST = 254 }; // parts

struct cm_split_source {
    const struct cm_directory *directory; // the current one
    const struct cm_crowd *now;
    const struct cm_rules *rules;
    const struct cm_crowd *then;      // of rules
    const struct cm_rules *overlay;   // NULL: none
    const struct cm_crowd *over_then; // of overlay
};

struct cm_split {
    uint8_t *parts; // of each agency of the directory: 0 no permit covers it, else 1 + the index of
                    // its profile
    uint32_t profile_count;
    struct cm_bytes *profiles;
};

// CM_EXHAUSTED, CM_MEMORY: too many parts or steps; the rules themselves must then be asked.
enum cm_status cm_split_make(struct cm_split *out, struct cm_arena *arena,
                             const struct cm_split_source *source) CM_MUST_CHECK;

#endif
