// Sums by name: searches, rows, the last time. Names are compared by their text. Main thread.
#ifndef CM_LEDGER_CLI_TALLY_H
#define CM_LEDGER_CLI_TALLY_H

#include "proto/base/arena.h"

struct cm_tally {
    const char *name;
    uint64_t searches;
    uint64_t rows;
    uint64_t asked;   // agencies, where known
    uint64_t reached; // searches of which asked is known
    int64_t last_ms;
};

// Embedded; zeroed means empty.
struct cm_tallies {
    void *tree; // tsearch(3)
    size_t count;
    struct cm_tally **sorted;
};

// The tally of name, made when there is none, in arena; name is borrowed as long. NULL when out of
// memory.
struct cm_tally *cm_tallies_of(struct cm_tallies *tallies, struct cm_arena *arena,
                               const char *name);
// Fills sorted: most searches first, then by name.
enum cm_status cm_tallies_sort(struct cm_tallies *tallies, struct cm_arena *arena) CM_MUST_CHECK;
void cm_tallies_clear(struct cm_tallies *tallies);

#endif
