// Whether a gateway's answer to "who would be asked" holds: recorded, and accounting for every
// agency. Pure; any thread.
#ifndef CM_CLIENT_REACH_CHECK_H
#define CM_CLIENT_REACH_CHECK_H

#include "gateway/client/roll_check.h"
#include "proto/codec/gateway.h"
#include "proto/trust/trust.h"

// roll: of our directory; digest: of the reach's payload. CM_STALE when the gateway judged by a
// newer directory than ours, so that nothing can be counted; any other error is a lie.
enum cm_status cm_reach_check(const struct cm_reach_response *response, struct cm_arena *arena,
                              const struct cm_roll *roll, const struct cm_signatory *gateway,
                              const struct cm_digest *digest, struct cm_error *error) CM_MUST_CHECK;
#endif
