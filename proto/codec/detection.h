// One licence-plate read: as a store keeps it, and as a row on the wire with the fields that are
// visible. Decoded structs borrow from the arena.
#ifndef CM_CODEC_DETECTION_H
#define CM_CODEC_DETECTION_H

#include "proto/codec/query.h"

struct cm_candidate {
    const char *plate;
    double confidence; // 0 to 1
};

// Strings are never NULL; "" means unknown.
struct cm_detection {
    const char *event_id;
    const char *owner; // agency id
    int64_t captured_at_ms;
    const char *plate_read;
    const char *plate; // normalised
    const char *state;
    cm_fields present;          // which of the six groups below are there
    double latitude, longitude; // degrees, WGS 84
    const char *site;           // text only; rules alone map cameras to sites
    const char *camera;
    double heading; // degrees from north, [0, 360)
    const char *make, *model, *colour, *body;
    uint32_t year; // 0 unknown
    double vehicle_confidence;
    double confidence;
    size_t candidate_count; // to 10
    const struct cm_candidate *candidates;
    const char *image_reference;
    struct cm_digest image_sha256; // zero when unknown
};

// Packs the always-visible columns and the groups in detection->present & visible.
enum cm_status cm_row_encode(struct cm_buf *out, const struct cm_detection *detection,
                             cm_fields visible) CM_MUST_CHECK;
enum cm_status cm_row_decode(struct cm_detection *out, struct cm_arena *arena, struct cm_bytes row,
                             struct cm_error *error) CM_MUST_CHECK;

// What a client does with a forwarded row: cm_row_decode, and key must be the row's own (time,
// owner, event id). Neither gateways nor cm_batch_check look inside a row.
enum cm_status cm_row_open(struct cm_detection *out, struct cm_arena *arena, struct cm_bytes key,
                           struct cm_bytes row, struct cm_error *error) CM_MUST_CHECK;

// u64be(2^64 − 1 − captured_at_ms) ‖ agency ‖ 0x00 ‖ event id, at most CM_MAX_KEY bytes.
enum cm_status cm_row_key(struct cm_buf *out, int64_t captured_at_ms, const char *agency,
                          const char *event_id) CM_MUST_CHECK;
// The key's parts; agency and event_id point into key. CM_INVALID when malformed.
enum cm_status cm_row_key_parse(struct cm_bytes key, int64_t *captured_at_ms,
                                struct cm_bytes *agency, struct cm_bytes *event_id) CM_MUST_CHECK;
// SHA-256(0x00 ‖ u16be len(key) ‖ key ‖ row).
void cm_row_leaf(struct cm_digest *out, struct cm_bytes key, struct cm_bytes row);

#endif
