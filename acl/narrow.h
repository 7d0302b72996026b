// What a new state of an agency's rules no longer shows, as the text of an overlay: forbids that
// shrink the old state to what both show. Pure; any thread.
#ifndef CM_ACL_NARROW_H
#define CM_ACL_NARROW_H

#include "acl/cells.h"

// Appends to out a rule file without `node`, for an overlay's include; nothing when nothing
// shrinks. Agencies are named as of the current directories: make it anew when one changes. *exact
// false: a forbid can't name cameras in no site alone, so something that both show at a site's
// camera is hidden too. Limits, `retain` as it deletes, and `disclose` are not visibility: they
// wait. CM_EXHAUSTED: past a bound on the work or the size of an overlay; CM_MEMORY.
enum cm_status cm_narrow_make(struct cm_buf *out, bool *exact, const struct cm_side *old,
                              const struct cm_side *new, int64_t now_ms,
                              struct cm_error *error) CM_MUST_CHECK;

#endif
