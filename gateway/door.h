// The way in of every call: whom TLS says it is of, whether the method is for that role, and a
// place among the calls that have sent nothing yet, which are few for each key. Loop thread.
#ifndef CM_GATEWAY_DOOR_H
#define CM_GATEWAY_DOOR_H

#include "gateway/ports.h"

enum {
    CM_DOOR_MS = 1000, // for the request of a Lookup or Reach to arrive
    CM_DOOR_PER_KEY = 32,
    CM_DOOR_PER_AGENCY = 128,
    CM_DOOR_TOTAL = 1024,
};

// roles: bits 1u << enum cm_role. CM_UNAUTHENTICATED, CM_FORBIDDEN; with place (not NULL) also
// CM_EXHAUSTED. *who, which may be NULL, is the caller's on success.
enum cm_status cm_door_open(struct cm_signatory **who, struct cm_gateway *gateway,
                            struct cm_admission *place, const struct cm_peer *peer, unsigned roles,
                            struct cm_error *error) CM_MUST_CHECK;
// Its first message has come, or never will. May be called twice.
void cm_door_pass(struct cm_gateway *gateway, struct cm_admission *place);
// Ends a call that isn't let in, in on_open.
void cm_door_refuse(struct cm_stream *stream, enum cm_status status, const struct cm_error *error);

#endif
