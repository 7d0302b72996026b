// What ledgers say about searches, put together: one cm_search for each query digest, with a
// sighting for each entry about it, in whichever ledger. Memory: 1 to 2 KiB a search kept, wiped
// when freed. Main thread.
#ifndef CM_LEDGER_CLI_SEARCHES_H
#define CM_LEDGER_CLI_SEARCHES_H

#include "proto/codec/manifest.h"
#include "proto/ledger/cli/ledger_folder.h"

// A ledger that was gathered.
struct cm_source {
    unsigned number; // in order of gathering
    unsigned party;  // the command's own
    const char *path;
    const char *origin;              // of its first epoch
    const char *agency;              // whose node keeps it; NULL: a gateway
    const char *gateway;             // the gateway's name; NULL: a node
    struct cm_checkpoint checkpoint; // the newest
    uint64_t epochs;
    uint64_t entries;          // in all epochs
    int64_t first_ms, last_ms; // of its entries; both 0 without any
    struct cm_source *next;
};

// What a search was, in clear. From a question whose digest is the search's.
struct cm_search_values {
    const char *person;               // SPIFFE name
    const char *agency, *role, *name; // its parts
    struct cm_digest key_hash;
    const char *plate, *state; // "" in a reach, "" for any state
    enum cm_action action;
    struct cm_window window;
    const char *purpose, *case_number, *reason, *on_behalf_of;
    const char *gateway;
    const char *court_order, *approved_by; // SPIFFE name; "" for none
    int64_t issued_ms;
    uint32_t deadline_ms;
};

// A signed manifest, where a ledger keeps it in clear.
struct cm_manifest_seen {
    int64_t started_ms, finished_ms;
    bool cut;
    uint32_t counts[CM_OUTCOME_COUNT];
    size_t account_count; // of the agencies that the options name
    const struct cm_account_seen *accounts;
};

struct cm_account_seen {
    const char *agency;
    enum cm_outcome outcome;
    uint64_t rows;
    struct cm_digest last_header;
    uint32_t elapsed_ms;
    bool recorded; // a node's record came with it
};

// One entry about a search.
struct cm_sighting {
    struct cm_sighting *next; // in order of gathering
    const struct cm_source *source;
    enum cm_entry_kind kind; // query, node, reach, refused, copy; release, manifest
    uint64_t epoch, index;
    int64_t recorded_ms;
    enum cm_audit_clear clear;
    const struct cm_commitments *commitments; // NULL: none
    struct cm_digest replay_key;              // zero: not known
    const char *gateway; // node, copy, and a gateway's own query: where it is recorded
    uint64_t gateway_index;
    uint32_t attempt;
    bool permitted;
    bool refused_unread; // by a gateway, before it looked anything up; of a copy too
    uint32_t refusal;    // enum cm_refusal_code of a node, enum cm_status where refused_unread
    const char *rule;    // that decided, or what was refused for
    enum cm_release_outcome release;
    uint64_t rows;
    struct cm_digest last_digest; // release: last header; manifest, copy: the manifest
    uint32_t asked, answered;     // manifest, copy whose clear values are open
    const struct cm_manifest_seen *manifest;
};

struct cm_search {
    struct cm_digest digest;
    int64_t when_ms;                       // when a gateway or node first recorded it
    bool reach;                            // asked only who would be asked
    const struct cm_search_values *values; // NULL: erased, no key, damaged; see clear
    enum cm_audit_clear clear;             // the best of its sightings
    struct cm_sighting *sightings;
    struct cm_sighting **end; // where the next one goes
    void *mark;               // the command's own
};

struct cm_gather {
    int64_t from_ms, to_ms; // searches recorded in [from, to)
    // NULL, or told of every entry, in the period or not, before anything else.
    enum cm_status (*each)(void *context, const struct cm_source *source,
                           const struct cm_audit_record *record);
    // NULL: all. Asked for entries that begin a search; the others follow it.
    bool (*wants)(void *context, const struct cm_audit_record *record);
    // NULL, or told of entries in the period that are about no search.
    enum cm_status (*other)(void *context, const struct cm_source *source,
                            const struct cm_audit_record *record);
    void *context;
    const char *const *agencies; // whose lines of manifests are kept
    size_t agency_count;
};

struct cm_searches;

// NULL when out of memory.
struct cm_searches *cm_searches_new(void);
void cm_searches_free(struct cm_searches *searches);
// Looks whose ledger folder is, as its origin says, and rewinds it. CM_NOT_FOUND: it has no entry.
// Borrowed from searches.
enum cm_status cm_searches_source(struct cm_source **out, struct cm_searches *searches,
                                  struct cm_ledger_folder *folder, unsigned party,
                                  struct cm_error *error) CM_MUST_CHECK;
// Reads folder, whose source is given, to its end. CM_MEMORY: too much; a shorter period may do.
enum cm_status cm_searches_gather(struct cm_searches *searches, struct cm_source *source,
                                  struct cm_ledger_folder *folder, const struct cm_gather *gather,
                                  struct cm_error *error) CM_MUST_CHECK;

// The searches in order of time, then digest. Borrowed until the next gathering.
enum cm_status cm_searches_list(struct cm_search *const **out, size_t *count,
                                struct cm_searches *searches) CM_MUST_CHECK;
const struct cm_source *cm_searches_sources(const struct cm_searches *searches);
struct cm_search *cm_searches_find(const struct cm_searches *searches,
                                   const struct cm_digest *digest);
// A copy that is kept once, as long as searches is; NULL when out of memory.
const char *cm_searches_word(struct cm_searches *searches, const char *word);
// For what a command keeps beside them; wiped and freed with them.
struct cm_arena *cm_searches_arena(struct cm_searches *searches);

#endif
