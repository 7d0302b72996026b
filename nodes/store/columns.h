// The columns of a stored detection, once for all backends: how each is taken from the struct and
// put back. Pure; any thread.
#ifndef CM_NODES_STORE_COLUMNS_H
#define CM_NODES_STORE_COLUMNS_H

#include "nodes/store/store.h"

enum { CM_COLUMN_COUNT = 23 };

enum cm_column_kind {
    CM_COLUMN_NONE = 0,
    CM_COLUMN_TEXT,
    CM_COLUMN_TIME, // UTC milliseconds
    CM_COLUMN_REAL,
    CM_COLUMN_YEAR,
    CM_COLUMN_FIELDS,
    CM_COLUMN_DIGEST,
    CM_COLUMN_CANDIDATES, // JSON
};

struct cm_column {
    const char *name;
    size_t offset; // in struct cm_stored
    enum cm_column_kind kind;
    cm_fields group; // kept only when present holds it; 0: always
};

// One value of a row. whole for TIME, YEAR, FIELDS; real for REAL; bytes for the others.
struct cm_cell {
    bool null;
    int64_t whole;
    double real;
    struct cm_bytes bytes;
};

extern const struct cm_column cm_columns[CM_COLUMN_COUNT];
// All names in order, with commas between.
extern const char cm_column_list[];

// The cell borrows from row and arena.
enum cm_status cm_column_get(struct cm_cell *out, const struct cm_stored *row, size_t column,
                             struct cm_arena *arena) CM_MUST_CHECK;
// Copies the cell's bytes to arena. CM_INTERNAL for what cm_column_get never made.
enum cm_status cm_column_set(struct cm_stored *row, size_t column, const struct cm_cell *cell,
                             struct cm_arena *arena) CM_MUST_CHECK;
// *equal: the same in every column. arena is scratch.
enum cm_status cm_columns_equal(bool *equal, const struct cm_stored *a, const struct cm_stored *b,
                                struct cm_arena *arena) CM_MUST_CHECK;

#endif
