// The messages of the gateway's service: lookup, reach, attach, answer. Not signed themselves.
// Decoded structs borrow from the arena. Encoded messages stay inside CM_MAX_ASK or
// CM_MAX_BATCH_MESSAGE.
#ifndef CM_CODEC_GATEWAY_H
#define CM_CODEC_GATEWAY_H

#include "proto/codec/answer.h"
#include "proto/codec/directory.h"
#include "proto/codec/manifest.h"

#define CM_METHOD_LOOKUP "/comity.v1.GatewayService/Lookup"
#define CM_METHOD_REACH  "/comity.v1.GatewayService/Reach"
#define CM_METHOD_ATTACH "/comity.v1.GatewayService/Attach"
#define CM_METHOD_ANSWER "/comity.v1.GatewayService/Answer"

enum { CM_PROTOCOL = 1 };

struct cm_directory_part {
    uint64_t serial;
    uint32_t index;
    uint32_t count;
    struct cm_bytes data;
};

struct cm_lookup_request { // reach request too
    struct cm_envelope query;
    uint64_t directory_serial;
};

struct cm_accepted {
    struct cm_bytes entry;
    struct cm_bytes checkpoint;
    struct cm_inclusion inclusion;
    size_t agency_count;
    const char *const *agencies;
};

struct cm_progress {
    const char *agency;
    enum cm_outcome outcome; // NONE: still answering
    uint64_t rows;
};

struct cm_node_record {
    const char *agency;
    struct cm_record record;
};

enum cm_lookup_kind {
    CM_LOOKUP_NONE = 0,
    CM_LOOKUP_DIRECTORY,
    CM_LOOKUP_ACCEPTED,
    CM_LOOKUP_PROGRESS,
    CM_LOOKUP_BATCH,
    CM_LOOKUP_UNMERGED,
    CM_LOOKUP_REFUSAL,
    CM_LOOKUP_MANIFEST,
    CM_LOOKUP_RECORD,
};

struct cm_lookup_response {
    enum cm_lookup_kind kind;
    union {
        struct cm_directory_part directory;
        struct cm_accepted accepted;
        struct cm_progress progress;
        struct cm_batch batch;
        struct cm_envelope envelope; // unmerged, refusal, manifest
        struct cm_node_record record;
    } u;
};

struct cm_reach_response {
    uint64_t directory_serial;
    struct cm_digest directory_digest;
    struct cm_bytes entry;
    struct cm_bytes checkpoint;
    struct cm_inclusion inclusion;
    size_t agency_count;
    const struct cm_progress *agencies;
    uint32_t counts[CM_OUTCOME_COUNT];
};

struct cm_hello {
    const char *agency;
    uint8_t instance[CM_INSTANCE_SIZE];
    uint32_t protocol_min, protocol_max;
    uint32_t rule_language;
    size_t rule_set_count; // newest last, to 16
    const struct cm_envelope *rule_sets;
    struct cm_envelope overlay; // family NONE when there is none
    uint64_t directory_serial;
    uint64_t tree_size;
    struct cm_digest tree_root;
    uint32_t credits;
    struct cm_envelope epoch; // family NONE in the ledger's first epoch
};

// A ledger's newest checkpoint, offered to a witness.
struct cm_witness_checkpoint {
    struct cm_bytes checkpoint;
    struct cm_consistency consistency; // from what the witness had seen
    struct cm_envelope epoch;          // family NONE in the first
};

// A witness's answer: a cosignature, or what it saw that speaks against one.
struct cm_cosignature {
    uint64_t size;        // of the checkpoint signed; 0 where refused
    struct cm_bytes line; // "— name base64\n"; empty where refused
    size_t chain_count;   // to CM_MAX_CHAIN; 0 where refused
    const struct cm_bytes *chain;
    struct cm_bytes seen; // where refused: a signed note
};

// What one of an agency's people asked, and how it ended.
struct cm_copy {
    uint64_t number; // the gateway's own, for the acknowledgement
    struct cm_envelope query;
    struct cm_record record;
    size_t leaf_count;
    const struct cm_bytes *leaves; // exact DecisionLeaf bytes of the agencies asked
    struct cm_envelope manifest;
};

enum cm_attach_up_kind {
    CM_UP_NONE = 0,
    CM_UP_HELLO,
    CM_UP_REFUSE,
    CM_UP_CREDIT,
    CM_UP_RULES_CHANGED,
    CM_UP_WITHDRAW,
    CM_UP_DIRECTORY,
    CM_UP_CHECKPOINT,
    CM_UP_COSIGNATURE,
    CM_UP_COPIED,
};

struct cm_attach_up {
    enum cm_attach_up_kind kind;
    struct cm_hello hello;
    uint64_t ask;                // refuse, withdraw
    struct cm_envelope envelope; // refuse: the refusal; rules changed: the rule set
    struct cm_record record;     // refuse; without entry when it could not be recorded
    struct cm_envelope overlay;  // rules changed
    uint32_t credits;            // credit
    uint64_t rules_sequence;     // withdraw
    struct cm_directory_part directory;
    struct cm_witness_checkpoint checkpoint;
    struct cm_cosignature cosignature;
    uint64_t copied; // the copy's number
};

struct cm_welcome {
    const char *gateway;
    uint32_t protocol;
    uint8_t session[CM_INSTANCE_SIZE];
    uint64_t witnessed_size; // of this node's ledger, in the epoch of its Hello
};

struct cm_ask {
    uint64_t ask;
    uint8_t token[CM_TOKEN_SIZE];
    uint32_t attempt;
    uint32_t remaining_ms;
    uint32_t limit;
    struct cm_envelope query;
    struct cm_bytes entry;
    struct cm_bytes leaf;
    uint32_t leaf_index;
    size_t leaf_path_count; // to 32
    const struct cm_digest *leaf_path;
    struct cm_bytes checkpoint;
    struct cm_inclusion inclusion;
    struct cm_consistency consistency;
};

enum cm_attach_down_kind {
    CM_DOWN_NONE = 0,
    CM_DOWN_WELCOME,
    CM_DOWN_ASK,
    CM_DOWN_CANCEL,
    CM_DOWN_DIRECTORY,
    CM_DOWN_CHECKPOINT,
    CM_DOWN_COSIGNATURE,
    CM_DOWN_COPY,
};

struct cm_attach_down {
    enum cm_attach_down_kind kind;
    struct cm_welcome welcome;
    struct cm_ask ask;
    uint64_t cancel; // the ask
    struct cm_directory_part directory;
    struct cm_witness_checkpoint checkpoint;
    struct cm_cosignature cosignature;
    struct cm_copy copy;
};

struct cm_answer_start {
    uint8_t session[CM_INSTANCE_SIZE];
    uint64_t ask;
    uint8_t token[CM_TOKEN_SIZE];
    struct cm_record record; // of the node's ledger
};

struct cm_answer_request {
    bool is_start;
    struct cm_answer_start start;
    struct cm_batch batch;
};

#define CM_CODEC(name)                                                                             \
    enum cm_status cm_##name##_decode(struct cm_##name *out, struct cm_arena *arena,               \
                                      struct cm_bytes bytes, struct cm_error *error)               \
        CM_MUST_CHECK;                                                                             \
    enum cm_status cm_##name##_encode(struct cm_buf *out, const struct cm_##name *value)           \
        CM_MUST_CHECK

CM_CODEC(lookup_request);
CM_CODEC(lookup_response);
CM_CODEC(reach_response);
CM_CODEC(attach_up);
CM_CODEC(attach_down);
CM_CODEC(answer_request);
// The trailer comity-error-bin.
CM_CODEC(error);
#undef CM_CODEC

#endif
