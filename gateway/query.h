// One running query (or reach): checked, decided, recorded, asked, merged, accounted. Everything it
// needs of the world comes through ports. Loop thread; its jobs run on workers.
#ifndef CM_GATEWAY_QUERY_H
#define CM_GATEWAY_QUERY_H

#include "gateway/ports.h"

enum {
    CM_QUERY_RESERVE_MS = 50, // before the deadline, for signing and sending the manifest
};

// Once the request is there. caller: the owner's, for cm_gateway_query_caller. CM_UNAVAILABLE when
// the gateway is closed, CM_EXHAUSTED when full; then there is no query.
enum cm_status cm_gateway_query_new(struct cm_gateway_query **out, struct cm_gateway *gateway,
                                    void *caller, bool reach, struct cm_error *error) CM_MUST_CHECK;
// In `settled` only.
void cm_gateway_query_free(struct cm_gateway_query *query);
void *cm_gateway_query_caller(const struct cm_gateway_query *query);

// Next; message and peer are copied.
void cm_gateway_query_request(struct cm_gateway_query *query, struct cm_bytes message,
                              const struct cm_peer *peer);
void cm_gateway_query_writable(struct cm_gateway_query *query);
void cm_gateway_query_wake(struct cm_gateway_query *query);
// The caller's call is closed: what still runs is called back, then `settled` comes (perhaps at
// once).
void cm_gateway_query_gone(struct cm_gateway_query *query);
// gateway->trust is newer, and this: whoever it doesn't know any more, caller or signer, is cut
// off.
void cm_gateway_query_retrust(struct cm_gateway_query *query, struct cm_trust *trust);

#endif
