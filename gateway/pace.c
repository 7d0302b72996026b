#include "gateway/pace.h"

const struct cm_pace_rate cm_pace_of_rules = {CM_PACE_BURST, CM_PACE_EVERY_MS};
const struct cm_pace_rate cm_pace_of_findings = {10, 60000};

void cm_pace_use(struct cm_pace *pace, const struct cm_pace_rate *rate, int64_t now_ms)
{
    int64_t from_ms = pace->used_until_ms > now_ms ? pace->used_until_ms : now_ms;
    pace->used_until_ms = from_ms + rate->every_ms;
}

int64_t cm_pace_wait(const struct cm_pace *pace, const struct cm_pace_rate *rate, int64_t now_ms)
{
    int64_t wait_ms = pace->used_until_ms - now_ms - (rate->burst - 1) * rate->every_ms;
    return wait_ms > 0 ? wait_ms : 0;
}
