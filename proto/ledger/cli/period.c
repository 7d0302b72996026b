#include "proto/ledger/cli/period.h"

#include "proto/base/clock.h"
#include "proto/codec/bounds.h"

#include <stdlib.h>
#include <time.h>

enum cm_status cm_audit_period(int64_t *from_ms, int64_t *to_ms, const struct cm_cli_args *args,
                               struct cm_error *error)
{
    const char *from = cm_cli_get(args, 'f');
    const char *to = cm_cli_get(args, 't');
    const int64_t now = cm_wall_ms(cm_clock_system());
    enum cm_status status = CM_OK;
    setenv("TZ", "UTC0", 1);
    tzset();
    *from_ms = 0;
    *to_ms = CM_MAX_TIME_MS + 1;
    if (from != NULL) {
        status = cm_when_parse(from_ms, from, now, "--from", error);
    }
    if (status == CM_OK && to != NULL) {
        status = cm_when_parse(to_ms, to, now, "--to", error);
    }
    if (status == CM_OK && *from_ms >= *to_ms) {
        return cm_fail(error, CM_INVALID, "--from", "is not before --to");
    }
    return status;
}

const char *cm_audit_period_from(char out[CM_WHEN_SIZE], int64_t from_ms)
{
    return from_ms == 0 ? "the first entry" : cm_when_utc(out, from_ms);
}

const char *cm_audit_period_to(char out[CM_WHEN_SIZE], int64_t to_ms)
{
    return to_ms > CM_MAX_TIME_MS ? "the last entry" : cm_when_utc(out, to_ms);
}
