// What a new directory changes against the one before, for whoever is about to sign it; and what it
// must not change. Main thread only.
#ifndef CM_TRUST_CLI_DIRECTORY_CHANGES_H
#define CM_TRUST_CLI_DIRECTORY_CHANGES_H

#include "proto/codec/directory.h"

#include <stdio.h>

// A line for each entry and field that differs; *count of them.
enum cm_status cm_directory_changes_print(FILE *out, size_t *count,
                                          const struct cm_directory *before,
                                          const struct cm_directory *after) CM_MUST_CHECK;
// CM_INVALID: another federation, an agency gone, or one active again whose CA is wholly another.
// Ids are never reused.
enum cm_status cm_directory_changes_check(const struct cm_directory *before,
                                          const struct cm_directory *after,
                                          struct cm_error *error) CM_MUST_CHECK;

#endif
