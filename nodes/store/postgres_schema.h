// Makes the PostgreSQL schema, or checks the one that is there. Once, when a store is opened.
#ifndef CM_NODES_STORE_POSTGRES_SCHEMA_H
#define CM_NODES_STORE_POSTGRES_SCHEMA_H

#include "nodes/store/backend.h"

// In the first schema of the connection's search_path. CM_INVALID for another agency's or a newer
// schema.
enum cm_status cm_pg_schema(const char *conninfo, const char *owner, int timeout_ms,
                            struct cm_error *error) CM_MUST_CHECK;

#endif
