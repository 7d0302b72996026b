// System calls of a ledger of which one fails, or kills the process: for tests of faults.
#ifndef CM_TESTS_LEDGER_PLANNED_H
#define CM_TESTS_LEDGER_PLANNED_H

#include "fixture.h"

#include <stdatomic.h>
#include <sys/types.h>

// Counted over the writer's system calls, or those that make tiles. Zero it first.
struct planned {
    atomic_long calls;
    long step;  // the call to act on, from 1
    int number; // errno to fail with; 0: die
    bool half;  // a write gets half done first
    bool fsync_only;
    bool tiles;  // those for tiles instead of the writer's
    bool always; // from step on
    ino_t log;
};
extern struct planned plan;

// Opens the ledger with these calls.
struct cm_ledger *planned_open(struct fixture *f);

#endif
