// Real loopback TLS for the tests of proto/rpc: a federation's certificates in a temporary folder,
// a server with a few methods, a client that remembers what it got. One loop, one thread.
#ifndef TEST_RPC_SUPPORT_H
#define TEST_RPC_SUPPORT_H

#include "proto/rpc/channel.h"
#include "proto/rpc/server.h"

#define TEST_NAME "gateway.ca.test"

// A leaf <name>.key, <name>.pem (leaf and agency CA) in dir; its root is <root>.pem, made when it
// isn't there. dns may be NULL.
struct test_leaf {
    const char *name;
    const char *root;
    const char *dns;
    const char *uri;
    const char *passphrase;
};
void test_issue(const char *dir, const struct test_leaf *leaf);
const char *test_path(const char *dir, const char *name, const char *suffix);

struct test_call {
    struct cm_stream *stream; // NULL once closed
    struct cm_buf received;
    unsigned messages;
    unsigned writable;
    bool read_on; // asks for the next message by itself
    bool ended;
    bool closed;
    bool cancel_at_message;
    bool wait_ready;
    enum cm_status status;
    struct cm_error error;
};

struct test_rig {
    char dir[64];
    struct cm_loop *loop;
    struct cm_server *server;
    struct cm_channel *channel;
    const char *listen; // NULL: 127.0.0.1:0
    char address[64];
    unsigned opened;    // calls the server's methods saw
    unsigned cancelled; // of those, closed as cancelled
    unsigned got;       // messages the server got
    unsigned judged;    // leaves the client judged
    enum cm_status verdict;
    bool down;
    struct cm_stream *held; // the newest call of /test/Hold
    struct cm_peer peer;    // of the newest call: lengths only
    struct cm_buf peer_leaf;
};

// Makes the folder, the certificates and the loop.
void test_rig_init(struct test_rig *rig);
// With the server's leaf named name.
void test_rig_serve(struct test_rig *rig, const char *name);
void test_rig_connect(struct test_rig *rig, const char *name, const char *root);
// All of it: gateway's server, client "client".
void test_rig_start(struct test_rig *rig);
void test_rig_clear(struct test_rig *rig);

// /test/Echo, /test/Hold (reads nothing), /test/Refuse, /test/Forget, /test/Flood (writes on),
// /test/Endless and /test/TooLong (write one message of 256 and of 2 MiB).
void test_call_open(struct test_rig *rig, struct test_call *call, const char *path,
                    int64_t deadline_ms);
void test_until(struct test_rig *rig, const bool *flag);
void test_until_count(struct test_rig *rig, const unsigned *count, unsigned at_least);
// Steps until nothing has happened for a while.
void test_settle(struct test_rig *rig);
// Somebody else is still answered.
void test_still_serves(struct test_rig *rig);
void test_call_clear(struct test_call *call);

#endif
