// Where the tiles of a tree lie in a folder (C2SP tlog-tiles), and reading one. Any thread.
#ifndef CM_LEDGER_TILE_H
#define CM_LEDGER_TILE_H

#include "proto/base/bytes.h"

enum {
    CM_TILE_HEIGHT = 8,
    CM_TILE_WIDTH = 1 << CM_TILE_HEIGHT,
    CM_TILE_LEVELS = 64 / CM_TILE_HEIGHT,
    CM_TILE_ENTRIES = -1, // in place of a level: the entries under as many leaves
    CM_MAX_TILE_PATH = 80,
};

struct cm_tile {
    int level;      // CM_TILE_ENTRIES, or 0 for leaves up to CM_TILE_LEVELS - 1
    uint64_t index; // from the left
    unsigned width; // 1 to CM_TILE_WIDTH; less than that: a partial one
};

// Relative to the ledger's folder.
void cm_tile_path(char out[CM_MAX_TILE_PATH], const struct cm_tile *tile);
// Of the partial ones of that place.
void cm_tile_partials_path(char out[CM_MAX_TILE_PATH], int level, uint64_t index);
// Replaces what is in out by at most max bytes of a tile in folder. CM_NOT_FOUND, CM_IO, CM_MEMORY.
enum cm_status cm_tile_read(struct cm_buf *out, int folder, const struct cm_tile *tile,
                            size_t max) CM_MUST_CHECK;

#endif
