// What the backends share with store.c and nobody else.
#ifndef CM_NODES_STORE_BACKEND_H
#define CM_NODES_STORE_BACKEND_H

#include "nodes/store/columns.h"

enum {
    CM_STORE_VERSION = 1, // of the schema
    CM_STORE_OWNER_SIZE = CM_MAX_ID + 1,
    // Past its expiry a replay key is kept this much longer, so that no clock skew lets it pass.
    CM_CLAIM_GRACE_MS = CM_MAX_QUERY_LIFE_MS,
};

// Where an exact-plate cursor stands: the last row given, by which the next page continues.
struct cm_position {
    char plate[CM_MAX_PLATE + 1];
    char state[3];
    int64_t from_ms;
    int64_t last_ms; // the next row is before it, or at it with an event id after last_id
    char last_id[CM_MAX_EVENT_ID + 1];
    bool done;
};

enum cm_status cm_position_init(struct cm_position *position, const struct cm_store_query *query,
                                struct cm_error *error) CM_MUST_CHECK;
// After a page of count rows, the most that could be: max.
void cm_position_advance(struct cm_position *position, const struct cm_detection *rows,
                         size_t count, size_t max);

// cm_stored_check for all; the error names the row.
enum cm_status cm_store_check_rows(const struct cm_stored *rows, size_t count, const char *owner,
                                   struct cm_error *error) CM_MUST_CHECK;

enum cm_status cm_sqlite_open(struct cm_store **out, const char *path, const char *owner,
                              unsigned connections, struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_postgres_open(struct cm_store **out, const char *conninfo, const char *owner,
                                unsigned connections, struct cm_error *error) CM_MUST_CHECK;

#endif
