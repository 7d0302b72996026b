// Folders: the names in them, made, made durable. make and sync block; any thread.
#ifndef CM_BASE_FOLDER_H
#define CM_BASE_FOLDER_H

#include "proto/base/error.h"

#include <limits.h>

// "<folder>/<name>". CM_INVALID: too long.
enum cm_status cm_folder_path(char out[PATH_MAX], const char *folder, const char *name,
                              struct cm_error *error) CM_MUST_CHECK;
// With mode 0700 unless something is there. CM_IO. Its name lasts once the folder above is synced.
enum cm_status cm_folder_make(const char *path, struct cm_error *error) CM_MUST_CHECK;
// "<folder>/<name>", made. CM_INVALID, CM_IO.
enum cm_status cm_folder_make_in(char out[PATH_MAX], const char *folder, const char *name,
                                 struct cm_error *error) CM_MUST_CHECK;
// The names in it last after that. CM_IO.
enum cm_status cm_folder_sync(const char *path, struct cm_error *error) CM_MUST_CHECK;

#endif
