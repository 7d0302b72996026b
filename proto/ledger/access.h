// Access records as they lie beside entries: u32be day ‖ nonce 12 ‖ AES-256-GCM ‖ tag 16 under that
// day's key, bound to the entry by AAD "comity-access-v1" ‖ SHA-256(entry). And where a signer's
// certificates were written today, so that they are written once. Pure but for chance; any thread,
// a table one at a time.
#ifndef CM_LEDGER_ACCESS_H
#define CM_LEDGER_ACCESS_H

#include "proto/codec/access.h"
#include "proto/ledger/day_keys.h"

enum { CM_ACCESS_NONCE = 12, CM_ACCESS_TAG = 16, CM_ACCESS_OVERHEAD = 4 + 12 + 16 };

// Appends to out. entry: the exact bytes that the record goes with; recorded_ms: as in it.
// CM_NOT_FOUND: no key of that day: cm_day_keys_prepare was not called. CM_INVALID: larger than
// CM_MAX_ACCESS_RECORD.
enum cm_status cm_access_seal(struct cm_buf *out, const struct cm_access *access,
                              struct cm_bytes entry, int64_t recorded_ms,
                              struct cm_day_keys *keys) CM_MUST_CHECK;
// CM_NOT_FOUND: its day's key was erased, or is not here: the text says which and the day.
// CM_INVALID: it was altered, or belongs to another entry or day. out borrows from arena, which
// holds clear values: an arena wipes what it frees.
enum cm_status cm_access_open(struct cm_access *out, struct cm_arena *arena, struct cm_bytes sealed,
                              struct cm_bytes entry, struct cm_day_keys *keys,
                              struct cm_error *error) CM_MUST_CHECK;
// The day whose key it needs. CM_INVALID: too short.
enum cm_status cm_access_day(uint32_t *out, struct cm_bytes sealed) CM_MUST_CHECK;

// Signers whose chain an access record of a day holds. Bounded: a new one displaces an older.
struct cm_chain_places;

// count: signers remembered; NULL when out of memory.
struct cm_chain_places *cm_chain_places_new(size_t count);
void cm_chain_places_free(struct cm_chain_places *places);
// Before sealing: leaves out the chain of access->question where an entry of recorded_ms's day has
// exactly it, and says where. Nothing else is changed.
void cm_chain_places_leave_out(struct cm_chain_places *places, struct cm_access *access,
                               int64_t recorded_ms);
// Once durable: access, whose question has its chain, is that of the entry at index.
void cm_chain_places_written(struct cm_chain_places *places, const struct cm_access *access,
                             int64_t recorded_ms, uint64_t index);

#endif
