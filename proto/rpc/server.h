// A mutual-TLS gRPC server on a loop. Loop thread. A program that links it also gets its accept4,
// which guards all listening sockets of the process (accept_guard.h).
#ifndef CM_RPC_SERVER_H
#define CM_RPC_SERVER_H

#include "proto/rpc/loop.h"
#include "proto/rpc/stream.h"

struct cm_server;

// PEM files, read again at each handshake when they changed (certificate reload).
struct cm_tls_files {
    const char *key_path;
    const char *chain_path; // leaf first
    const char *root_path;
};

struct cm_method {
    const char *path;
    void (*on_open)(void *context, struct cm_stream *stream);
    void *context;
    size_t max_message; // bytes received
    unsigned max_calls; // in flight; beyond: RESOURCE_EXHAUSTED at once
};

struct cm_server_options {
    const char *address; // host:port; port 0 picks one
    struct cm_tls_files tls;
    const struct cm_method *methods; // grpc.health.v1 is added
    size_t method_count;
    unsigned max_connections; // of the process; those beyond are closed at once
};

// CM_IO when the address can't be bound exclusively.
enum cm_status cm_server_new(struct cm_server **out, struct cm_loop *loop,
                             const struct cm_server_options *options,
                             struct cm_error *error) CM_MUST_CHECK;
int cm_server_port(const struct cm_server *server);
// What grpc.health.v1 answers for "" and comity.v1.GatewayService.
void cm_server_set_healthy(struct cm_server *server, bool healthy);
// Stops accepting, lets calls end for grace_ms, cancels the rest, then calls done once.
void cm_server_shutdown(struct cm_server *server, int64_t grace_ms, void (*done)(void *context),
                        void *context);
// Steps the loop until the server is down: from `done` or outside of all handlers.
void cm_server_free(struct cm_server *server);

#endif
