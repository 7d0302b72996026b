// Reads a ledger's log from its beginning, for start-up and for tools. Entries are given only once
// the checkpoint after them was read and found to fit, so memory is that of one batch at most.
// Changes nothing; the log may grow meanwhile. Blocking; one thread at a time.
#ifndef CM_LEDGER_LOG_READER_H
#define CM_LEDGER_LOG_READER_H

#include "proto/ledger/frame.h"
#include "proto/ledger/frontier.h"

struct cm_log_reader;

enum cm_log_item_type {
    CM_ITEM_END = 0, // nothing more that a checkpoint covers
    CM_ITEM_ENTRY,
    CM_ITEM_CHECKPOINT,
};

// Bytes are borrowed from the reader until its next call.
struct cm_log_item {
    enum cm_log_item_type type;
    uint64_t offset; // where its frame begins in the log
    // An entry:
    uint64_t index;
    struct cm_bytes entry;
    struct cm_bytes access; // the sealed access record, in the frame after the entry's; or none
    struct cm_digest leaf;  // SHA-256(0x00 ‖ entry)
    // A checkpoint over all entries given before it. Nobody has looked at its signature.
    struct cm_bytes note;
    struct cm_checkpoint checkpoint;
};

// What holds of what was read so far: up to the checkpoint that covers the item given last.
struct cm_log_state {
    struct cm_checkpoint checkpoint; // of size 0 and without a note before the first
    struct cm_bytes note;            // borrowed from the reader until its next call
    struct cm_frontier frontier;     // of the entries it covers
    uint64_t end;                    // offset after it
    uint64_t torn; // at the end: bytes after it, of a write that was never acknowledged
};

// Opens "log" in folder. origin: what every checkpoint must name; NULL: what the first one names.
// CM_NOT_FOUND, CM_IO, or CM_INVALID when this is no log.
enum cm_status cm_log_reader_open(struct cm_log_reader **out, const char *folder,
                                  const char *origin, struct cm_error *error) CM_MUST_CHECK;
// The same of a descriptor that can be read. It stays the caller's, open until the reader is freed.
enum cm_status cm_log_reader_open_fd(struct cm_log_reader **out, int fd, const char *origin,
                                     struct cm_error *error) CM_MUST_CHECK;
void cm_log_reader_free(struct cm_log_reader *reader);

// CM_INVALID, with the byte where it is: a damaged frame, frames in an order that no writer leaves,
// a checkpoint of another origin or that doesn't fit the entries. CM_IO: it can't be read.
// A tail that a crash may leave after the last checkpoint is the end, not damage.
// Whose log it is, only signatures say: cm_checkpoint_open on the last note with the key expected.
enum cm_status cm_log_reader_next(struct cm_log_item *out, struct cm_log_reader *reader,
                                  struct cm_error *error) CM_MUST_CHECK;
const struct cm_log_state *cm_log_reader_state(const struct cm_log_reader *reader);
// After CM_ITEM_END: reads on as far as that offset, when the file has grown.
void cm_log_reader_extend(struct cm_log_reader *reader, uint64_t end);

#endif
