// The one thread that writes the log: takes what waits, writes the frames and a checkpoint that
// covers them, one fdatasync, and hands the batch to `landed`. give and stop on the loop thread.
// Room for what must still be recorded is kept: in max_bytes, and on disk where the system lets it.
#ifndef CM_LEDGER_WRITER_H
#define CM_LEDGER_WRITER_H

#include "proto/ledger/frontier.h"
#include "proto/ledger/ledger_io.h"

enum { CM_LOG_RESERVE = 256 * 1024 };

struct cm_writer;

struct cm_writer_options {
    int fd;                      // borrowed
    uint64_t end;                // offset where the next frame goes
    struct cm_frontier frontier; // of the entries before end
    const char *origin;          // borrowed
    struct cm_signer *signer;    // borrowed
    uint64_t max_bytes;          // of the log; 0: no bound
    const struct cm_ledger_io *io;
    // Writer thread: a batch in order, each with status, index, offset, leaf and head set. The log
    // is durable up to end.
    void (*landed)(void *context, struct cm_append *first, uint64_t end);
    void *context;
};

enum cm_status cm_writer_start(struct cm_writer **out,
                               const struct cm_writer_options *options) CM_MUST_CHECK;
void cm_writer_give(struct cm_writer *writer, struct cm_append *append);
// Any thread. No record can be made any more.
bool cm_writer_latched(const struct cm_writer *writer);
// Any thread. The last batch had no room.
bool cm_writer_full(const struct cm_writer *writer);
// Writes what waits, then ends the thread.
void cm_writer_stop(struct cm_writer *writer);

// A new head with that many references; NULL when out of memory.
struct cm_tree_head *cm_tree_head_new(const struct cm_checkpoint *checkpoint, struct cm_bytes note,
                                      unsigned references);

#endif
