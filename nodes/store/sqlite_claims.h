// Claims of replay keys, limits and approvals in a SQLite file of their own, so that a running
// ingest never makes a query wait. Blocking; any thread, one at a time inside.
#ifndef CM_NODES_STORE_SQLITE_CLAIMS_H
#define CM_NODES_STORE_SQLITE_CLAIMS_H

#include "nodes/store/backend.h"

struct cm_sqlite_claims;

enum cm_status cm_sqlite_claims_open(struct cm_sqlite_claims **out, const char *path,
                                     const char *owner, struct cm_error *error) CM_MUST_CHECK;
// As of one moment to a new file, 0600 and durable, whoever uses it. CM_NOT_FOUND: it isn't there.
enum cm_status cm_sqlite_claims_copy(const char *path, const char *to,
                                     struct cm_error *error) CM_MUST_CHECK;
void cm_sqlite_claims_close(struct cm_sqlite_claims *claims);
enum cm_status cm_sqlite_claims_claim(struct cm_sqlite_claims *claims, const struct cm_claim *claim,
                                      int64_t now_ms, struct cm_error *error) CM_MUST_CHECK;
// At most max of each kind.
enum cm_status cm_sqlite_claims_forget(struct cm_sqlite_claims *claims, int64_t now_ms,
                                       uint64_t max, struct cm_error *error) CM_MUST_CHECK;

#endif
