// How the ledger's threads touch its files, as a table, so that tests can fail or crash each step.
// Private to the ledger and its tests. Called on the writer's and the tiles' thread.
#ifndef CM_LEDGER_LEDGER_IO_H
#define CM_LEDGER_LEDGER_IO_H

#include "proto/ledger/ledger.h"

#include <sys/types.h>

// As the system calls of these names.
struct cm_ledger_io {
    ssize_t (*pwrite)(int fd, const void *data, size_t len, off_t offset);
    int (*fdatasync)(int fd);
    int (*ftruncate)(int fd, off_t len);
    int (*fallocate)(int fd, int mode, off_t offset, off_t len);
    int (*fsync)(int fd);
    int (*syncfs)(int fd);
    int (*renameat)(int from_folder, const char *from, int to_folder, const char *to);
    int (*mkdirat)(int folder, const char *path, mode_t mode);
    int (*unlinkat)(int folder, const char *path, int flags);
};

extern const struct cm_ledger_io cm_ledger_system_calls;

// cm_ledger_open with other system calls; io is borrowed until close.
enum cm_status cm_ledger_open_with(struct cm_ledger **out, const struct cm_ledger_options *options,
                                   const struct cm_ledger_io *io,
                                   struct cm_error *error) CM_MUST_CHECK;

#endif
