// A record of named columns to a detection: the header's names, each value's form, which groups are
// there. Pure; one thread.
#ifndef CM_NODES_INGEST_ROW_H
#define CM_NODES_INGEST_ROW_H

#include "nodes/ingest/csv.h"
#include "nodes/store/store.h"

// The column a rejected line's reason stands in; read again, it is skipped.
#define CM_ROW_REASON "reject_reason"

struct cm_row_layout {
    size_t count;
    uint8_t columns[CM_CSV_MAX_FIELDS]; // per field: its place in the table of known columns
};

// CM_INVALID names the unknown, doubled or missing column. where is for messages.
enum cm_status cm_row_header(struct cm_row_layout *out, const struct cm_csv_record *header,
                             const char *where, struct cm_error *error) CM_MUST_CHECK;
// What can't be a detection of owner is CM_INVALID: error->where is the column, text the reason,
// without the value. now_ms bounds captured_at. The strings live in arena.
enum cm_status cm_row_read(struct cm_stored *out, const struct cm_row_layout *layout,
                           const struct cm_csv_record *record, const char *owner, int64_t now_ms,
                           struct cm_arena *arena, struct cm_error *error) CM_MUST_CHECK;

#endif
