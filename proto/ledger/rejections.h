// Questions refused without an entry of their own, because nobody's signature stood behind them or
// enough like them have one: counted by cause, one entry a minute. Loop thread.
#ifndef CM_LEDGER_REJECTIONS_H
#define CM_LEDGER_REJECTIONS_H

#include "proto/codec/entry.h"

enum { CM_REJECTIONS_MS = 60000 };

// Zeroed at first.
struct cm_rejections {
    uint64_t counts[CM_MAX_REJECTED_CODES]; // by enum cm_status
    int64_t from_ms;                        // wall clock: the first of them
    int64_t since_ms;                       // monotonic; 0: none
    struct cm_rejected_count list[CM_MAX_REJECTED_CODES];
};

void cm_rejections_count(struct cm_rejections *rejections, enum cm_status status, int64_t wall_ms,
                         int64_t mono_ms);
// Whether an entry is due, once a minute has passed since the first; then counting begins anew. It
// borrows until the next call. mono_ms INT64_MAX: whatever there is.
bool cm_rejections_take(struct cm_entry *out, struct cm_rejections *rejections, int64_t wall_ms,
                        int64_t mono_ms);

#endif
