// A search as a report says it: what all its sightings come to. Pure; main thread.
#ifndef CM_LEDGER_CLI_SEARCH_LINE_H
#define CM_LEDGER_CLI_SEARCH_LINE_H

#include "proto/ledger/cli/searches.h"

// Bits: where it was recorded.
enum cm_search_side {
    CM_SIDE_ASKED = 1,    // by the agency's own people: a copy
    CM_SIDE_ANSWERED = 2, // by this agency's nodes, whatever the answer
    CM_SIDE_GATEWAY = 4,
};

#define CM_LINE_NO_END "no end recorded"

struct cm_search_line {
    unsigned sides;
    const char *outcome; // a word or two: "released", "refused"
    const char *refusal; // why refused; "" where not
    uint64_t released;   // rows that this agency's nodes gave
    uint64_t received;   // rows that the requester got, where a manifest says so
    bool has_released, has_received;
    bool judged;              // its purpose was looked up, and is one of the directory's
    uint32_t asked, answered; // agencies; where has_received
    const char *gateway;      // where it was recorded, and as what; "" where nobody says
    uint64_t gateway_index;
    const char *rule;
    int64_t released_ms; // when the last release ended; 0: none
};

void cm_search_line_of(struct cm_search_line *out, const struct cm_search *search);
// "asked by us, answered here", in a buffer of the caller's. Returns out.
char *cm_search_sides(char out[64], unsigned sides);

#endif
