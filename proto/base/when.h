// Times as people write and read them: "30d", "2026-11-01", RFC 3339; local time with its offset,
// or UTC. Local means the process's TZ. Any thread.
#ifndef CM_BASE_WHEN_H
#define CM_BASE_WHEN_H

#include "proto/base/error.h"

enum { CM_WHEN_SIZE = 32 };

// A span back from now_ms ("90m", "12h", "30d", "4w", "6mo", "5y"; a month is 30 days, a year 365),
// a date or a date and time in local time ("2026-11-01", "2026-11-01T08:30"), or RFC 3339 with an
// offset. UTC milliseconds. where names the option in the error.
enum cm_status cm_when_parse(int64_t *out, const char *text, int64_t now_ms, const char *where,
                             struct cm_error *error) CM_MUST_CHECK;
// "2026-11-20 17:45:03-08:00". Returns out.
char *cm_when_local(char out[CM_WHEN_SIZE], int64_t ms);
// "2026-11-21T01:45:03.120Z". Returns out.
char *cm_when_utc(char out[CM_WHEN_SIZE], int64_t ms);
// "30 days", "6 hours", "45 minutes": the largest unit that fits, rounded down. Returns out.
char *cm_when_span(char out[CM_WHEN_SIZE], int64_t ms);

#endif
