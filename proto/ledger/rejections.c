#include "proto/ledger/rejections.h"

#include <string.h>

void cm_rejections_count(struct cm_rejections *rejections, enum cm_status status, int64_t wall_ms,
                         int64_t mono_ms)
{
    if (status == CM_OK || (unsigned)status >= CM_MAX_REJECTED_CODES) {
        status = CM_INTERNAL;
    }
    rejections->counts[status]++;
    if (rejections->since_ms == 0) {
        rejections->since_ms = mono_ms;
        rejections->from_ms = wall_ms;
    }
}

bool cm_rejections_take(struct cm_entry *out, struct cm_rejections *rejections, int64_t wall_ms,
                        int64_t mono_ms)
{
    if (rejections->since_ms == 0 || mono_ms - rejections->since_ms < CM_REJECTIONS_MS) {
        return false;
    }
    *out = (struct cm_entry){
        .kind = CM_ENTRY_REJECTED,
        .from_ms = rejections->from_ms,
        // A clock that was set back meanwhile makes no entry that ends before it begins.
        .to_ms = wall_ms < rejections->from_ms ? rejections->from_ms : wall_ms,
        .counts = rejections->list,
    };
    for (uint32_t code = 0; code < CM_MAX_REJECTED_CODES; code++) {
        if (rejections->counts[code] > 0) {
            rejections->list[out->count_count++] =
                (struct cm_rejected_count){code, rejections->counts[code]};
        }
    }
    memset(rejections->counts, 0, sizeof rejections->counts);
    rejections->since_ms = 0;
    return true;
}
