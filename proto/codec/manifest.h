// The signed account that ends every query (WIRE.md, "Manifest").
// Decoded structs borrow from the arena.
#ifndef CM_CODEC_MANIFEST_H
#define CM_CODEC_MANIFEST_H

#include "proto/codec/entry.h"

enum cm_outcome {
    CM_OUTCOME_NONE = 0, // in progress
    CM_OUTCOME_ANSWERED,
    CM_OUTCOME_REFUSED,
    CM_OUTCOME_DETACHED,
    CM_OUTCOME_OFFLINE,
    CM_OUTCOME_LATE,
    CM_OUTCOME_FAILED,
    CM_OUTCOME_INCOMPATIBLE,
    CM_OUTCOME_WITHDRAWN,
    CM_OUTCOME_NOT_PERMITTED,
    CM_OUTCOME_NOT_NAMED,
    CM_OUTCOME_NO_NODE,
    CM_OUTCOME_COUNT,
};

const char *cm_outcome_name(enum cm_outcome outcome); // "not permitted"

struct cm_account {
    const char *agency;
    enum cm_outcome outcome;
    uint64_t rows;
    struct cm_bytes last_key;
    struct cm_digest last_header; // zero when none was forwarded
    bool more_matched;
    int64_t visible_from_ms;
    cm_fields fields_withheld;
    bool rows_withheld;
    uint32_t elapsed_ms;
    struct cm_digest rules_digest;
    const char *reason;             // "" unless that agency's rules disclose
    struct cm_digest record_digest; // of the node's cm_record; zero when none came
};

struct cm_manifest {
    struct cm_digest query_digest;
    const char *gateway;
    uint64_t directory_serial;
    struct cm_digest directory_digest;
    int64_t started_ms;
    int64_t finished_ms;
    struct cm_bytes entry;
    struct cm_bytes checkpoint;
    struct cm_inclusion inclusion;
    size_t account_count;
    const struct cm_account *accounts; // strictly ascending by agency
    uint32_t counts[CM_OUTCOME_COUNT];
    uint64_t rows;
    bool cut;
};

// decode also checks that accounts and rows add up with counts.
enum cm_status cm_manifest_decode(struct cm_manifest *out, struct cm_arena *arena,
                                  struct cm_bytes payload, struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_manifest_encode(struct cm_buf *out,
                                  const struct cm_manifest *manifest) CM_MUST_CHECK;

#endif
