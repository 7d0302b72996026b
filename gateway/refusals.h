// Which refused questions get a ledger entry of their own, so that nobody fills the ledger with
// them: so many a key, an agency, and in all. The others, and those that nobody's signature stands
// behind, are counted by cause, for one entry a minute. Loop thread.
#ifndef CM_GATEWAY_REFUSALS_H
#define CM_GATEWAY_REFUSALS_H

#include "gateway/pace.h"
#include "proto/codec/entry.h"

enum { CM_REFUSALS_COUNT_MS = 60000 };

extern const struct cm_pace_rate cm_refusals_of_key, cm_refusals_of_agency, cm_refusals_of_all;

struct cm_refusals;

// NULL: out of memory.
struct cm_refusals *cm_refusals_new(void);
void cm_refusals_free(struct cm_refusals *refusals);
// Whether this one is to be recorded by itself; else it is to be counted. now_ms: monotonic.
bool cm_refusals_admit(struct cm_refusals *refusals, const struct cm_digest *key,
                       const char *agency, int64_t now_ms);
void cm_refusals_count(struct cm_refusals *refusals, enum cm_status code, int64_t wall_ms,
                       int64_t now_ms);
// Whether a `rejected` entry is due, which out then is until the next call: a minute after the
// first that was counted; now_ms INT64_MAX: whatever there is.
bool cm_refusals_take(struct cm_entry *out, struct cm_refusals *refusals, int64_t wall_ms,
                      int64_t now_ms);

#endif
