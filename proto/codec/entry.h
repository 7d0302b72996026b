// What a ledger records, its commitments, and the decisions tree's leaf (WIRE.md, "Ledger").
// Decoded structs borrow from the arena.
#ifndef CM_CODEC_ENTRY_H
#define CM_CODEC_ENTRY_H

#include "proto/codec/query.h"

struct cm_commitments {
    struct cm_digest requester, agency, plate, purpose, case_number, reason;
};

enum cm_entry_kind {
    CM_ENTRY_NONE = 0,
    CM_ENTRY_QUERY,
    CM_ENTRY_NODE,
    CM_ENTRY_REACH,
    CM_ENTRY_RULES,
    CM_ENTRY_DIRECTORY,
    CM_ENTRY_EVIDENCE,
    CM_ENTRY_INGEST,
    CM_ENTRY_DELETION,
    CM_ENTRY_ADMIN,
    CM_ENTRY_AUDIT,
    CM_ENTRY_START,
    CM_ENTRY_STOP,
    CM_ENTRY_CLOCK,
};

// Which members count depends on kind; the others are zero or "".
struct cm_entry {
    enum cm_entry_kind kind;
    int64_t recorded_ms;
    struct cm_digest digest; // of the query, reach, rule set, directory, evidence, configuration
    struct cm_digest replay_key;             // query, node, reach
    int64_t expires_ms;                      // query, node, reach
    uint64_t directory_serial;               // query, node, reach, directory
    struct cm_commitments commitments;       // query, node
    struct cm_digest decisions_root;         // query
    uint32_t decisions;                      // query: leaves; reach: permitted
    const char *gateway;                     // node
    uint64_t gateway_index;                  // node
    uint32_t attempt;                        // node
    bool permitted;                          // node
    uint32_t refusal;                        // node: enum cm_refusal_code
    struct cm_digest rules_digest;           // node
    const char *deciding_rule;               // node
    const char *agency;                      // rules
    uint64_t sequence;                       // rules
    uint64_t overlay_revision;               // rules: 0 for none
    uint64_t accepted, duplicates, rejected; // ingest; deletion: accepted is rows
    int64_t before_ms;                       // deletion; clock: the step
    const char *text; // evidence, admin, audit: what; start: version; stop: why
};

enum cm_status cm_entry_decode(struct cm_entry *out, struct cm_arena *arena, struct cm_bytes bytes,
                               struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_entry_encode(struct cm_buf *out, const struct cm_entry *entry) CM_MUST_CHECK;

// SHA-256(HMAC-SHA-256(blind, label) ‖ value); labels "requester", "agency", "plate", "purpose",
// "case", "reason".
void cm_commitment(struct cm_digest *out, const uint8_t blind[CM_BLIND_SIZE], const char *label,
                   const char *value);
void cm_commitments_of(struct cm_commitments *out, const struct cm_query *query,
                       const char *agency);

struct cm_decision_leaf {
    uint8_t salt[CM_SALT_SIZE];
    const char *agency;
    bool permitted;
    uint64_t rules_sequence;
    struct cm_digest rules_digest;
};

enum cm_status cm_decision_leaf_decode(struct cm_decision_leaf *out, struct cm_arena *arena,
                                       struct cm_bytes bytes, struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_decision_leaf_encode(struct cm_buf *out,
                                       const struct cm_decision_leaf *leaf) CM_MUST_CHECK;

// RFC 6962 proofs as they travel; verified by proto/ledger/merkle.h.
struct cm_inclusion {
    uint64_t index;
    uint64_t size;
    size_t count; // to 64
    const struct cm_digest *hashes;
};

struct cm_consistency {
    uint64_t old_size;
    uint64_t new_size;
    size_t count; // to 64
    const struct cm_digest *hashes;
};

#endif
