// What an overlay's files mean: forbids alone, with the groups and sites that they name. Any
// thread.
#ifndef CM_ACL_OVERLAY_H
#define CM_ACL_OVERLAY_H

#include "acl/rules.h"

// Its files, as a node writes them: what edits took away of the set, and with whom sharing is off.
#define CM_OVERLAY_EDITS   "edits.rules"
#define CM_OVERLAY_SHARING "sharing.rules"

// A permit, or what an include may not hold, is CM_INVALID. A name that the directory doesn't know
// covers nothing.
enum cm_status cm_overlay_compile(struct cm_rules **out, const char *agency, size_t count,
                                  const struct cm_rule_file *files,
                                  const struct cm_directory *directory,
                                  struct cm_error *error) CM_MUST_CHECK;

#endif
