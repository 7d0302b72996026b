// Stands between gRPC and accept4 in every program that links a server: gRPC 1.51 stops listening
// for good after one failed accept (CVE-2023-4785), and has no bound on connections or handshakes.
// Counts all sockets the process accepts. Any thread.
#ifndef CM_RPC_ACCEPT_GUARD_H
#define CM_RPC_ACCEPT_GUARD_H

#include "proto/base/error.h"

// At most max_connections accepted sockets are open at once, and at most per_second are taken up in
// a second (a handshake costs 1 ms); the others are closed at once. Opens the reserve descriptor.
enum cm_status cm_accept_guard_set(unsigned max_connections, unsigned per_second,
                                   struct cm_error *error) CM_MUST_CHECK;
// Connections closed since the start, by reason.
struct cm_accept_guard_counts {
    unsigned long accepted;
    unsigned long no_descriptor;
    unsigned long too_many;
    unsigned long too_fast;
};
void cm_accept_guard_counts(struct cm_accept_guard_counts *out);

#endif
