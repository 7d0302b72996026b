// A mutual-TLS gRPC connection to one gateway. The peer is judged before a byte of a call is sent.
// Loop thread.
#ifndef CM_RPC_CHANNEL_H
#define CM_RPC_CHANNEL_H

#include "proto/rpc/server.h"

struct cm_channel;

struct cm_channel_options {
    const char *address;     // host:port
    const char *server_name; // "gateway.<federation>": the DNS SAN that must be there
    struct cm_tls_files tls;
    const char *passphrase; // of an encrypted key, or NULL
    // leaf: DER. CM_OK lets the handshake pass. May run on gRPC's own threads: must not touch loop
    // state.
    enum cm_status (*judge)(void *context, struct cm_bytes leaf);
    void *context;
    size_t max_message;
};

enum cm_status cm_channel_new(struct cm_channel **out, struct cm_loop *loop,
                              const struct cm_channel_options *options,
                              struct cm_error *error) CM_MUST_CHECK;
// Open streams are cancelled first; their on_closed still comes.
void cm_channel_free(struct cm_channel *channel);
// Reads the TLS files again if they changed; open streams go on over the old connection. On an
// error the old credentials stay.
enum cm_status cm_channel_reload(struct cm_channel *channel, struct cm_error *error) CM_MUST_CHECK;
// deadline_ms from now; 0: none. wait_ready: wait for a connection instead of failing at once.
enum cm_status cm_channel_call(struct cm_stream **out, struct cm_channel *channel, const char *path,
                               int64_t deadline_ms, bool wait_ready,
                               const struct cm_stream_handlers *handlers,
                               void *owner) CM_MUST_CHECK;

#endif
