// Copies that wait on disk for a node of their agency: copies/<agency>/<number>, each sealed with
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
    uint64_t number; // cm_copy_number
    uint32_t day;    // whose key opens it
    uint64_t size;   // of the file
};

// One to write: agency and number are given.
struct cm_spool_item {
    struct cm_spooled file;
    struct cm_bytes clear;
    enum cm_status status; // CM_NOT_FOUND: no key of now's day
    struct cm_error error;
};

// Those whose status is CM_OK then are durable, whatever became of the others; file says the rest.
void cm_spool_write(const char *folder, struct cm_spool_item *items, size_t count, int64_t now_ms,
                    struct cm_day_keys *keys);
// CM_NOT_FOUND: there is no such file, or its day's key was erased; CM_INVALID: it was altered.
enum cm_status cm_spool_read(struct cm_buf *out, const char *folder, const char *agency,
                             uint64_t number, struct cm_day_keys *keys,
                             struct cm_error *error) CM_MUST_CHECK;
// Not there is fine.
enum cm_status cm_spool_remove(const char *folder, const char *agency, uint64_t number,
                               struct cm_error *error) CM_MUST_CHECK;
// Each file of the folder, which need not be there, in no order; what a crash left is removed.
enum cm_status cm_spool_list(const char *folder,
                             enum cm_status (*found)(void *context, const struct cm_spooled *file),
                             void *context, struct cm_error *error) CM_MUST_CHECK;

#endif
