// What a node answers: batches under signed headers, or a signed refusal.
// Decoded structs borrow from the arena.
#ifndef CM_CODEC_ANSWER_H
#define CM_CODEC_ANSWER_H

#include "proto/codec/detection.h"

struct cm_header {
    struct cm_digest query_digest;
    const char *agency;
    uint32_t attempt;
    struct cm_digest key_hash;
    struct cm_digest rules_digest;
    struct cm_digest previous;
    uint64_t first_index;
    uint32_t count; // 0 only when final
    struct cm_bytes first_key;
    struct cm_bytes last_key;
    struct cm_digest root; // of no leaves: SHA-256("")
    bool final;
    uint64_t total; // final only
    bool more_matched;
    int64_t visible_from_ms;
    cm_fields fields_withheld;
    bool rows_withheld;
};

struct cm_row {
    struct cm_bytes key;
    struct cm_bytes row;
};

struct cm_withheld {
    struct cm_bytes key;
    struct cm_digest leaf;
};

struct cm_batch {
    struct cm_envelope header; // family HEADER; not yet verified
    size_t row_count;
    const struct cm_row *rows;
    size_t withheld_count;
    const struct cm_withheld *withheld;
};

enum cm_refusal_code {
    CM_REFUSAL_NONE = 0,
    CM_REFUSAL_INVALID,
    CM_REFUSAL_UNAUTHENTICATED,
    CM_REFUSAL_FORBIDDEN_ROLE,
    CM_REFUSAL_STALE,
    CM_REFUSAL_NOT_SERVED,
    CM_REFUSAL_REPLAYED,
    CM_REFUSAL_EXHAUSTED,
    CM_REFUSAL_UNAVAILABLE,
    CM_REFUSAL_NOT_PERMITTED,
    CM_REFUSAL_BAD_RECORD,
    CM_REFUSAL_COUNT,
};

struct cm_refusal {
    struct cm_digest query_digest;
    const char *agency;
    uint32_t attempt;
    enum cm_refusal_code code;
    struct cm_digest rules_digest; // zero when none was reached
    int64_t refused_ms;
    const char *text; // "" unless the rules disclose
};

const char *cm_refusal_name(enum cm_refusal_code code);
enum cm_refusal_code cm_refusal_of_status(enum cm_status status);
enum cm_status cm_status_of_refusal(enum cm_refusal_code code);

enum cm_status cm_header_decode(struct cm_header *out, struct cm_arena *arena,
                                struct cm_bytes payload, struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_header_encode(struct cm_buf *out, const struct cm_header *header) CM_MUST_CHECK;
enum cm_status cm_refusal_decode(struct cm_refusal *out, struct cm_arena *arena,
                                 struct cm_bytes payload, struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_refusal_encode(struct cm_buf *out,
                                 const struct cm_refusal *refusal) CM_MUST_CHECK;

// Rows and withheld leaves against the header: count, key order, first and last key, root, owner =
// agency in each key; prev_last_key empty for the first batch. CM_INVALID says which. That a key is
// its row's own is for cm_row_open: rows are opaque here.
enum cm_status cm_batch_check(const struct cm_batch *batch, const struct cm_header *header,
                              struct cm_bytes prev_last_key, struct cm_error *error) CM_MUST_CHECK;

#endif
