// The sharing matrix: all that an agency's rules show, to whom, for what, how far back, from today
// on. In the caller's arena, borrowing from the rules; pure; any thread.
#ifndef CM_ACL_WHO_H
#define CM_ACL_WHO_H

#include "acl/diff.h"

// As the difference from nothing: `was` is nothing in every line, and agencies that see nothing are
// in no group. CM_EXHAUSTED: past a bound on the work; CM_MEMORY.
enum cm_status cm_who_make(const struct cm_diff **out, struct cm_arena *arena,
                           const struct cm_side *side, int64_t now_ms,
                           struct cm_error *error) CM_MUST_CHECK;

#endif
