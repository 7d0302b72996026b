// The calls of investigators: Lookup and Reach, each carrying one query on one stream. Loop thread.
#ifndef CM_GATEWAY_LOOKUP_H
#define CM_GATEWAY_LOOKUP_H

#include "gateway/door.h"
#include "gateway/query.h"
#include "proto/rpc/loop.h"

// All callers; zeroed, then gateway and loop set.
struct cm_callers {
    struct cm_gateway *gateway;
    struct cm_loop *loop;
    struct cm_caller *first;
};

// cm_method.on_open; context is the struct cm_callers.
void cm_callers_on_lookup(void *context, struct cm_stream *stream);
void cm_callers_on_reach(void *context, struct cm_stream *stream);
// A newer directory: whoever it doesn't know any more is cut off.
void cm_callers_retrust(struct cm_callers *callers, struct cm_trust *trust);

// What ports.h asks of the callers.
bool cm_caller_writable(struct cm_gateway_query *query);
enum cm_status cm_caller_write(struct cm_gateway_query *query,
                               struct cm_bytes message) CM_MUST_CHECK;
void cm_caller_finish(struct cm_gateway_query *query, enum cm_status status,
                      const struct cm_error *error);
void cm_caller_wake_at(struct cm_gateway_query *query, int64_t mono_ms);
void cm_caller_settled(struct cm_gateway_query *query);

#endif
