// The daemon's parts, shared by gatewayd*.c. Loop thread; accept_* are the worker's while
// accepting.
#ifndef CM_GATEWAY_GATEWAYD_INTERNAL_H
#define CM_GATEWAY_GATEWAYD_INTERNAL_H

#include "gateway/gatewayd.h"
#include "gateway/lookup.h"
#include "gateway/metrics.h"
#include "gateway/refusals.h"
#include "gateway/session.h"
#include "proto/base/clock_watch.h"
#include "proto/base/file.h"
#include "proto/ledger/append_queue.h"
#include "proto/ledger/key_duty.h"
#include "proto/ledger/rejections.h"
#include "proto/ledger/witnessed.h"
#include "proto/rpc/server.h"
#include "proto/trust/directory_store.h"

#include <limits.h>
#include <signal.h>

enum { CM_GATEWAYD_NOTES = 4096 };

// A query in the ledger whose end it doesn't tell: a crash came between.
struct cm_gatewayd_open {
    uint64_t index;
    struct cm_digest digest;
    int64_t recorded_ms;
};

// What a copy without answers holds.
struct cm_gatewayd_asked {
    const struct cm_envelope *question;
    const struct cm_digest *digest;
    uint64_t index;
    int64_t recorded_ms;
    struct cm_record record;
    bool refused;
};

struct cm_gatewayd_note;

struct cm_gatewayd {
    const struct cm_gatewayd_config *config;
    struct cm_gateway gateway;
    struct cm_gateway_ports ports;
    struct cm_identity identity;
    struct cm_loop *loop;
    struct cm_workers *workers;
    struct cm_witnessed witnessed; // what nodes say of the ledger
    struct cm_workers *slow;       // one thread: rules and directories, compiled and written
    struct cm_workers *disk;       // one thread: copies and day keys
    struct cm_ledger *ledger;      // NULL once closed
    struct cm_day_keys *keys;
    struct cm_key_duty key_duty;
    struct cm_clock_watch clock_watch;
    int64_t newest_ms; // wall clock of the last entry at start
    struct cm_chain_places *chains;
    struct cm_copies *copies;
    struct cm_refusals *refusals;
    struct cm_rejections rejections;
    struct cm_directory_store *store;
    struct cm_sessions *sessions;
    struct cm_callers callers;
    struct cm_server *server;
    struct cm_metrics *metrics; // NULL: none
    struct cm_timer tick;
    unsigned ticks;
    char path[PATH_MAX], witnessed_path[PATH_MAX];
    struct cm_arena *restore_arena;
    struct cm_gatewayd_open *open; // queries whose end the ledger doesn't tell; at start
    size_t open_count, open_cap;
    // A directory on its way in:
    struct cm_job accept_job;
    struct cm_buf incoming;
    bool accepting, accept_changed;
    bool reload_due;            // the file is read once what is looked at is done
    struct cm_push accept_push; // whose it is
    enum cm_status accept_status;
    struct cm_error accept_error;
    unsigned notes;                 // entries on their way into the ledger that no query waits for
    struct cm_append_queue appends; // of them, those that wait for room
    // The end:
    volatile sig_atomic_t hangup, terminate;
    bool draining, flushing, showing, shown, stopping, finished;
    int64_t drain_until_ms;
};

// gatewayd.c: whether queries are taken.
void cm_gatewayd_update_closed(struct cm_gatewayd *d);

// gatewayd_notes.c: recorded without anybody waiting for it, once there is room; recorded_ms is
// set here.
void cm_gatewayd_note(struct cm_gatewayd *d, const struct cm_entry *entry);
// cm_sessions_options.on_rules.
void cm_gatewayd_on_rules(void *context, const char *agency, const struct cm_standing *standing);

// cm_sessions_options.on_finding and on_refuted.
void cm_gatewayd_on_finding(void *context, const struct cm_entry *entry);
void cm_gatewayd_on_refuted(void *context);
// gatewayd_records.c
// cm_gateway_ports.seal, sealed, refused, ended; cm_copies_options.safe.
enum cm_status cm_gatewayd_seal(struct cm_gateway_ports *ports, struct cm_buf *out,
                                struct cm_access *access, struct cm_bytes entry,
                                int64_t recorded_ms) CM_MUST_CHECK;
void cm_gatewayd_sealed(struct cm_gateway_ports *ports, const struct cm_access *access,
                        int64_t recorded_ms, uint64_t index);
void cm_gatewayd_refused(struct cm_gateway_ports *ports, const struct cm_refused *refused);
void cm_gatewayd_ended(struct cm_gateway_ports *ports, const char *agency, struct cm_buf *copy,
                       const struct cm_query_end *end);
void cm_gatewayd_safe(void *context, const struct cm_query_end *end, bool lost);
// To the copies: with a manifest that accounts for nobody.
void cm_gatewayd_bare_copy(struct cm_gatewayd *d, struct cm_arena *arena, const char *agency,
                           const struct cm_gatewayd_asked *asked);

// gatewayd_keep.c
// Beside the ledger in folder.
enum cm_status cm_gatewayd_open_keys(struct cm_gatewayd *d, const char *folder,
                                     struct cm_error *error) CM_MUST_CHECK;
// d->copies, in folder.
enum cm_status cm_gatewayd_open_copies(struct cm_gatewayd *d, const char *folder,
                                       struct cm_error *error) CM_MUST_CHECK;
void cm_gatewayd_note_start(struct cm_gatewayd *d);
void cm_gatewayd_note_stop(struct cm_gatewayd *d);
// Often: the clock, the keys' days, refusals that were counted, copies that wait.
void cm_gatewayd_look(struct cm_gatewayd *d);

// gatewayd_recover.c: at start.
// Each entry as it is replayed.
enum cm_status cm_gatewayd_recall(struct cm_gatewayd *d, uint64_t index,
                                  const struct cm_entry *entry) CM_MUST_CHECK;
// Copies of the queries that are left open, made from the ledger.
enum cm_status cm_gatewayd_recover(struct cm_gatewayd *d, const char *folder,
                                   struct cm_error *error) CM_MUST_CHECK;

// gatewayd_directory.c
void cm_gatewayd_reload(struct cm_gatewayd *d);
// The file where it is due, else what a node pushed and waits; nothing while one is looked at.
void cm_gatewayd_accept_next(struct cm_gatewayd *d);
// cm_sessions_options.on_directory.
bool cm_gatewayd_on_directory(void *context, const struct cm_push *push, struct cm_bytes bundle);

// gatewayd_ports.c: fills d->ports.
void cm_gatewayd_ports(struct cm_gatewayd *d);

#endif
