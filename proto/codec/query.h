// A query, a reach and an approval as they are signed (WIRE.md, "Query").
// Decoded structs borrow from the arena. `check` is part of `decode`: what is decoded is
// well-formed.
#ifndef CM_CODEC_QUERY_H
#define CM_CODEC_QUERY_H

#include "proto/codec/envelope.h"

enum cm_action {
    CM_ACTION_NONE = 0,
    CM_ACTION_LOOKUP,
    CM_ACTION_FUZZY,
    CM_ACTION_PARTIAL,
    CM_ACTION_AREA,
    CM_ACTION_IMAGE,
    CM_ACTION_WATCH,
    CM_ACTION_COUNT,
};

enum cm_order { CM_ORDER_NONE = 0, CM_ORDER_TIME_DESCENDING, CM_ORDER_UNORDERED };

enum cm_field {
    CM_FIELD_NONE = 0, // in masks, bit 0 is the row itself
    CM_FIELD_PLACE,
    CM_FIELD_CAMERA,
    CM_FIELD_HEADING,
    CM_FIELD_VEHICLE,
    CM_FIELD_CONFIDENCE,
    CM_FIELD_IMAGE,
    CM_FIELD_COUNT,
};

// A set of fields: bits 1u << enum cm_field.
typedef uint8_t cm_fields;
#define CM_FIELDS_ALL ((cm_fields)0x7e)

enum cm_evidence {
    CM_EVIDENCE_NONE = 0,
    CM_EVIDENCE_CASE,
    CM_EVIDENCE_SUPERVISOR,
    CM_EVIDENCE_ATTESTATION,
    CM_EVIDENCE_COURT_ORDER,
    CM_EVIDENCE_COUNT,
};

const char *cm_action_name(enum cm_action action);     // "lookup"
const char *cm_field_name(enum cm_field field);        // "place"
const char *cm_evidence_name(enum cm_evidence kind);   // "court-order"
enum cm_action cm_action_of(struct cm_bytes name);     // NONE when unknown
enum cm_field cm_field_of(struct cm_bytes name);       // NONE when unknown
enum cm_evidence cm_evidence_of(struct cm_bytes name); // NONE when unknown

// [from_ms, to_ms) UTC.
struct cm_window {
    int64_t from_ms;
    int64_t to_ms;
};

struct cm_plate_selector {
    const char *plate; // normalised
    const char *state; // "" for any
};

struct cm_query {
    uint8_t query_id[CM_QUERY_ID_SIZE];
    uint8_t blind[CM_BLIND_SIZE]; // secret: never logged; zero in a reach
    int64_t issued_ms;
    int64_t expires_ms;
    const char *federation;
    const char *gateway; // its name, the last part of its SPIFFE name
    size_t agency_count;
    const char *const *agencies; // strictly ascending
    const char *signer;          // SPIFFE name
    struct cm_digest key_hash;
    enum cm_action action;
    struct cm_plate_selector plate; // plate NULL in a reach
    struct cm_window window;
    cm_fields fields; // 0: all
    const char *purpose;
    const char *case_number;     // "" where the directory makes it optional
    const char *reason;          // "" in a reach
    const char *on_behalf_of;    // agency id or ""
    struct cm_envelope approval; // family NONE when there is none
    const char *court_order;     // "" for none
    bool attested;
    struct cm_digest attestation;
    unsigned evidence_kinds; // bits 1u << enum cm_evidence; in a reach as sent, in a query derived
    uint32_t limit;          // 0 in a reach
    enum cm_order order;
    uint32_t deadline_ms;
};

// Form only (lengths, character sets, UTF-8, ranges, placeholder reasons); time, directory and
// trust are elsewhere.
enum cm_status cm_query_decode(struct cm_query *out, struct cm_arena *arena,
                               struct cm_bytes payload, struct cm_error *error) CM_MUST_CHECK;
// Applies the same checks before it packs.
enum cm_status cm_query_encode(struct cm_buf *out, const struct cm_query *query,
                               struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_reach_decode(struct cm_query *out, struct cm_arena *arena,
                               struct cm_bytes payload, struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_reach_encode(struct cm_buf *out, const struct cm_query *reach,
                               struct cm_error *error) CM_MUST_CHECK;

struct cm_approval {
    uint8_t approval_id[CM_QUERY_ID_SIZE];
    const char *federation;
    const char *supervisor; // SPIFFE names
    const char *requester;
    enum cm_action action;
    struct cm_plate_selector plate;
    struct cm_window window;
    const char *purpose;
    const char *case_number;
    int64_t issued_ms;
    int64_t expires_ms;
    uint32_t uses;
};

enum cm_status cm_approval_decode(struct cm_approval *out, struct cm_arena *arena,
                                  struct cm_bytes payload, struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_approval_encode(struct cm_buf *out, const struct cm_approval *approval,
                                  struct cm_error *error) CM_MUST_CHECK;

// SHA-256(key hash ‖ query id): what replay is judged by.
void cm_query_replay_key(struct cm_digest *out, const struct cm_query *query);
// A reason of three words or more that is no placeholder; why not goes to error (never the text
// itself).
enum cm_status cm_reason_check(const char *reason, const char *plate,
                               struct cm_error *error) CM_MUST_CHECK;
// Upper case, letters and digits only, into out[CM_MAX_PLATE + 1]; CM_INVALID when nothing or too
// much is left.
enum cm_status cm_plate_normalise(char *out, struct cm_bytes plate) CM_MUST_CHECK;

#endif
