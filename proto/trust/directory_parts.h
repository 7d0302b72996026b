// A directory bundle in the parts that travel, and joined again. One peer, one thread at a time.
#ifndef CM_TRUST_DIRECTORY_PARTS_H
#define CM_TRUST_DIRECTORY_PARTS_H

#include "proto/codec/gateway.h"

// How many parts of at most CM_DIRECTORY_PART bytes a bundle travels in.
uint32_t cm_directory_part_count(struct cm_bytes bundle);
// index below the count; data borrows from bundle.
struct cm_directory_part cm_directory_part_at(struct cm_bytes bundle, uint64_t serial,
                                              uint32_t index);

// One bundle at a time, in order, at most CM_MAX_BUNDLE bytes. Zeroed is empty.
struct cm_directory_parts {
    uint64_t serial;
    uint32_t next;
    uint32_t count;
    struct cm_buf data;
};
// *whole: data holds a bundle; take it, then clear. Part 0 begins anew. CM_INVALID: out of order,
// oversized, or another serial; the parts are then empty.
enum cm_status cm_directory_parts_add(struct cm_directory_parts *parts, bool *whole,
                                      const struct cm_directory_part *part,
                                      struct cm_error *error) CM_MUST_CHECK;
void cm_directory_parts_clear(struct cm_directory_parts *parts);

#endif
