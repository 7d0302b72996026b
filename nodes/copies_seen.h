// Which copies the own ledger holds already: a gateway that lost our word sends them again. By
// gateway, index and question, 16 bytes each, 64 at most while there is made room for more: bounded
// by the ledger, which has some 3,000 bytes of each. Loop thread.
#ifndef CM_NODES_COPIES_SEEN_H
#define CM_NODES_COPIES_SEEN_H

#include "proto/codec/entry.h"

struct cm_copies_seen {
    struct cm_copy_name {
        uint8_t b[16];
    } * names;
    size_t count, room; // room: a power of two, more than count; all zero is free
};

bool cm_copies_seen_has(const struct cm_copies_seen *seen, const struct cm_entry *copy);
enum cm_status cm_copies_seen_add(struct cm_copies_seen *seen,
                                  const struct cm_entry *copy) CM_MUST_CHECK;
void cm_copies_seen_clear(struct cm_copies_seen *seen);

#endif
