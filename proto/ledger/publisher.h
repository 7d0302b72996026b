// The thread that lets tiles and the published checkpoint follow the log, apart from appends. It
// reads the log itself, so nothing waits for it. start and stop on the loop thread.
#ifndef CM_LEDGER_PUBLISHER_H
#define CM_LEDGER_PUBLISHER_H

#include "proto/ledger/tiles.h"

struct cm_publisher;

struct cm_publisher_options {
    struct cm_log_reader *reader; // where tiles stand, or at the log's beginning; taken
    struct cm_tiles *tiles;       // taken
    uint64_t end;                 // of the log
    unsigned pace_ms;             // at least that long between two checkpoints, unless much waits
};

// What is taken is freed also on failure.
enum cm_status cm_publisher_start(struct cm_publisher **out,
                                  const struct cm_publisher_options *options) CM_MUST_CHECK;
// Any thread. The log is durable up to that offset, which ends with a checkpoint.
void cm_publisher_follow(struct cm_publisher *publisher, uint64_t end);
// Any thread. The size published.
uint64_t cm_publisher_size(const struct cm_publisher *publisher);
// Publishes what there is, then ends the thread.
void cm_publisher_stop(struct cm_publisher *publisher);

#endif
