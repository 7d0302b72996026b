// Private to proto/rpc: how server and channel make a stream of a gRPC call. Loop thread.
#ifndef CM_RPC_CALL_H
#define CM_RPC_CALL_H

#include "proto/rpc/core.h"
#include "proto/rpc/stream.h"

// Embedded in the stream for whoever made it.
struct cm_call_maker {
    void (*gone)(struct cm_call_maker *maker); // with a copy, once the stream is freed
    void *context;
    struct cm_call_maker *next;  // the maker's list, if it keeps one
    struct cm_call_maker **link; // what points here
};

struct cm_call_setup {
    struct cm_loop *loop;
    grpc_call *call; // taken over, also on failure
    gpr_timespec deadline;
    size_t max_message;
    void (*gone)(struct cm_call_maker *maker);
    void *context;
};

// Nothing is delivered before cm_stream_accept. Finished already when the peer can't be told.
enum cm_status cm_stream_new_server(struct cm_stream **out,
                                    const struct cm_call_setup *setup) CM_MUST_CHECK;
enum cm_status cm_stream_new_client(struct cm_stream **out, const struct cm_call_setup *setup,
                                    bool wait_ready, const struct cm_stream_handlers *handlers,
                                    void *owner) CM_MUST_CHECK;
struct cm_call_maker *cm_stream_maker(struct cm_stream *stream);
struct cm_stream *cm_stream_of_maker(struct cm_call_maker *maker);
// Accepted, finished or cancelled: somebody looks after it.
bool cm_stream_taken(const struct cm_stream *stream);

#endif
