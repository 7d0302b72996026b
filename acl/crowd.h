// All agencies of a directory at once: what the terms of a rule cover, as bits, one per agency in
// the directory's order. Says the same as covers.h says of one agency. In the caller's arena; any
// thread.
#ifndef CM_ACL_CROWD_H
#define CM_ACL_CROWD_H

#include "acl/compiled.h"

enum { CM_CROWD_STATES = 26 * 26 };

// Kinds and states in the eyes of one directory, for the agencies of another, the current one.
struct cm_crowd {
    uint32_t count;
    size_t words; // of every set
    uint64_t *kinds[CM_KIND_COUNT];
    uint64_t *states[CM_CROWD_STATES]; // NULL: nobody
    uint64_t *listed;                  // now: active; then: in that directory
    uint64_t *unchanged;               // then: active, and no new CA since; now: as listed
};

// CM_MEMORY past the arena's cap.
enum cm_status cm_crowd_now(struct cm_crowd *out, struct cm_arena *arena,
                            const struct cm_directory *directory) CM_MUST_CHECK;
enum cm_status cm_crowd_then(struct cm_crowd *out, struct cm_arena *arena,
                             const struct cm_directory *directory,
                             const struct cm_members *members) CM_MUST_CHECK;

// The names in one rule set, found in the directory.
struct cm_cast {
    const struct cm_rules *rules;
    uint32_t self;     // index in the directory or CM_NO_INDEX
    uint32_t *index;   // of each of rules->agencies
    uint64_t **groups; // members of each group that a rule names; NULL for the others
    uint64_t work;     // steps still allowed; counts down
};

// CM_EXHAUSTED when it takes more than `work` steps; CM_MEMORY.
enum cm_status cm_cast_init(struct cm_cast *out, struct cm_arena *arena,
                            const struct cm_rules *rules, const struct cm_directory *directory,
                            size_t words, uint64_t work) CM_MUST_CHECK;
// Whom a permit or forbid covers, roles left open. then: by the members of cast->rules. out: one
// set; spare: room for two. CM_EXHAUSTED past the cast's work.
enum cm_status cm_crowd_permit(uint64_t *out, uint64_t *spare, struct cm_cast *cast,
                               const struct cm_crowd *now, const struct cm_crowd *then,
                               const struct cm_box *permit) CM_MUST_CHECK;
enum cm_status cm_crowd_forbid(uint64_t *out, uint64_t *spare, struct cm_cast *cast,
                               const struct cm_crowd *now, const struct cm_crowd *then,
                               const struct cm_box *forbid) CM_MUST_CHECK;
// Bits 1u << enum cm_role of those that the box's terms leave in.
uint16_t cm_crowd_roles(const struct cm_box *box);

#endif
