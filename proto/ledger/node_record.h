// Whether the record that came with a node's answer or refusal shows that it recorded this very ask
// in its own ledger. Gateways and clients each judge by it. Pure; any thread.
#ifndef CM_LEDGER_NODE_RECORD_H
#define CM_LEDGER_NODE_RECORD_H

#include "proto/codec/answer.h"
#include "proto/ledger/record.h"

enum { CM_MAX_NODE_RECORD = 8 * 1024 }; // as packed

// What it must name. All borrowed.
struct cm_node_ask {
    const struct cm_digest *query_digest;
    const char *gateway; // its name
    uint64_t gateway_index;
    uint32_t attempt;
    enum cm_refusal_code refusal; // NONE: the node answered
};

// spiffe and key: of the very certificate that signed the header or refusal. CM_INVALID or
// CM_UNAUTHENTICATED says what doesn't hold.
enum cm_status cm_node_record_check(struct cm_arena *arena, const struct cm_record *record,
                                    const char *spiffe, const struct cm_key *key,
                                    const struct cm_node_ask *ask,
                                    struct cm_error *error) CM_MUST_CHECK;
// What a node refuses before its rules are asked it may only count, and a full ledger takes
// nothing.
bool cm_node_record_due(enum cm_refusal_code refusal);

#endif
