// Private to proto/rpc: certificates that gRPC hands over in PEM, as DER. Any thread.
#ifndef CM_RPC_PEER_H
#define CM_RPC_PEER_H

#include "proto/rpc/stream.h"

#include <grpc/grpc.h>

// Appends the first certificate of pem to out; *used is how much of pem it took.
enum cm_status cm_peer_der(struct cm_buf *out, struct cm_bytes pem, size_t *used) CM_MUST_CHECK;
// Who is at the other end of call. peer borrows from store.
enum cm_status cm_peer_of_call(struct cm_peer *peer, struct cm_buf *store,
                               grpc_call *call) CM_MUST_CHECK;

#endif
