// Which refused questions get a ledger entry of their own, so that nobody fills the ledger with
// them: so many a key, an agency, and in all. The others are counted among the rejections. Loop
// thread.
#ifndef CM_GATEWAY_REFUSALS_H
#define CM_GATEWAY_REFUSALS_H

#include "gateway/pace.h"
#include "proto/base/bytes.h"

extern const struct cm_pace_rate cm_refusals_of_key, cm_refusals_of_agency, cm_refusals_of_all;

struct cm_refusals;

// NULL: out of memory.
struct cm_refusals *cm_refusals_new(void);
void cm_refusals_free(struct cm_refusals *refusals);
// Whether this one is to be recorded by itself; else it is to be counted. now_ms: monotonic.
bool cm_refusals_admit(struct cm_refusals *refusals, const struct cm_digest *key,
                       const char *agency, int64_t now_ms);

#endif
