// Which rows were printed already, by key: a second gateway's answer repeats none of them. One
// thread.
#ifndef CM_CLIENT_SEEN_H
#define CM_CLIENT_SEEN_H

#include "proto/base/bytes.h"

// Zeroed is empty. 16 bytes of a SHA-256 a row.
struct cm_seen {
    uint8_t (*slots)[16];
    size_t count;
    size_t cap; // a power of two
};

// *fresh: the row wasn't there; now it is.
enum cm_status cm_seen_add(struct cm_seen *seen, bool *fresh, int64_t captured_at_ms,
                           const char *agency, const char *event_id) CM_MUST_CHECK;
void cm_seen_clear(struct cm_seen *seen);

#endif
