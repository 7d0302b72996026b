// Copies that wait on disk for a node of their agency: copies/<agency>/<index>, each sealed with
// the day key of when it was written (u32be day ‖ nonce 12 ‖ AES-256-GCM ‖ tag 16) and bound to its
// name. Blocking; a worker or start-up.
#ifndef CM_GATEWAY_SPOOL_H
#define CM_GATEWAY_SPOOL_H

#include "proto/base/bytes.h"
#include "proto/codec/bounds.h"
#include "proto/ledger/day_keys.h"

enum { CM_SPOOL_OVERHEAD = 4 + 12 + 16 };

struct cm_spooled {
    char agency[CM_MAX_ID + 1];
    uint64_t index; // of the entry in the gateway's ledger
    uint32_t day;   // whose key opens it
    uint64_t size;  // of the file
};

// Durable when it returns. out says what was written. CM_NOT_FOUND: no key of now's day.
enum cm_status cm_spool_write(struct cm_spooled *out, const char *folder, const char *agency,
                              uint64_t index, struct cm_bytes clear, int64_t now_ms,
                              struct cm_day_keys *keys, struct cm_error *error) CM_MUST_CHECK;
// CM_NOT_FOUND: there is no such file, or its day's key was erased; CM_INVALID: it was altered.
enum cm_status cm_spool_read(struct cm_buf *out, const char *folder, const char *agency,
                             uint64_t index, struct cm_day_keys *keys,
                             struct cm_error *error) CM_MUST_CHECK;
// Not there is fine.
enum cm_status cm_spool_remove(const char *folder, const char *agency, uint64_t index,
                               struct cm_error *error) CM_MUST_CHECK;
// Each file of the folder, which need not be there, in no order; what a crash left is removed.
enum cm_status cm_spool_list(const char *folder,
                             enum cm_status (*found)(void *context, const struct cm_spooled *file),
                             void *context, struct cm_error *error) CM_MUST_CHECK;

#endif
