// The bare call that a query's calls are held against: a unary echo over mutual TLS between two
// processes, on the same rpc code. Fork the server before the first loop is made.
#ifndef CM_BENCH_ECHO_H
#define CM_BENCH_ECHO_H

#include "proto/rpc/channel.h"
#include "tests/bench/measure.h"

struct cm_echo_server {
    pid_t pid;
    int port;
};

struct cm_echo_options {
    struct cm_loop *loop;
    const char *server_name;
    struct cm_tls_files tls; // the client's
    const char *passphrase;
    size_t bytes;       // each way
    unsigned in_flight; // at most 64
    size_t calls;
    int64_t most_ms;
};

struct cm_echo_result {
    size_t calls;
    int64_t server_ns; // CPU, all calls
    int64_t client_ns;
};

// A child process that ends with its parent, or at cm_echo_stop.
enum cm_status cm_echo_start(struct cm_echo_server *out, const struct cm_tls_files *tls,
                             struct cm_error *error) CM_MUST_CHECK;
void cm_echo_stop(struct cm_echo_server *server);
enum cm_status cm_echo_run(struct cm_echo_result *result, const struct cm_echo_server *server,
                           const struct cm_echo_options *options,
                           struct cm_error *error) CM_MUST_CHECK;

#endif
