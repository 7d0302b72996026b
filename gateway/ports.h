// What a running query needs of the world: time, workers, the ledger, the caller, the nodes.
// comity-gatewayd gives the real ones, scenario tests fakes. All calls on the loop thread.
#ifndef CM_GATEWAY_PORTS_H
#define CM_GATEWAY_PORTS_H

#include "acl/bundle/bundle.h"
#include "gateway/admit.h"
#include "gateway/copies.h"
#include "gateway/map.h"
#include "proto/base/workers.h"
#include "proto/codec/gateway.h"
#include "proto/envelope/replay.h"
#include "proto/ledger/access.h"
#include "proto/ledger/ledger.h"
#include "proto/rpc/stream.h"

struct cm_gateway_query;
struct cm_session;
struct cm_answer;

enum { CM_CALL_ATTEMPTS = 3 }; // at one agency

// What all calls of one query share. Borrowed from the query.
struct cm_call_facts {
    struct cm_envelope query;
    struct cm_bytes entry;
    uint64_t entry_index;
    uint32_t limit;
    int64_t until_mono_ms; // answers after it don't count
    char log_id[9];        // digest prefix
};

// One agency being asked: embedded in its query.
struct cm_call {
    const char *agency;
    const struct cm_call_facts *facts;
    const struct cm_call_handlers *handlers;
    struct cm_bytes leaf; // the agency's decision leaf, its place and path in the decisions tree
    uint32_t leaf_index;
    size_t path_count;
    const struct cm_digest *path;
    uint32_t attempt; // from 1
    // The sessions' (session.c, answer.c):
    uint64_t id;
    uint8_t token[CM_TOKEN_SIZE];
    struct cm_map_node by_id;
    struct cm_session *session;
    struct cm_call *prev, *next; // of the session
    uint64_t tried;              // serial number of the session that had the last attempt
    // Instances that the ask went to: there another attempt would be refused as replayed.
    uint8_t reached[CM_CALL_ATTEMPTS][CM_INSTANCE_SIZE];
    unsigned reached_count;
    bool sent;
    bool spent; // an Answer has been opened with its token
    struct cm_answer *answer;
};

// What comes back. None is called after release; after lost and refused nothing else comes.
struct cm_call_handlers {
    // The ask went out, perhaps still inside `ask`; before, it waited for a credit.
    void (*sent)(struct cm_call *call);
    // An Answer was opened: the node's record of the ask, not yet verified, perhaps without entry.
    void (*started)(struct cm_call *call, const struct cm_record *record);
    // A message of the answer, one for each read (the first is read without being asked for).
    void (*batch)(struct cm_call *call, struct cm_bytes message);
    // Signed, not yet verified; record as in started.
    void (*refused)(struct cm_call *call, const struct cm_envelope *refusal,
                    const struct cm_record *record);
    // The node's rules don't permit it any more.
    void (*withdrawn)(struct cm_call *call);
    // Session or answer ended early, or broke the protocol. started: an Answer had been opened.
    void (*lost)(struct cm_call *call, bool started);
};

// A question that was refused before it was recorded.
struct cm_refused {
    enum cm_status code;
    const char *field;
    // A person's signature held: the rest is there. Else it is nobody's, and only counted.
    bool genuine;
    bool reach;
    const struct cm_envelope *question;
    const struct cm_query *query;
    const struct cm_digest *digest;
};

struct cm_gateway_ports {
    const struct cm_clock *clock;
    enum cm_status (*submit)(struct cm_gateway_ports *ports, struct cm_job *job);
    // Calls cm_gateway_query_wake once, then; a later call moves it.
    void (*wake_at)(struct cm_gateway_ports *ports, struct cm_gateway_query *query,
                    int64_t mono_ms);

    enum cm_status (*append)(struct cm_gateway_ports *ports, struct cm_append *append);
    enum cm_status (*inclusion)(struct cm_gateway_ports *ports, struct cm_inclusion *out,
                                struct cm_arena *arena, uint64_t index, uint64_t size);

    // Seals what goes with an entry; where another of the day has the question's chain, access says
    // so and loses it.
    enum cm_status (*seal)(struct cm_gateway_ports *ports, struct cm_buf *out,
                           struct cm_access *access, struct cm_bytes entry, int64_t recorded_ms);
    // What was sealed so is durable, with the entry at index.
    void (*sealed)(struct cm_gateway_ports *ports, const struct cm_access *access,
                   int64_t recorded_ms, uint64_t index);
    void (*refused)(struct cm_gateway_ports *ports, const struct cm_refused *refused);
    // A query that was recorded is over: its copy for the requester's agency (moved), and what the
    // ledger says of the end.
    void (*ended)(struct cm_gateway_ports *ports, const char *agency, struct cm_buf *copy,
                  const struct cm_query_end *end);

    bool (*writable)(struct cm_gateway_ports *ports, struct cm_gateway_query *query);
    enum cm_status (*write)(struct cm_gateway_ports *ports, struct cm_gateway_query *query,
                            struct cm_bytes message);
    void (*finish)(struct cm_gateway_ports *ports, struct cm_gateway_query *query,
                   enum cm_status status, const struct cm_error *error);
    // Nothing of the query is in use any more but what its owner holds: free it.
    void (*settled)(struct cm_gateway_ports *ports, struct cm_gateway_query *query);

    // An agency's rules, NULL where none are known. Borrowed.
    struct cm_standing *(*standing)(struct cm_gateway_ports *ports, const char *agency);
    // For each agency of the directory, in its order, what its rules say: an enum cm_verdict.
    // False: that isn't known, and the rules themselves must be asked.
    bool (*decide)(struct cm_gateway_ports *ports, const struct cm_directory *directory,
                   const struct cm_request *request, uint8_t *verdicts);
    // NONE where a node of it can be asked, else DETACHED, OFFLINE or INCOMPATIBLE.
    enum cm_outcome (*presence)(struct cm_gateway_ports *ports, const char *agency);
    // Sends the ask or queues it for a credit; false: no session of an instance
    // that it can't have reached yet.
    bool (*ask)(struct cm_gateway_ports *ports, struct cm_call *call);
    // Reads the next message of its answer.
    void (*read)(struct cm_gateway_ports *ports, struct cm_call *call);
    // Forgets the call. complete: the answer was taken whole, else the node is told to stop.
    void (*release)(struct cm_gateway_ports *ports, struct cm_call *call, bool complete);
};

// What all queries share.
struct cm_gateway {
    struct cm_gateway_ports *ports;
    struct cm_trust *trust; // the current snapshot; queries hold their own reference
    struct cm_signer *signer;
    const char *name;
    uint64_t epoch; // of its ledger, from 1
    struct cm_replay *replay;
    struct cm_admit *admit;  // queries in flight
    struct cm_admit *silent; // calls whose first message hasn't come
    unsigned actions;        // served: bits 1u << enum cm_action
    const char *closed;      // why nothing is admitted now, or NULL
    struct {                 // since start
        uint64_t queries, reaches, refused, rows, batches, late, failed;
        uint64_t findings; // forks and rollbacks of nodes' ledgers
    } counters;
};

#endif
