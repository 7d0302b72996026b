// Which refusals of one gateway's asks get a ledger entry of their own, so that a captured query
// sent again and again fills no disk: the first of each kind within a minute, and so many a minute.
// The others are counted. Loop thread.
#ifndef CM_NODES_DENIALS_H
#define CM_NODES_DENIALS_H

#include "proto/codec/answer.h"

enum { CM_DENIALS_A_MINUTE = 32, CM_DENIAL_MS = 60000 };

struct cm_denial {
    struct cm_digest query;
    enum cm_refusal_code code;
    int64_t until_ms;
};

// Zeroed at first.
struct cm_denials {
    struct cm_denial held[CM_DENIALS_A_MINUTE];
    uint64_t left_out;
    int64_t since_ms; // when the first of them came
};

// Times are monotonic and never 0.
// Whether this one is to be recorded; otherwise it is counted.
bool cm_denials_admit(struct cm_denials *denials, const struct cm_digest *query,
                      enum cm_refusal_code code, int64_t now_ms) CM_MUST_CHECK;
// Counts one that gets no entry.
void cm_denials_leave_out(struct cm_denials *denials, int64_t now_ms);
// How many were left out, once a minute has passed since the first of them; then from 0 again.
uint64_t cm_denials_take(struct cm_denials *denials, int64_t now_ms);

#endif
