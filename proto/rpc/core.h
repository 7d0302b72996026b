// Private to proto/rpc: what its files share of gRPC core. Loop thread.
#ifndef CM_RPC_CORE_H
#define CM_RPC_CORE_H

#include "proto/rpc/loop.h"

#include <grpc/grpc.h>

// What a completion queue hands back: embedded in the owner of the operation.
struct cm_tag {
    void (*run)(struct cm_tag *tag, bool ok);
};

grpc_completion_queue *cm_loop_queue(struct cm_loop *loop);
// What may still start or await an operation holds the loop: it isn't torn down before the release.
void cm_loop_hold(struct cm_loop *loop);
void cm_loop_release(struct cm_loop *loop);

static inline grpc_arg cm_arg_int(const char *key, int value)
{
    return (grpc_arg){.type = GRPC_ARG_INTEGER, .key = (char *)key, .value.integer = value};
}

static inline grpc_arg cm_arg_string(const char *key, char *value)
{
    return (grpc_arg){.type = GRPC_ARG_STRING, .key = (char *)key, .value.string = value};
}

#endif
