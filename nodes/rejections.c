#include "nodes/rejections.h"

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

enum cm_status cm_status_of_refusal(enum cm_refusal_code code)
{
    switch (code) {
    case CM_REFUSAL_UNAUTHENTICATED:
        return CM_UNAUTHENTICATED;
    case CM_REFUSAL_FORBIDDEN_ROLE:
    case CM_REFUSAL_NOT_PERMITTED:
        return CM_FORBIDDEN;
    case CM_REFUSAL_STALE:
        return CM_STALE;
    case CM_REFUSAL_NOT_SERVED:
        return CM_NOT_SERVED;
    case CM_REFUSAL_REPLAYED:
        return CM_REPLAYED;
    case CM_REFUSAL_EXHAUSTED:
        return CM_EXHAUSTED;
    case CM_REFUSAL_UNAVAILABLE:
        return CM_UNAVAILABLE;
    case CM_REFUSAL_INVALID:
    case CM_REFUSAL_BAD_RECORD:
        return CM_INVALID;
    case CM_REFUSAL_NONE:
    case CM_REFUSAL_COUNT:
        break;
    }
    return CM_INTERNAL;
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
