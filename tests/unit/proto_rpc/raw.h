// A peer that speaks HTTP/2 by hand over mutual TLS, to do what gRPC's own client never would. Runs
// on a thread of its own, with blocking sockets, while the test steps the loop.
#ifndef TEST_RPC_RAW_H
#define TEST_RPC_RAW_H

#include "support.h"

struct raw;

// Connects with the leaf named name, sends preface and settings.
struct raw *raw_connect(const char *dir, const char *name, int port);
void raw_headers(struct raw *raw, uint32_t stream, const char *path, const char *encoding);
void raw_data(struct raw *raw, uint32_t stream, struct cm_bytes data, bool end);
void raw_reset(struct raw *raw, uint32_t stream);
// Sends what was queued and takes in what has arrived meanwhile. False once the server hung up.
bool raw_flush(struct raw *raw);
// Reads until a frame with END_STREAM or RST_STREAM of stream came, or the server hung up.
// Answers settings and pings.
bool raw_wait_end(struct raw *raw, uint32_t stream);
void raw_close(struct raw *raw);

// Runs work on a thread and steps the loop until it returns.
void raw_run(struct test_rig *rig, void (*work)(struct test_rig *rig));

// Bytes of this process in memory.
size_t raw_resident(void);

#endif
