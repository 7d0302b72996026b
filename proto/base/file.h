// Whole files: bounded reads, and writes that are there completely or not at all.
// Blocking; a worker or start-up.
#ifndef CM_BASE_FILE_H
#define CM_BASE_FILE_H

#include "proto/base/bytes.h"
#include "proto/base/error.h"

#include <sys/types.h>

// Appends the file to out; CM_NOT_FOUND, CM_IO, or CM_MEMORY past max bytes.
enum cm_status cm_file_read(struct cm_buf *out, const char *path, size_t max,
                            struct cm_error *error) CM_MUST_CHECK;
// Writes beside it, fdatasync, rename, fsync of the folder. An existing file is replaced.
enum cm_status cm_file_write(const char *path, struct cm_bytes data, mode_t mode,
                             struct cm_error *error) CM_MUST_CHECK;
// As cm_file_write, but CM_INVALID when the file exists.
enum cm_status cm_file_create(const char *path, struct cm_bytes data, mode_t mode,
                              struct cm_error *error) CM_MUST_CHECK;

struct cm_file_item {
    const char *path;
    struct cm_bytes data;
    enum cm_status status;
    struct cm_error *error;
};

// As cm_file_write of each, all on the file system of folder and made durable together, by syncfs:
// two flushes however many they are. Each is there completely or not at all and has a status of its
// own; one that isn't CM_OK before is left out.
void cm_file_write_all(const char *folder, struct cm_file_item *items, size_t count, mode_t mode);

#endif
