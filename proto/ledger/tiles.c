#include "proto/ledger/tiles.h"

#include "proto/base/log.h"
#include "proto/ledger/merkle.h"
#include "proto/ledger/tile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    // Rows of hashes, from the leaves; then the entries.
    ENTRIES_ROW = CM_TILE_LEVELS,
    ROWS,
    MAX_BUNDLE = CM_TILE_WIDTH * (2 + CM_MAX_ENTRY),
};

static const char beside[] = "tile/.new"; // a file's name until it is whole

// The tile at the right edge of one row.
struct edge {
    uint64_t index;
    unsigned count;
    struct cm_digest hashes[CM_TILE_WIDTH];
    char unsynced[CM_MAX_TILE_PATH]; // a folder with names that may not be durable, or ""
};

struct cm_tiles {
    int folder;
    const struct cm_ledger_io *io; // NULL: nothing is written
    uint64_t size;                 // entries taken
    struct edge rows[ROWS];        // the entries' row has no hashes
    struct cm_buf bundle;          // the entries of the edge
    struct cm_buf there;           // what was read to be compared
    struct cm_checkpoint published;
    struct cm_buf note; // of published; empty when nothing is
    bool compared;      // with the log's own of that size
    bool much;          // what is written isn't durable before the file system is synced
};

static enum cm_status differs(struct cm_error *error, const char *path, const char *what)
{
    cm_fail(error, CM_INVALID, path, "%s", what);
    cm_error_hint(error, "the log is the truth: keep the folder as evidence; without checkpoint "
                         "and tile they are made anew");
    return CM_INVALID;
}

static enum cm_status os_error(struct cm_error *error, const char *path, const char *what)
{
    return cm_fail(error, CM_IO, path, "%s: %s", what, strerror(errno));
}

static struct cm_tile tile_at(const struct cm_tiles *tiles, int row)
{
    const struct edge *edge = &tiles->rows[row];
    return (struct cm_tile){row == ENTRIES_ROW ? CM_TILE_ENTRIES : row, edge->index, edge->count};
}

static struct cm_bytes content_of(const struct cm_tiles *tiles, int row)
{
    const struct edge *edge = &tiles->rows[row];
    return row == ENTRIES_ROW
               ? cm_buf_bytes(&tiles->bundle)
               : (struct cm_bytes){edge->hashes[0].b, edge->count * sizeof edge->hashes[0]};
}

// A partial tile may have gone already, the whole one then begins with it.
static enum cm_status read_back(struct cm_tiles *tiles, struct cm_tile tile, size_t len, bool *fits)
{
    enum cm_status status = cm_tile_read(&tiles->there, tiles->folder, &tile, len + 1);
    *fits = tiles->there.len == len;
    if (status == CM_NOT_FOUND && tile.width < CM_TILE_WIDTH) {
        tile.width = CM_TILE_WIDTH;
        status = cm_tile_read(&tiles->there, tiles->folder, &tile, len);
        *fits = tiles->there.len == len;
    }
    return status;
}

static enum cm_status compare(struct cm_tiles *tiles, int row, struct cm_error *error)
{
    const struct cm_tile tile = tile_at(tiles, row);
    const struct cm_bytes want = content_of(tiles, row);
    char path[CM_MAX_TILE_PATH];
    bool fits;
    cm_tile_path(path, &tile);
    const enum cm_status status = read_back(tiles, tile, want.len, &fits);
    if (status == CM_NOT_FOUND) {
        return differs(error, path, "this tile was published and is gone");
    }
    if (status) {
        return cm_fail(error, status, path, "the tile can't be read");
    }
    if (!fits || memcmp(tiles->there.data, want.data, want.len) != 0) {
        return differs(error, path, "this tile is not what the log makes it");
    }
    return CM_OK;
}

static enum cm_status write_file(struct cm_tiles *tiles, const char *path, struct cm_bytes content,
                                 struct cm_error *error)
{
    const int fd =
        openat(tiles->folder, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return os_error(error, path, "can't be made");
    }
    enum cm_status status = CM_OK;
    for (size_t done = 0; done < content.len && !status;) {
        const ssize_t wrote =
            tiles->io->pwrite(fd, content.data + done, content.len - done, (off_t)done);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            errno = wrote < 0 ? errno : EIO;
            status = os_error(error, path, "can't be written");
        } else {
            done += (size_t)wrote;
        }
    }
    if (!status && !tiles->much && tiles->io->fsync(fd) != 0) {
        status = os_error(error, path, "can't be made durable");
    }
    close(fd);
    return status;
}

static enum cm_status sync_folder(const struct cm_tiles *tiles, const char *path,
                                  struct cm_error *error)
{
    if (tiles->much) {
        return CM_OK;
    }
    const int fd = openat(tiles->folder, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || tiles->io->fsync(fd) != 0) {
        os_error(error, path, "the folder can't be made durable");
        if (fd >= 0) {
            close(fd);
        }
        return CM_IO;
    }
    close(fd);
    return CM_OK;
}

// Path without its last part; "." when there is none.
static void folder_of(char out[CM_MAX_TILE_PATH], const char *path)
{
    const char *slash = strrchr(path, '/');
    snprintf(out, CM_MAX_TILE_PATH, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
}

// Makes the folders above path, each durable in the one above it.
static enum cm_status make_folders(const struct cm_tiles *tiles, const char *path,
                                   struct cm_error *error)
{
    char folder[CM_MAX_TILE_PATH];
    char above[CM_MAX_TILE_PATH];
    for (const char *at = strchr(path, '/'); at; at = strchr(at + 1, '/')) {
        snprintf(folder, sizeof folder, "%.*s", (int)(at - path), path);
        if (tiles->io->mkdirat(tiles->folder, folder, 0700) != 0) {
            if (errno == EEXIST) {
                continue;
            }
            return os_error(error, folder, "can't be made");
        }
        folder_of(above, folder);
        const enum cm_status status = sync_folder(tiles, above, error);
        if (status) {
            return status;
        }
    }
    return CM_OK;
}

static enum cm_status put(struct cm_tiles *tiles, const char *path, struct cm_bytes content,
                          struct cm_error *error)
{
    enum cm_status status = make_folders(tiles, beside, error);
    if (!status) {
        status = write_file(tiles, beside, content, error);
    }
    if (status) {
        return status;
    }
    int failed = tiles->io->renameat(tiles->folder, beside, tiles->folder, path);
    if (failed && errno == ENOENT) {
        status = make_folders(tiles, path, error);
        if (status) {
            return status;
        }
        failed = tiles->io->renameat(tiles->folder, beside, tiles->folder, path);
    }
    return failed ? os_error(error, path, "can't be put in its place") : CM_OK;
}

// The names of one row's tiles go to one folder after the other.
static enum cm_status write_tile(struct cm_tiles *tiles, int row, struct cm_error *error)
{
    const struct cm_tile tile = tile_at(tiles, row);
    char *unsynced = tiles->rows[row].unsynced;
    char path[CM_MAX_TILE_PATH];
    char folder[CM_MAX_TILE_PATH];
    enum cm_status status = CM_OK;
    cm_tile_path(path, &tile);
    folder_of(folder, path);
    if (unsynced[0] != '\0' && strcmp(unsynced, folder) != 0) {
        status = sync_folder(tiles, unsynced, error);
    }
    if (!status) {
        unsynced[0] = '\0';
        status = put(tiles, path, content_of(tiles, row), error);
    }
    if (!status) {
        memcpy(unsynced, folder, sizeof folder);
    }
    return status;
}

// A whole tile's leaves end at tiles->size or before it.
static enum cm_status settle(struct cm_tiles *tiles, int row, struct cm_error *error)
{
    if (tiles->size <= tiles->published.size) {
        return compare(tiles, row, error);
    }
    return tiles->io ? write_tile(tiles, row, error) : CM_OK;
}

static void next_tile(struct edge *edge)
{
    edge->index++;
    edge->count = 0;
}

// Settles the tiles that are whole, from the leaves up: each gives a hash to the one above.
static enum cm_status settle_whole(struct cm_tiles *tiles, struct cm_error *error)
{
    struct edge *entries = &tiles->rows[ENTRIES_ROW];
    if (entries->count == CM_TILE_WIDTH) {
        const enum cm_status status = settle(tiles, ENTRIES_ROW, error);
        if (status) {
            return status;
        }
        next_tile(entries);
        tiles->bundle.len = 0;
    }
    for (int level = 0; level + 1 < CM_TILE_LEVELS; level++) {
        struct edge *edge = &tiles->rows[level];
        if (edge->count < CM_TILE_WIDTH) {
            continue;
        }
        const enum cm_status status = settle(tiles, level, error);
        if (status) {
            return status;
        }
        struct edge *above = &tiles->rows[level + 1];
        cm_merkle_root_of(&above->hashes[above->count++], edge->hashes, CM_TILE_WIDTH);
        next_tile(edge);
    }
    return CM_OK;
}

static enum cm_status add_entry(struct cm_tiles *tiles, const struct cm_log_item *item,
                                struct cm_error *error)
{
    enum cm_status status = settle_whole(tiles, error);
    if (status) {
        return status;
    }
    uint8_t *room;
    status = cm_buf_reserve(&tiles->bundle, 2 + item->entry.len, &room);
    if (status) {
        return cm_fail(error, status, "tile", "out of memory");
    }
    room[0] = (uint8_t)(item->entry.len >> 8);
    room[1] = (uint8_t)item->entry.len;
    memcpy(room + 2, item->entry.data, item->entry.len);
    tiles->bundle.len += 2 + item->entry.len;
    tiles->rows[ENTRIES_ROW].count++;
    struct edge *leaves = &tiles->rows[0];
    leaves->hashes[leaves->count++] = item->leaf;
    tiles->size++;
    return CM_OK;
}

// What was published is to be what the log says at that size.
static enum cm_status compare_published(struct cm_tiles *tiles, const struct cm_log_item *item,
                                        struct cm_error *error)
{
    const uint64_t size = tiles->published.size;
    if (tiles->note.len == 0 || tiles->compared || item->checkpoint.size < size) {
        return CM_OK;
    }
    if (item->checkpoint.size > size || !cm_bytes_equal(cm_buf_bytes(&tiles->note), item->note)) {
        return differs(error, "checkpoint", "the published checkpoint is none of the log's");
    }
    enum cm_status status = settle_whole(tiles, error);
    for (int row = 0; row < ROWS && !status; row++) {
        if (tiles->rows[row].count > 0) {
            status = compare(tiles, row, error);
        }
    }
    tiles->compared = !status;
    return status;
}

enum cm_status cm_tiles_add(struct cm_tiles *tiles, const struct cm_log_item *item,
                            struct cm_error *error)
{
    switch (item->type) {
    case CM_ITEM_END:
        break;
    case CM_ITEM_ENTRY:
        return add_entry(tiles, item, error);
    case CM_ITEM_CHECKPOINT:
        return compare_published(tiles, item, error);
    }
    return CM_OK;
}

enum cm_status cm_tiles_check_end(const struct cm_tiles *tiles, struct cm_error *error)
{
    if (tiles->note.len > 0 && !tiles->compared) {
        return differs(error, "checkpoint", "more was published than the log holds");
    }
    return CM_OK;
}

static enum cm_status empty_folder(const struct cm_tiles *tiles, DIR *dir, const char *path,
                                   struct cm_error *error)
{
    for (struct dirent *item; (item = readdir(dir)) != NULL;) {
        if (item->d_name[0] != '.' && tiles->io->unlinkat(dirfd(dir), item->d_name, 0) != 0) {
            return os_error(error, path, "what is in it can't be removed");
        }
    }
    return CM_OK;
}

static enum cm_status remove_partials(const struct cm_tiles *tiles, int row, uint64_t index,
                                      struct cm_error *error)
{
    char path[CM_MAX_TILE_PATH];
    cm_tile_partials_path(path, row == ENTRIES_ROW ? CM_TILE_ENTRIES : row, index);
    const int fd = openat(tiles->folder, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return errno == ENOENT ? CM_OK : os_error(error, path, "can't be opened");
    }
    DIR *dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return cm_fail(error, CM_MEMORY, path, "out of memory");
    }
    enum cm_status status = empty_folder(tiles, dir, path, error);
    closedir(dir);
    if (!status && tiles->io->unlinkat(tiles->folder, path, AT_REMOVEDIR) != 0) {
        status = os_error(error, path, "can't be removed");
    }
    return status;
}

// Before the checkpoint moves on: so none stay behind after a crash, and whoever reads by the old
// one finds the whole tile.
static enum cm_status remove_replaced(const struct cm_tiles *tiles, struct cm_error *error)
{
    enum cm_status status = CM_OK;
    for (int row = 0; row < ROWS && !status; row++) {
        const int height = row == ENTRIES_ROW ? 0 : row * CM_TILE_HEIGHT;
        const uint64_t count = tiles->published.size >> height;
        const uint64_t index = count / CM_TILE_WIDTH;
        if (count % CM_TILE_WIDTH != 0 && index < tiles->rows[row].index) {
            status = remove_partials(tiles, row, index, error);
        }
    }
    return status;
}

// All that was written is durable after it.
static enum cm_status sync_all(struct cm_tiles *tiles, struct cm_error *error)
{
    if (tiles->much && tiles->io->syncfs(tiles->folder) != 0) {
        return os_error(error, "tile", "can't be made durable");
    }
    for (int row = 0; row < ROWS; row++) {
        char *unsynced = tiles->rows[row].unsynced;
        if (unsynced[0] == '\0') {
            continue;
        }
        const enum cm_status status = sync_folder(tiles, unsynced, error);
        if (status) {
            return status;
        }
        unsynced[0] = '\0';
    }
    tiles->much = false;
    return CM_OK;
}

void cm_tiles_expect_much(struct cm_tiles *tiles)
{
    tiles->much = true;
}

enum cm_status cm_tiles_publish(struct cm_tiles *tiles, const struct cm_checkpoint *checkpoint,
                                struct cm_bytes note, struct cm_error *error)
{
    if (checkpoint->size != tiles->size || !tiles->io) {
        return cm_fail(error, CM_INTERNAL, "checkpoint", "this is not what was added");
    }
    if (tiles->note.len > 0 && checkpoint->size == tiles->published.size) {
        return CM_OK;
    }
    struct cm_buf copy = {0};
    enum cm_status status = cm_buf_add(&copy, note.data, note.len);
    if (status) {
        return cm_fail(error, status, "checkpoint", "out of memory");
    }
    status = settle_whole(tiles, error);
    for (int row = 0; row < ROWS && !status; row++) {
        if (tiles->rows[row].count > 0) {
            status = write_tile(tiles, row, error);
        }
    }
    if (!status) {
        status = sync_all(tiles, error);
    }
    if (!status) {
        status = remove_replaced(tiles, error);
    }
    if (!status) {
        status = put(tiles, "checkpoint", note, error);
    }
    if (!status) {
        status = sync_folder(tiles, ".", error);
    }
    if (status) {
        cm_buf_clear(&copy);
        return status;
    }
    cm_buf_clear(&tiles->note);
    tiles->note = copy;
    tiles->published = *checkpoint;
    tiles->compared = true;
    return CM_OK;
}

uint64_t cm_tiles_published(const struct cm_tiles *tiles)
{
    return tiles->published.size;
}

uint64_t cm_tiles_whole(const struct cm_tiles *tiles)
{
    return tiles->rows[0].index * CM_TILE_WIDTH;
}

static enum cm_status read_published(struct cm_tiles *tiles, struct cm_error *error)
{
    const int fd =
        openat(tiles->folder, "checkpoint", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return errno == ENOENT ? CM_OK : os_error(error, "checkpoint", "can't be opened");
    }
    uint8_t *room;
    enum cm_status status = cm_buf_reserve(&tiles->note, CM_MAX_CHECKPOINT, &room);
    const ssize_t got = status ? -1 : read(fd, room, CM_MAX_CHECKPOINT);
    close(fd);
    if (got < 0) {
        return cm_fail(error, CM_IO, "checkpoint", "can't be read");
    }
    tiles->note.len = (size_t)got;
    status = cm_checkpoint_parse(&tiles->published, cm_buf_bytes(&tiles->note), NULL);
    return status ? differs(error, "checkpoint", "the published checkpoint is malformed") : CM_OK;
}

enum cm_status cm_tiles_open(struct cm_tiles **out, int folder, const struct cm_ledger_io *io,
                             struct cm_error *error)
{
    struct cm_tiles *tiles = calloc(1, sizeof *tiles);
    if (!tiles) {
        return cm_fail(error, CM_MEMORY, "tile", "out of memory");
    }
    tiles->folder = folder;
    tiles->io = io;
    tiles->bundle.max = MAX_BUNDLE;
    const enum cm_status status = read_published(tiles, error);
    if (status) {
        cm_tiles_free(tiles);
    } else {
        *out = tiles;
    }
    return status;
}

void cm_tiles_free(struct cm_tiles *tiles)
{
    if (!tiles) {
        return;
    }
    cm_buf_clear(&tiles->bundle);
    cm_buf_clear(&tiles->there);
    cm_buf_clear(&tiles->note);
    free(tiles);
}
