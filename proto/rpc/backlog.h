// Private to proto/rpc: how many calls of one connection gRPC has taken in that the loop hasn't
// seen. Each costs 10 KiB, and a peer can reset its calls, so that no bound on streams holds, while
// gRPC reads on without giving the loop a turn. Enter on gRPC's threads; the others on the loop
// thread.
#ifndef CM_RPC_BACKLOG_H
#define CM_RPC_BACKLOG_H

#include <grpc/grpc_security.h>

struct cm_backlog;

// NULL when out of memory.
struct cm_backlog *cm_backlog_new(void);
// After the server that used it.
void cm_backlog_free(struct cm_backlog *backlog);
// Calls past the bound end as RESOURCE_EXHAUSTED before they reach the server.
void cm_backlog_guard(struct cm_backlog *backlog, grpc_server_credentials *credentials);
// The loop has this call.
void cm_backlog_taken(struct cm_backlog *backlog, grpc_call *call);
// Nothing waits for the loop: calls that ended before they came to it are forgotten.
void cm_backlog_reset(struct cm_backlog *backlog);

#endif
