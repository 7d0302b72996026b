// Copies of what an agency's people asked, on their way to one attached node of that agency, which
// acknowledges each once it is in its own ledger. Until then a copy is in memory, and soon on disk
// where no node takes it: a node that is slow, silent or away costs nobody else anything. Loop
// thread; files on a worker of their own.
#ifndef CM_GATEWAY_COPIES_H
#define CM_GATEWAY_COPIES_H

#include "gateway/spool.h"
#include "proto/base/clock.h"
#include "proto/base/workers.h"

enum {
    CM_COPIES_WINDOW = 8,    // sent to one node and not acknowledged
    CM_COPIES_ACK_MS = 5000, // then that one goes to disk, until the node attaches again
    CM_COPIES_FAILURES = 8,  // sessions that ended over one: then it is left alone
    CM_COPIES_BATCH = 256,   // written to disk together
};

struct cm_copies;

// How a question ended, for the ledger: recorded once its copy can't be lost any more.
struct cm_query_end {
    struct cm_digest digest;   // of the query
    uint64_t index;            // of its entry
    uint64_t number;           // of its copy, cm_copy_number
    struct cm_digest manifest; // of the manifest's payload
    uint32_t asked, answered;
    uint64_t rows;
    bool refused; // it has an entry of its own, which says how it ended
};

// The copy of the question that lies at index of the gateway's ledger. Each epoch's indices begin
// at 0 again: its numbers are above those of the epochs before it, whose copies may still wait.
uint64_t cm_copy_number(uint64_t epoch, uint64_t index);

struct cm_copies_options {
    const char *folder;       // made when missing
    struct cm_day_keys *keys; // borrowed, as the clock and context
    const struct cm_clock *clock;
    uint64_t held;          // bytes in memory, of all agencies
    uint64_t stored;        // bytes on disk, of all
    uint64_t stored_agency; // of one
    enum cm_status (*submit)(void *context, struct cm_job *job);
    // cm_copies_take may have something for a session of that agency.
    void (*ready)(void *context, const char *agency);
    // The copy is acknowledged or on disk. lost: there is no room for it, and it is gone.
    void (*safe)(void *context, const struct cm_query_end *end, bool lost);
    void *context;
};

struct cm_copies_counts { // since start, but for the gauges
    uint64_t acknowledged, stored, lost, put_off;
    uint64_t waiting, files; // gauges: in memory, on disk
};

enum cm_status cm_copies_new(struct cm_copies **out, const struct cm_copies_options *options,
                             struct cm_error *error) CM_MUST_CHECK;
// No job of it may be under way.
void cm_copies_free(struct cm_copies *copies);

// message, moved: the encoded cm_attach_down. Past what may be in memory it is put off: neither
// kept nor safe, to be made again from the ledger at the next start.
void cm_copies_add(struct cm_copies *copies, const char *agency, struct cm_buf *message,
                   const struct cm_query_end *end);
// Whether that one lies on disk.
bool cm_copies_stored(const struct cm_copies *copies, const char *agency, uint64_t number);

// A session (a number, never 0) of the agency is attached, or is no more; next: another that is, 0
// for none.
void cm_copies_attach(struct cm_copies *copies, const char *agency, uint64_t session);
void cm_copies_detach(struct cm_copies *copies, const char *agency, uint64_t session,
                      uint64_t next);
// What to send to session now; false: nothing. *message lives until the next call of any of these.
bool cm_copies_take(struct cm_bytes *message, struct cm_copies *copies, const char *agency,
                    uint64_t session);
void cm_copies_acknowledge(struct cm_copies *copies, const char *agency, uint64_t number);

// Often: what isn't acknowledged is not waited for; who acknowledges nothing gets nothing more.
// What is to go to disk does, all of it together.
void cm_copies_look(struct cm_copies *copies);
// The end: whatever isn't acknowledged goes to disk; nothing is taken any more.
void cm_copies_flush(struct cm_copies *copies);
// Nothing is in memory and no job under way.
bool cm_copies_idle(const struct cm_copies *copies);
// Keys of days before that one are gone, and with them these copies.
void cm_copies_erased(struct cm_copies *copies, uint32_t before_day);
struct cm_copies_counts cm_copies_count(const struct cm_copies *copies);

#endif
