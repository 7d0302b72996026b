// The case that somebody works on: its number, purpose and reason, kept for some hours in a file
// that only its owner may read, so that they need not be typed for each question. Main thread.
#ifndef CM_CLIENT_KEPT_CASE_H
#define CM_CLIENT_KEPT_CASE_H

#include "gateway/client/asking.h"

enum { CM_KEPT_CASE_MS = 8 * 3600 * 1000 };

struct cm_kept_case {
    char requester[4 * CM_MAX_ID]; // SPIFFE name: nobody else's questions take it
    char case_number[CM_MAX_CASE + 1];
    char purpose[CM_MAX_ID + 1];
    char reason[CM_MAX_REASON + 1];
    int64_t since_ms; // kept from then, CM_KEPT_CASE_MS long
};

// folder: the person's state.
enum cm_status cm_kept_case_write(const char *folder, const struct cm_kept_case *kept,
                                  struct cm_error *error) CM_MUST_CHECK;
// CM_NOT_FOUND: none is kept. CM_STALE: its time is over, and it was removed. CM_INVALID: others
// may have read or written it.
enum cm_status cm_kept_case_read(struct cm_kept_case *out, const char *folder, int64_t now_ms,
                                 struct cm_error *error) CM_MUST_CHECK;
// CM_NOT_FOUND when none was kept.
enum cm_status cm_kept_case_end(const char *folder, struct cm_error *error) CM_MUST_CHECK;

// Fills in what the question doesn't say, unless it names another case or is another person's.
// Whether it did.
bool cm_kept_case_apply(struct cm_asking *asking, const struct cm_kept_case *kept,
                        const char *requester);

#endif
