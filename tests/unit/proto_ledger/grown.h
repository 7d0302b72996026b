// A log's items as a reader gives them, for whatever is made from them: entry i is "entry i".
#ifndef CM_TESTS_LEDGER_GROWN_H
#define CM_TESTS_LEDGER_GROWN_H

#include "fixture.h"

#include "proto/ledger/tiles.h"

struct grown {
    struct fixture f;
    int folder;
    struct cm_frontier frontier;
    char entry[32]; // the last one
    struct cm_buf note;
};

void grown_open(struct grown *grown);
void grown_close(struct grown *grown);
// From the first entry again.
void grown_rewind(struct grown *grown);
struct cm_log_item grown_entry(struct grown *grown);
// Over the entries so far; the same bytes each time.
struct cm_log_item grown_checkpoint(struct grown *grown);
// Adds entries up to size, and the checkpoint.
enum cm_status grown_add(struct grown *grown, struct cm_tiles *tiles, uint64_t size,
                         struct cm_error *error);
enum cm_status grown_publish(struct grown *grown, struct cm_tiles *tiles);
// System calls that leave durability out.
struct cm_ledger_io grown_quick_io(void);

#endif
