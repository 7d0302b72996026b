// The values of a CSV field: times, numbers, digests, candidates. Pure; any thread.
#ifndef CM_NODES_INGEST_VALUES_H
#define CM_NODES_INGEST_VALUES_H

#include "proto/base/arena.h"
#include "proto/codec/detection.h"

// RFC 3339 with an offset (a space may stand for T), or milliseconds since 1970, to UTC
// milliseconds; finer fractions are cut off. *why says what is wrong, for people.
enum cm_status cm_csv_time(int64_t *ms, struct cm_bytes text, const char **why) CM_MUST_CHECK;
// Digits with at most one point and an exponent; no white space, hex, infinity or NaN.
enum cm_status cm_csv_number(double *out, struct cm_bytes text) CM_MUST_CHECK;
// Digits, 0 to most.
enum cm_status cm_csv_whole(uint64_t *out, struct cm_bytes text, uint64_t most) CM_MUST_CHECK;
// "8ABC123:0.91;8A8C123:0.4", normalised; at most CM_MAX_CANDIDATES. The strings live in arena.
enum cm_status cm_csv_candidates(struct cm_detection *out, struct cm_bytes text,
                                 struct cm_arena *arena) CM_MUST_CHECK;

#endif
