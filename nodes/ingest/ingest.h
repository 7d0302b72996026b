// A CSV file into a store: every record is accepted, a duplicate, or rejected with a reason; none
// is lost. May be stopped and run again at any time. Blocking; one thread.
#ifndef CM_NODES_INGEST_INGEST_H
#define CM_NODES_INGEST_INGEST_H

#include "nodes/store/store.h"
#include "proto/base/clock.h"

#include <signal.h>

struct cm_ingest_report {
    uint64_t records; // accepted + duplicates + rejected, once it is done
    uint64_t accepted;
    uint64_t duplicates; // known event id, same content
    uint64_t rejected;
    uint64_t bytes; // read
    bool stopped;   // by *stop; what was read is stored
};

struct cm_ingest {
    struct cm_store *store;
    const char *owner;
    int fd;
    const char *name; // of the file, for messages
    const char *rejects_path;
    const struct cm_clock *clock;
    const volatile sig_atomic_t *stop;
    // After each transaction; may be NULL.
    void (*progress)(void *user, const struct cm_ingest_report *report);
    void *user;
};

// *report is right also after an error: what it counts is stored or in the rejects file.
enum cm_status cm_ingest_csv(struct cm_ingest_report *report, const struct cm_ingest *ingest,
                             struct cm_error *error) CM_MUST_CHECK;

#endif
