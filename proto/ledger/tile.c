#include "proto/ledger/tile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

// "x001/x234/067": groups of three digits, the last without the x.
static size_t put_index(char *out, size_t size, uint64_t index)
{
    unsigned groups[8];
    size_t count = 0;
    size_t used = 0;
    do {
        groups[count++] = (unsigned)(index % 1000);
        index /= 1000;
    } while (index > 0);
    while (count-- > 0) {
        used +=
            (size_t)snprintf(out + used, size - used, count > 0 ? "x%03u/" : "%03u", groups[count]);
    }
    return used;
}

static size_t put_place(char *out, size_t size, int level, uint64_t index)
{
    const int used = level == CM_TILE_ENTRIES ? snprintf(out, size, "tile/entries/")
                                              : snprintf(out, size, "tile/%d/", level);
    return (size_t)used + put_index(out + used, size - (size_t)used, index);
}

void cm_tile_path(char out[CM_MAX_TILE_PATH], const struct cm_tile *tile)
{
    const size_t used = put_place(out, CM_MAX_TILE_PATH, tile->level, tile->index);
    if (tile->width < CM_TILE_WIDTH) {
        snprintf(out + used, CM_MAX_TILE_PATH - used, ".p/%u", tile->width);
    }
}

void cm_tile_partials_path(char out[CM_MAX_TILE_PATH], int level, uint64_t index)
{
    const size_t used = put_place(out, CM_MAX_TILE_PATH, level, index);
    snprintf(out + used, CM_MAX_TILE_PATH - used, ".p");
}

enum cm_status cm_tile_read(struct cm_buf *out, int folder, const struct cm_tile *tile, size_t max)
{
    char path[CM_MAX_TILE_PATH];
    cm_tile_path(path, tile);
    const int fd = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return errno == ENOENT || errno == ENOTDIR ? CM_NOT_FOUND : CM_IO;
    }
    uint8_t *room;
    out->len = 0;
    enum cm_status status = cm_buf_reserve(out, max, &room);
    while (!status && out->len < max) {
        const ssize_t got = read(fd, out->data + out->len, max - out->len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            status = CM_IO;
        }
        if (got <= 0) {
            break;
        }
        out->len += (size_t)got;
    }
    close(fd);
    return status;
}
