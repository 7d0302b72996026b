// What lies encrypted beside a ledger's entries (DESIGN.md, "Ledger"), and what auditors and
// administrators sign to act on a ledger. Decoded structs borrow from the arena.
// Sealing and opening: proto/ledger/access.h.
#ifndef CM_CODEC_ACCESS_H
#define CM_CODEC_ACCESS_H

#include "proto/codec/entry.h"
#include "proto/codec/envelope.h"

// What is not there: an envelope of family NONE, a record without entry, "", no leaves.
struct cm_access {
    struct cm_envelope question; // query or reach; without its chain when chain_elsewhere
    bool chain_elsewhere;
    uint64_t chain_at; // index of an earlier entry of the same day, whose question has the chain
    struct cm_record gateway_record;
    size_t leaf_count;             // to CM_MAX_DIRECTORY_AGENCIES
    const struct cm_bytes *leaves; // exact DecisionLeaf bytes
    struct cm_envelope manifest;
    const char *person;         // SPIFFE name, or the system's user name
    const char *text;           // to CM_MAX_ACCESS_TEXT
    struct cm_envelope request; // audit, ruleset, orders, epoch
};

enum cm_status cm_access_decode(struct cm_access *out, struct cm_arena *arena,
                                struct cm_bytes bytes, struct cm_error *error) CM_MUST_CHECK;
// At most CM_MAX_ACCESS_RECORD bytes; CM_INVALID past them.
enum cm_status cm_access_encode(struct cm_buf *out, const struct cm_access *access) CM_MUST_CHECK;

struct cm_audit_request {
    uint8_t challenge[CM_TOKEN_SIZE];
    const char *origin;
    const char *command;   // "show"
    const char *arguments; // to CM_MAX_ACCESS_TEXT
    int64_t signed_ms;
};

enum cm_status cm_audit_request_decode(struct cm_audit_request *out, struct cm_arena *arena,
                                       struct cm_bytes payload,
                                       struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_audit_request_encode(struct cm_buf *out,
                                       const struct cm_audit_request *request) CM_MUST_CHECK;

// A restored ledger goes on under this.
struct cm_epoch_statement {
    const char *origin; // of the first epoch
    uint64_t epoch;     // the one that begins; 2 or more
    uint64_t restored_size;
    struct cm_digest restored_root; // zero for size 0
    struct cm_bytes cosigned;       // a note; empty when no witness ever signed
    int64_t signed_ms;
    const char *why; // 1 to CM_MAX_REASON bytes
};

enum cm_status cm_epoch_statement_decode(struct cm_epoch_statement *out, struct cm_arena *arena,
                                         struct cm_bytes payload,
                                         struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_epoch_statement_encode(struct cm_buf *out,
                                         const struct cm_epoch_statement *statement) CM_MUST_CHECK;

#endif
