// What became of each permitted query, recorded after its answer ended: one entry each, off the
// path of the answer, tried again while the ledger is full, none lost at a drain. Loop thread.
#ifndef CM_NODES_RELEASES_H
#define CM_NODES_RELEASES_H

#include "nodes/own_entry.h"

struct cm_release;

// Zeroed at first.
struct cm_releases {
    struct cm_release *waiting; // for room, oldest first
    unsigned in_flight;
};

struct cm_release_facts {
    struct cm_digest query;
    uint32_t attempt;
    enum cm_release_outcome outcome;
    uint64_t rows;                // handed to the connection
    struct cm_digest last_header; // zero for none
    struct cm_digest recipient;
};

void cm_release_record(struct cm_node *node, const struct cm_release_facts *facts);
// Those that waited once more.
void cm_releases_retry(struct cm_node *node);
// All are durable, or can't be any more.
bool cm_releases_done(const struct cm_node *node);
// Nothing is recorded any more: those that wait are lost, and logged.
void cm_releases_drop(struct cm_node *node);

#endif
