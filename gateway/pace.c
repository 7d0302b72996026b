#include "gateway/pace.h"

void cm_pace_use(struct cm_pace *pace, int64_t now_ms)
{
    int64_t from_ms = pace->used_until_ms > now_ms ? pace->used_until_ms : now_ms;
    pace->used_until_ms = from_ms + CM_PACE_EVERY_MS;
}

int64_t cm_pace_wait(const struct cm_pace *pace, int64_t now_ms)
{
    int64_t wait_ms = pace->used_until_ms - now_ms - (CM_PACE_BURST - 1) * CM_PACE_EVERY_MS;
    return wait_ms > 0 ? wait_ms : 0;
}
