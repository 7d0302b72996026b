// Claims of replay keys, limits and approvals in PostgreSQL, shared by the processes of an agency.
// One thread at a time a connection.
#ifndef CM_NODES_STORE_POSTGRES_CLAIMS_H
#define CM_NODES_STORE_POSTGRES_CLAIMS_H

#include "nodes/store/postgres_db.h"

extern const char cm_pg_claims_schema[];

// What a connection that claims or forgets has prepared.
extern const struct cm_pg_statement cm_pg_claim_statements[];

enum cm_status cm_pg_claim(struct cm_pg *pg, const struct cm_claim *claim, int64_t now_ms,
                           struct cm_error *error) CM_MUST_CHECK;
// Inside the caller's transaction; at most max of each kind.
enum cm_status cm_pg_forget_claims(struct cm_pg *pg, int64_t now_ms, uint64_t max,
                                   struct cm_error *error) CM_MUST_CHECK;

#endif
