// What a directory must keep of the one before it. Pure; any thread.
#ifndef CM_TRUST_SUCCESSION_H
#define CM_TRUST_SUCCESSION_H

#include "proto/codec/directory.h"

// CM_STALE: an agency is gone, or, when after is the very next, one is active again whose CA is
// wholly another. Ids are never reused.
enum cm_status cm_directory_succession(const struct cm_directory *before,
                                       const struct cm_directory *after, bool next,
                                       struct cm_error *error) CM_MUST_CHECK;

#endif
