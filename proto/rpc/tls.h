// Private to proto/rpc: gRPC credentials from PEM files. Loop thread; the server's files are read
// again on whichever thread starts a handshake.
#ifndef CM_RPC_TLS_H
#define CM_RPC_TLS_H

#include "proto/rpc/server.h"

#include <grpc/grpc_security.h>

// Three PEM texts, each NUL-terminated. The key is wiped by clear.
struct cm_tls_material {
    struct cm_buf key;
    struct cm_buf chain;
    struct cm_buf root;
};

// CM_INVALID when a file isn't what it must be, or key and certificate don't belong together.
enum cm_status cm_tls_load(struct cm_tls_material *out, const struct cm_tls_files *files,
                           const char *passphrase, struct cm_error *error) CM_MUST_CHECK;
void cm_tls_clear(struct cm_tls_material *material);

// What the three files were when last read: inode, size and time of change.
struct cm_tls_mark {
    int64_t of[9];
};
// A missing file is a mark too.
void cm_tls_mark(struct cm_tls_mark *out, const struct cm_tls_files *files);

// Server credentials that follow the files. Client certificates are required.
struct cm_tls_server;
enum cm_status cm_tls_server_new(struct cm_tls_server **out, const struct cm_tls_files *files,
                                 struct cm_error *error) CM_MUST_CHECK;
// After the server that used them.
void cm_tls_server_free(struct cm_tls_server *tls);
grpc_server_credentials *cm_tls_server_credentials(const struct cm_tls_server *tls);

#endif
