// Private to proto/rpc: the sockets this process accepted, and whether each peer is good for what
// it sends. gRPC 1.51 buffers a message of any declared length before it looks at the bound, and
// makes a call of each HEADERS frame however fast they are reset. Neither can be bounded from
// within, so a connection that sent far more than it delivered, or gave up calls too fast, is cut.
// Any thread.
#ifndef CM_RPC_CONNECTIONS_H
#define CM_RPC_CONNECTIONS_H

#include "proto/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct cm_connection;

enum cm_status cm_connections_limit(unsigned max, struct cm_error *error) CM_MUST_CHECK;
// False when as many as allowed are open, or out of memory: the caller closes fd.
bool cm_connections_add(int fd);
// Between start and stop, which nest, a thread forgets those that are closed and cuts those in
// debt: one connection's flood may keep the loop from its turn. Called on one thread.
enum cm_status cm_connections_watch_start(struct cm_error *error) CM_MUST_CHECK;
void cm_connections_watch_stop(void);
// Cut so far.
unsigned long cm_connections_cut(void);

// peer: as grpc_call_get_peer gives it. NULL when unknown. The others take NULL.
struct cm_connection *cm_connection_find(const char *peer);
void cm_connection_unref(struct cm_connection *connection);
// The peer sent bytes that were of use, or had to, to take in what it was sent.
void cm_connection_credit(struct cm_connection *connection, size_t bytes);
// The peer gave up a call before its end.
void cm_connection_gave_up(struct cm_connection *connection);

#endif
