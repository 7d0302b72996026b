// Which rows were printed already, by key: a second gateway's answer repeats none of them, and
// which of them an answer that holds has accounted for. One thread.
#ifndef CM_CLIENT_SEEN_H
#define CM_CLIENT_SEEN_H

#include "proto/base/bytes.h"

// Zeroed is empty. A slot a row: 15 bytes of a SHA-256, and the last answer that had the row.
struct cm_seen {
    uint8_t (*slots)[16];
    size_t count;
    size_t cap;         // a power of two
    uint8_t answer;     // the present one's number, from 1
    size_t of_answer;   // rows that it had
    size_t unaccounted; // rows that no manifest covers
};

// Another answer begins, at most 255: what was printed before is unaccounted until it has it too.
void cm_seen_begin(struct cm_seen *seen);
// *fresh: the row wasn't there; now it is.
enum cm_status cm_seen_add(struct cm_seen *seen, bool *fresh, int64_t captured_at_ms,
                           const char *agency, const char *event_id) CM_MUST_CHECK;
// The present answer's manifest holds.
void cm_seen_account(struct cm_seen *seen);
void cm_seen_clear(struct cm_seen *seen);

#endif
