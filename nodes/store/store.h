// Where an agency's detections live: a table of functions with SQLite or PostgreSQL behind it.
// Blocking: workers only, several at once. A cursor belongs to one thread at a time; it holds a
// connection only inside `next`, so a slow reader costs the others nothing.
#ifndef CM_NODES_STORE_H
#define CM_NODES_STORE_H

#include "proto/base/error.h"
#include "proto/codec/detection.h"

struct cm_store;
struct cm_cursor;

enum {
    CM_MAX_PLATE_READ = 32,
    CM_MAX_ATTRIBUTE = 64, // make, model, colour, body, case hold
    CM_MAX_SITE_TEXT = 128,
    CM_MAX_IMAGE_REFERENCE = 512,
};

// A detection beside what never leaves the node. Groups that are not in `present` are not kept.
struct cm_stored {
    struct cm_detection detection;
    int64_t expires_at_ms; // 0: by `retain` alone
    const char *case_hold; // "" for none
};

// Exact plate; state "" for any, and rows of unknown state always match. Newest first, then event
// id ascending.
struct cm_store_query {
    const char *plate;
    const char *state;
    struct cm_window window;
};

// What a query uses up, claimed in one transaction before anything is read.
struct cm_claim_use {
    struct cm_digest key; // of the limit and who it counts for, or of the approval
    int64_t until_ms;     // forgotten from then on; spent when that is over already
    uint64_t most;        // the N-th still passes
};

struct cm_claim {
    struct cm_digest replay_key;
    uint32_t attempt;
    struct cm_digest query_digest; // a use is charged once per digest
    int64_t expires_ms;
    size_t use_count;
    const struct cm_claim_use *uses;
    bool *spent; // out, per use: true when it was used up already (then not charged)
};

struct cm_ingest_counts {
    uint64_t accepted;
    uint64_t duplicates; // same event id, same content
    uint64_t conflicts;  // same event id, other content: rejected
};

struct cm_store_ops {
    const char *name;
    // At most max rows into rows; *count 0 at the end. Strings live in arena. Rows that are
    // ingested or deleted meanwhile may be missed; none comes twice. CM_UNAVAILABLE may be tried
    // again.
    enum cm_status (*next)(struct cm_cursor *cursor, struct cm_arena *arena,
                           struct cm_detection *rows, size_t max, size_t *count,
                           struct cm_error *error);
    void (*close_cursor)(struct cm_cursor *cursor);
    enum cm_status (*find)(struct cm_store *store, struct cm_cursor **out,
                           const struct cm_store_query *query, struct cm_error *error);
    // One transaction: all or none. conflict[i] set where row i was refused. CM_INVALID names the
    // row that cm_stored_check refuses. *counts is set, not added to.
    enum cm_status (*ingest)(struct cm_store *store, const struct cm_stored *rows, size_t count,
                             struct cm_ingest_counts *counts, bool *conflict,
                             struct cm_error *error);
    // CM_REPLAYED unless attempt is above each one claimed for this replay key, with the same query
    // digest (shared stores: the gateway may ask a second process after the first failed). What it
    // charges is durable when it returns.
    enum cm_status (*claim)(struct cm_store *store, const struct cm_claim *claim, int64_t now_ms,
                            struct cm_error *error);
    // Deletes at most max rows captured before before_ms or expired by now_ms, without a case hold;
    // and claims that no longer count. Call it regularly, again while *deleted is max.
    enum cm_status (*expire)(struct cm_store *store, int64_t before_ms, int64_t now_ms,
                             uint64_t max, uint64_t *deleted, struct cm_error *error);
    enum cm_status (*count)(struct cm_store *store, uint64_t *rows, struct cm_error *error);
    void (*close)(struct cm_store *store);
};

// Every backend's struct begins with these.
struct cm_store {
    const struct cm_store_ops *ops;
};

struct cm_cursor {
    struct cm_store *store;
};

// What a row must be to be stored: bounds, UTF-8 without control characters, ranges, a normalised
// plate, this owner. where is the column's name.
enum cm_status cm_stored_check(const struct cm_stored *row, const char *owner,
                               struct cm_error *error) CM_MUST_CHECK;

#define CM_STORE_CLAIMS ".claims"

// where: "sqlite:/path/file.db" (claims live beside it in file.db.claims) or "postgres:<libpq
// conninfo>". Makes the schema when there is none; CM_INVALID for a schema newer than this program,
// another agency's store or a file that others may read. owner: the agency whose rows it holds.
// connections: readers at once, 1 to 64.
enum cm_status cm_store_open(struct cm_store **out, const char *where, const char *owner,
                             unsigned connections, struct cm_error *error) CM_MUST_CHECK;
void cm_store_close(struct cm_store *store);

#endif
