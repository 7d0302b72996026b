#include "nodes/denials.h"

void cm_denials_leave_out(struct cm_denials *denials, int64_t now_ms)
{
    if (denials->left_out++ == 0) {
        denials->since_ms = now_ms;
    }
}

bool cm_denials_admit(struct cm_denials *denials, const struct cm_digest *query,
                      enum cm_refusal_code code, int64_t now_ms)
{
    struct cm_denial *place = NULL;
    for (size_t i = 0; i < CM_DENIALS_A_MINUTE; i++) {
        struct cm_denial *held = &denials->held[i];
        if (held->until_ms <= now_ms) {
            place = held;
        } else if (held->code == code && cm_digest_equal(&held->query, query)) {
            cm_denials_leave_out(denials, now_ms);
            return false;
        }
    }
    if (!place) {
        cm_denials_leave_out(denials, now_ms);
        return false;
    }
    *place = (struct cm_denial){.query = *query, .code = code, .until_ms = now_ms + CM_DENIAL_MS};
    return true;
}

uint64_t cm_denials_take(struct cm_denials *denials, int64_t now_ms)
{
    const uint64_t count = denials->left_out;
    if (count == 0 || now_ms - denials->since_ms < CM_DENIAL_MS) {
        return 0;
    }
    denials->left_out = 0;
    return count;
}
