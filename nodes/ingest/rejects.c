#include "nodes/ingest/rejects.h"

#include "nodes/ingest/row.h"

#include <csv.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct cm_rejects {
    const char *path;
    FILE *file; // NULL before the first line
    struct cm_buf header;
    size_t columns;
};

enum cm_status cm_rejects_new(struct cm_rejects **out, const char *path, struct cm_bytes header,
                              size_t columns, struct cm_error *error)
{
    *out = NULL;
    struct cm_rejects *rejects = calloc(1, sizeof *rejects);
    if (rejects == NULL || cm_buf_add(&rejects->header, header.data, header.len) != CM_OK) {
        free(rejects);
        return cm_fail(error, CM_MEMORY, path, "out of memory");
    }
    rejects->path = path;
    rejects->columns = columns;
    *out = rejects;
    return CM_OK;
}

static enum cm_status failed(const struct cm_rejects *rejects, struct cm_error *error)
{
    enum cm_status status =
        cm_fail(error, CM_IO, rejects->path, "can't be written: %s", strerror(errno));
    cm_error_hint(error, "give another place with --rejects FILE, and run it again");
    return status;
}

static enum cm_status open_file(struct cm_rejects *rejects, struct cm_error *error)
{
    int fd = open(rejects->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    rejects->file = fd >= 0 ? fdopen(fd, "wb") : NULL;
    if (rejects->file == NULL) {
        enum cm_status status = failed(rejects, error);
        if (fd >= 0) {
            close(fd);
        }
        return status;
    }
    // An older file keeps its mode when it is opened; it holds plates now.
    if (fchmod(fd, 0600) != 0 ||
        fwrite(rejects->header.data, 1, rejects->header.len, rejects->file) !=
            rejects->header.len ||
        fputs("," CM_ROW_REASON "\n", rejects->file) < 0) {
        return failed(rejects, error);
    }
    return CM_OK;
}

enum cm_status cm_rejects_add(struct cm_rejects *rejects, struct cm_bytes raw, bool aligned,
                              const char *why, struct cm_error *error)
{
    enum cm_status status = rejects->file == NULL ? open_file(rejects, error) : CM_OK;
    if (status != CM_OK) {
        return status;
    }
    bool ok = aligned ? fwrite(raw.data, 1, raw.len, rejects->file) == raw.len
                      : csv_fwrite(rejects->file, raw.data, raw.len) == 0;
    for (size_t i = 1; i < rejects->columns && ok && !aligned; i++) {
        ok = fputc(',', rejects->file) != EOF;
    }
    ok = ok && fputc(',', rejects->file) != EOF &&
         csv_fwrite(rejects->file, why, strlen(why)) == 0 && fputc('\n', rejects->file) != EOF;
    return ok ? CM_OK : failed(rejects, error);
}

enum cm_status cm_rejects_flush(struct cm_rejects *rejects, struct cm_error *error)
{
    if (rejects->file != NULL && fflush(rejects->file) != 0) {
        return failed(rejects, error);
    }
    return CM_OK;
}

void cm_rejects_free(struct cm_rejects *rejects)
{
    if (rejects != NULL) {
        if (rejects->file != NULL) {
            (void)fclose(rejects->file); // flushed before, with its result looked at
        }
        cm_buf_clear(&rejects->header);
        free(rejects);
    }
}
