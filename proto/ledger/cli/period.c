#include "proto/ledger/cli/period.h"

#include "proto/base/clock.h"
#include "proto/base/when.h"

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
    *to_ms = now + 1;
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
