// What copies*.c share. Loop thread; a copy's message is the worker's while it is stored or read.
#ifndef CM_GATEWAY_COPIES_INTERNAL_H
#define CM_GATEWAY_COPIES_INTERNAL_H

#include "gateway/copies.h"
#include "gateway/map.h"

struct cm_lane;

enum cm_copy_state {
    CM_COPY_WAITS = 0,
    CM_COPY_SENT,
    CM_COPY_STORING, // a worker writes it, or will
    CM_COPY_READING, // a worker reads it
};

// One in memory.
struct cm_copy_held {
    struct cm_copy_held *next;
    struct cm_lane *lane;
    enum cm_copy_state state;
    uint64_t number;
    bool on_disk;      // it was read from there
    bool acknowledged; // while it was stored
    uint64_t tried;    // as of a file
    unsigned failures;
    int64_t sent_ms; // monotonic
    struct cm_buf message;
    struct cm_query_end end;
    struct cm_job job;
    enum cm_status status; // of reading it
    struct cm_error error;
};

// What goes to disk together.
struct cm_copy_batch {
    struct cm_job job;
    struct cm_copies *copies;
    size_t count;
    uint64_t bytes;
    struct cm_copy_held *held[CM_COPIES_BATCH];
    struct cm_spool_item items[CM_COPIES_BATCH];
};

// One on disk.
struct cm_lane_file {
    struct cm_spooled is;
    uint64_t tried;    // the session that didn't acknowledge it
    unsigned failures; // sessions that ended while they had it
};

// An agency's.
struct cm_lane {
    struct cm_map_node by_id;
    char id[CM_MAX_ID + 1];
    struct cm_copies *copies;
    uint64_t taker; // the session that gets them; 0: none
    bool silent;    // it acknowledges nothing
    unsigned sent;
    unsigned unheard;                  // that it didn't acknowledge, one after the other
    struct cm_copy_held *first, *last; // in the order in which they came
    struct cm_copy_held *read;         // the one in memory that was on disk before
    size_t file_count, file_cap;
    struct cm_lane_file *files; // ascending by number
    uint64_t file_bytes;        // with what is being written
};

struct cm_copies {
    struct cm_copies_options options;
    char folder[4096];
    struct cm_map lanes;
    uint64_t held, file_bytes;
    unsigned jobs;
    bool flushing;
    struct cm_copy_batch *gathering; // no worker has it yet; NULL: nothing is to go to disk
    struct cm_copies_counts counts;
};

// copies.c
void cm_copies_drop(struct cm_copy_held *copy); // from memory
void cm_copies_ready(struct cm_lane *lane);

// copies_disk.c
// To disk, out of memory: gathered, until there is much or cm_copies_write.
void cm_copies_store(struct cm_copy_held *copy);
void cm_copies_write(struct cm_copies *copies);
// The oldest on disk, where the agency's node takes it and none is read already.
void cm_copies_read(struct cm_lane *lane);
struct cm_lane_file *cm_copies_file(const struct cm_lane *lane, uint64_t number);
enum cm_status cm_copies_know(struct cm_lane *lane, const struct cm_lane_file *file) CM_MUST_CHECK;
void cm_copies_remove(struct cm_lane *lane, uint64_t number);

#endif
