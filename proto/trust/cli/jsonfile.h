// A small JSON file that a command reads, changes and writes back whole.
// Main thread only.
#ifndef CM_TRUST_CLI_JSONFILE_H
#define CM_TRUST_CLI_JSONFILE_H

#include "proto/base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

// An object; CM_INVALID names line and column. *out is the caller's.
enum cm_status cm_jsonfile_load(json_t **out, const char *path, size_t max,
                                struct cm_error *error) CM_MUST_CHECK;
// is_new: CM_INVALID when the file exists.
enum cm_status cm_jsonfile_save(const char *path, const json_t *root, mode_t mode, bool is_new,
                                struct cm_error *error) CM_MUST_CHECK;

#endif
