// The directory as a value: who is in the federation (WIRE.md, "Directory and rule sets").
// Decoded structs borrow from the arena. Trust in it (serial, signature, persistence) is
// proto/trust/directory_store.h.
#ifndef CM_CODEC_DIRECTORY_H
#define CM_CODEC_DIRECTORY_H

#include "proto/codec/envelope.h"

enum cm_kind {
    CM_KIND_NONE = 0,
    CM_KIND_LOCAL,
    CM_KIND_SHERIFF,
    CM_KIND_STATE,
    CM_KIND_CAMPUS,
    CM_KIND_PROSECUTOR,
    CM_KIND_FEDERAL,
    CM_KIND_PRIVATE,
    CM_KIND_OTHER,
    CM_KIND_COUNT,
};

const char *cm_kind_name(enum cm_kind kind);
enum cm_kind cm_kind_of(struct cm_bytes name); // NONE when unknown
// One of the 50 states, DC or a territory, upper case.
bool cm_state_known(struct cm_bytes state);

struct cm_agency {
    const char *id;
    const char *name;
    enum cm_kind kind;
    const char *state; // "" for none
    bool active;
    size_t ca_pin_count;
    const struct cm_digest *ca_pins;
    size_t node_pin_count;
    const struct cm_digest *node_pins;
    const char *case_pattern; // "" for any
    size_t required_pack_count;
    const char *const *required_packs;
    uint32_t rule_signatures; // 1 or 2
};

struct cm_purpose {
    const char *id;
    bool case_optional;
    uint32_t fan_out_cap; // 0: none
};

struct cm_gateway_entry {
    const char *name;
    size_t address_count;
    const char *const *addresses;
    size_t pin_count;
    const struct cm_digest *pins;
};

struct cm_directory {
    const char *federation;
    uint64_t serial;
    struct cm_digest digest;   // of the payload; zero when it came from JSON
    struct cm_digest previous; // zero for serial 1
    int64_t issued_ms;
    int64_t expires_ms;
    size_t agency_count;
    const struct cm_agency *agencies; // strictly ascending by id
    size_t purpose_count;
    const struct cm_purpose *purposes; // strictly ascending by id
    size_t gateway_count;
    const struct cm_gateway_entry *gateways; // strictly ascending by name
};

enum cm_status cm_directory_decode(struct cm_directory *out, struct cm_arena *arena,
                                   struct cm_bytes payload, struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_directory_encode(struct cm_buf *out, const struct cm_directory *directory,
                                   struct cm_error *error) CM_MUST_CHECK;

// NULL when absent. Binary search.
const struct cm_agency *cm_directory_agency(const struct cm_directory *directory, const char *id);
// How many agencies are active: what a manifest's counts add up to.
uint64_t cm_directory_active(const struct cm_directory *directory);
const struct cm_purpose *cm_directory_purpose(const struct cm_directory *directory, const char *id);
const struct cm_gateway_entry *cm_directory_gateway(const struct cm_directory *directory,
                                                    const char *name);
// Fits `9` digit, `A` letter, `*` up to 16 letters or digits, the rest literal; "" takes any of 1
// to 64 bytes.
bool cm_case_fits(const char *pattern, const char *case_number);

struct cm_directory_bundle {
    struct cm_bytes envelope;
    size_t crl_count;
    const struct cm_bytes *crls;
};

enum cm_status cm_directory_bundle_decode(struct cm_directory_bundle *out, struct cm_arena *arena,
                                          struct cm_bytes bytes,
                                          struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_directory_bundle_encode(struct cm_buf *out,
                                          const struct cm_directory_bundle *bundle) CM_MUST_CHECK;

#endif
