// What became of each permitted query, recorded after its answer ended: one entry each, off the
// path of the answer, waiting while the ledger has no room, none lost at a drain; node->releases
// counts those on their way. Loop thread.
#ifndef CM_NODES_RELEASES_H
#define CM_NODES_RELEASES_H

#include "nodes/ports.h"

struct cm_release_facts {
    struct cm_digest query;
    uint32_t attempt;
    enum cm_release_outcome outcome;
    uint64_t rows;                // handed to the connection
    struct cm_digest last_header; // zero for none
    struct cm_digest recipient;
};

void cm_release_record(struct cm_node *node, const struct cm_release_facts *facts);

#endif
