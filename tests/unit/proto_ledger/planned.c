#include "planned.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct planned plan;

static bool strikes(bool tiles)
{
    if (tiles != plan.tiles) {
        return false;
    }
    const long call = atomic_fetch_add(&plan.calls, 1) + 1;
    if (call != plan.step && !(plan.always && call > plan.step)) {
        return false;
    }
    if (plan.number == 0) {
        _exit(42);
    }
    errno = plan.number;
    return true;
}

static bool is_log(int fd)
{
    struct stat facts;
    return fstat(fd, &facts) == 0 && facts.st_ino == plan.log;
}

static ssize_t planned_pwrite(int fd, const void *data, size_t len, off_t offset)
{
    const bool tiles = !is_log(fd);
    const bool half = plan.half && tiles == plan.tiles && plan.calls + 1 == plan.step;
    if (half && pwrite(fd, data, len / 2, offset) < 0) {
        abort();
    }
    return !plan.fsync_only && strikes(tiles) ? -1 : pwrite(fd, data, len, offset);
}

static int planned_fdatasync(int fd)
{
    return strikes(false) ? -1 : fdatasync(fd);
}

static int planned_fallocate(int fd, int mode, off_t offset, off_t len)
{
    (void)fd;
    (void)mode;
    (void)offset;
    (void)len;
    errno = EOPNOTSUPP;
    return -1;
}

static int planned_fsync(int fd)
{
    return strikes(true) ? -1 : fsync(fd);
}

static int planned_syncfs(int fd)
{
    return strikes(true) ? -1 : syncfs(fd);
}

static int planned_renameat(int a, const char *from, int b, const char *to)
{
    return strikes(true) ? -1 : renameat(a, from, b, to);
}

static int planned_mkdirat(int folder, const char *path, mode_t mode)
{
    return strikes(true) ? -1 : mkdirat(folder, path, mode);
}

static int planned_unlinkat(int folder, const char *path, int flags)
{
    return strikes(true) ? -1 : unlinkat(folder, path, flags);
}

static const struct cm_ledger_io planned_calls = {
    .pwrite = planned_pwrite,
    .fdatasync = planned_fdatasync,
    .ftruncate = ftruncate,
    .fallocate = planned_fallocate,
    .fsync = planned_fsync,
    .syncfs = planned_syncfs,
    .renameat = planned_renameat,
    .mkdirat = planned_mkdirat,
    .unlinkat = planned_unlinkat,
};

struct cm_ledger *planned_open(struct fixture *f)
{
    const struct cm_ledger_options options = fixture_options(f);
    struct cm_ledger *ledger;
    struct stat facts;
    cr_assert_eq(fixture_try(f), CM_OK); // so that the log is there
    cr_assert_eq(stat(f->log, &facts), 0);
    plan.log = facts.st_ino;
    plan.calls = 0;
    cr_assert_eq(cm_ledger_open_with(&ledger, &options, &planned_calls, NULL), CM_OK);
    return ledger;
}
