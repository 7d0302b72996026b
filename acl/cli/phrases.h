// Changes in words that people read: what is asked, for what, with what, how far back. Appended to
// a buffer; out of memory the text is cut. Main thread.
#ifndef CM_ACL_CLI_PHRASES_H
#define CM_ACL_CLI_PHRASES_H

#include "acl/diff.h"

// Requests with all of one set and none of the other; bits 1u << enum cm_evidence.
struct cm_evidence_case {
    unsigned with, without;
};

enum { CM_MOST_CASES = 16 };

// As few cases as are found to cover the same requests as the bits of a change.
size_t cm_evidence_cases(struct cm_evidence_case out[CM_MOST_CASES], uint16_t evidence);

void cm_say(struct cm_buf *out, const char *format, ...) CM_PRINTF(2, 3);
// "lookup, fuzzy for homicide, kidnapping; with case; until 2027-01-01; at cam-07".
void cm_say_change(struct cm_buf *out, const struct cm_cells *cells,
                   const struct cm_change *change);
// "lookup, fuzzy", "any question".
void cm_say_actions(struct cm_buf *out, uint32_t actions);
// "the row, place, camera".
void cm_say_fields(struct cm_buf *out, cm_fields fields);
// "up to 30 days back", "7 days to 30 days back", "of any age".
void cm_say_ages(struct cm_buf *out, int64_t after_s, int64_t to_s);
// A limit: "nothing", "none", "100/day per investigator or 500/day per agency".
void cm_say_allowance(struct cm_buf *out, struct cm_allowance allowance);
// The agency's name in the new directory, else the old; its id when it has none.
const char *cm_agency_name(const struct cm_cells *cells, uint32_t agency);

#endif
