// The signed directories that rule sets name, by serial: a member, kind or state counts only where
// the set's own directory and the current one agree, so the old one must be at hand. Files
// "directory-<serial>" in a folder. Blocking; any thread.
#ifndef CM_ACL_ARCHIVE_H
#define CM_ACL_ARCHIVE_H

#include "proto/trust/trust.h"

// Keeps trust's directory, without its CRLs, in folder unless its serial is there. Then removes
// those that no "*.ruleset" or "*.overlay" of the folder names, but for the newest eight.
enum cm_status cm_archive_keep(const char *folder, const struct cm_trust *trust,
                               struct cm_error *error) CM_MUST_CHECK;
// The directory of that serial: current's own reference, or one from folder, verified again by
// current's root as of its issue. CM_STALE when it isn't there, or lies in current's future.
enum cm_status cm_archive_find(struct cm_trust **out, const char *folder, struct cm_trust *current,
                               uint64_t serial, struct cm_error *error) CM_MUST_CHECK;

#endif
