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
    CM_ENTRY_RELEASE,
    CM_ENTRY_MANIFEST,
    CM_ENTRY_COPY,
    CM_ENTRY_REFUSED,
    CM_ENTRY_REJECTED,
    CM_ENTRY_SHARING,
    CM_ENTRY_WITNESS,
    CM_ENTRY_EPOCH,
    CM_ENTRY_COUNT,
};

enum cm_release_outcome {
    CM_RELEASE_NONE = 0,
    CM_RELEASE_COMPLETE,
    CM_RELEASE_WITHDRAWN,
    CM_RELEASE_CANCELLED,
    CM_RELEASE_LATE,
    CM_RELEASE_FAILED,
    CM_RELEASE_COUNT,
};

enum cm_witness_finding {
    CM_WITNESS_NONE = 0,
    CM_WITNESS_FORK,
    CM_WITNESS_ROLLBACK,
    CM_WITNESS_EPOCH,
    CM_WITNESS_COUNT,
};

struct cm_rejected_count {
    uint32_t code; // enum cm_status
    uint64_t count;
};

enum { CM_MAX_REJECTED_CODES = 32 };

// Which members count depends on kind; the others are zero or "".
struct cm_entry {
    enum cm_entry_kind kind;
    int64_t recorded_ms;
    bool sealed; // an access record lies beside it
    // Of the query (query, node, release, manifest, copy), the reach or either (refused), the rule
    // set, directory, evidence, configuration; of what admin and audit were about; of the overlay
    // (sharing); of the statement (witness, epoch).
    struct cm_digest digest;
    struct cm_digest replay_key;       // query, node, reach
    int64_t expires_ms;                // query, node, reach
    uint64_t directory_serial;         // query, node, reach, directory
    bool committed;                    // refused: commitments are there; query, node, copy: true
    struct cm_commitments commitments; // query, node, copy, refused
    struct cm_digest decisions_root;   // query
    uint32_t decisions;                // query: leaves; reach: permitted; manifest: asked
    uint32_t answered;                 // manifest
    const char *gateway;               // node, copy
    uint64_t gateway_index;            // node, copy; manifest: of the query's entry, in this ledger
    uint32_t attempt;                  // node, release
    bool permitted;                    // node; sharing: shared
    uint32_t refusal;                  // node: enum cm_refusal_code; refused: enum cm_status
    struct cm_digest rules_digest;     // node
    const char *deciding_rule;         // node
    enum cm_release_outcome release;   // release
    uint64_t rows;                     // release, manifest, copy
    struct cm_digest last_digest;      // release: last header; manifest, copy: the manifest
    struct cm_digest recipient;        // release: the requester's commitment
    const char *agency;                // rules; sharing: the partner
    uint64_t sequence;                 // rules; epoch: its number
    uint64_t overlay_revision;         // rules, sharing: 0 for none
    uint64_t accepted, duplicates, rejected; // ingest; deletion: accepted is rows
    int64_t before_ms;                       // deletion; clock: the step
    int64_t from_ms, to_ms;                  // rejected
    size_t count_count;                      // rejected, to CM_MAX_REJECTED_CODES
    const struct cm_rejected_count *counts;  // rejected, strictly ascending by code
    enum cm_witness_finding finding;         // witness
    uint64_t old_size, new_size;             // witness: seen, shown; epoch: restored, cosigned
    struct cm_digest old_root, new_root;     // of them; zero for size 0
    const char *text; // evidence, admin, audit: what; start: version; stop: why; refused: field;
                      // witness: origin
};

enum cm_status cm_entry_decode(struct cm_entry *out, struct cm_arena *arena, struct cm_bytes bytes,
                               struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_entry_encode(struct cm_buf *out, const struct cm_entry *entry) CM_MUST_CHECK;

const char *cm_entry_kind_name(enum cm_entry_kind kind);              // "query"
const char *cm_release_outcome_name(enum cm_release_outcome outcome); // "complete"
const char *cm_witness_finding_name(enum cm_witness_finding finding); // "rollback"

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

// An entry proved to lie in a ledger; verified by proto/ledger/record.h.
struct cm_record {
    struct cm_bytes entry;      // empty: no record
    struct cm_bytes checkpoint; // a signed note
    struct cm_inclusion inclusion;
};

enum cm_status cm_record_decode(struct cm_record *out, struct cm_arena *arena,
                                struct cm_bytes bytes, struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_record_encode(struct cm_buf *out, const struct cm_record *record) CM_MUST_CHECK;
// SHA-256 of it as encoded, as a manifest's account names it.
enum cm_status cm_record_digest(struct cm_digest *out,
                                const struct cm_record *record) CM_MUST_CHECK;

#endif
