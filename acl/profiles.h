// What rules let a requester do, who it is left out: a *profile* is the boxes that cover one
// requester at one node, as canonical bytes. Equal ones are kept once for all nodes, counted, and
// judged once per request. One thread at a time.
#ifndef CM_ACL_PROFILES_H
#define CM_ACL_PROFILES_H

#include "proto/base/bytes.h"

// Ordered: the verdict for two requesters together is the lesser, unless it is OPEN.
enum cm_verdict {
    CM_VERDICT_DENIED = 0, // no permit covers the request
    CM_VERDICT_HIDDEN,     // one does, but forbids leave no row
    CM_VERDICT_PERMITTED,  // some row of the window may be visible
    CM_VERDICT_OPEN,       // not decided here: the rules themselves must be asked
};

// A profile's bytes: this, then its permits and its forbids.
struct cm_profile_head {
    uint32_t permits, forbids;
    uint32_t purpose_words; // of each box's bits
    uint32_t class_words;   // of each box's bits, behind the purposes; 0: all cameras alike
};

// No padding: bytes are compared.
struct cm_profile_box {
    int64_t age_s; // as in struct cm_box
    int64_t from_ms, until_ms;
    uint32_t actions;
    uint16_t roles; // bits 1u << enum cm_role
    uint8_t evidence;
    uint8_t zero;
    uint64_t bits[]; // purposes by the directory's order, then camera classes
};

enum { CM_PROFILE_CLASS_WORDS = 128 };

struct cm_profile_request {
    unsigned role, action, evidence; // as in struct cm_request
    uint32_t purpose;                // index in the directory
    int64_t now_ms;
    int64_t youngest_s; // the least age in the window
};

struct cm_profiles;

enum cm_status cm_profiles_new(struct cm_profiles **out) CM_MUST_CHECK;
void cm_profiles_free(struct cm_profiles *profiles);
// The number of the profile of these bytes, which cm_profile_pack made; copies them. CM_MEMORY.
enum cm_status cm_profiles_hold(struct cm_profiles *profiles, uint32_t *out,
                                struct cm_bytes bytes) CM_MUST_CHECK;
void cm_profiles_drop(struct cm_profiles *profiles, uint32_t profile);
// What the verdicts that follow are about; the request stays until the next.
void cm_profiles_ask(struct cm_profiles *profiles, const struct cm_profile_request *request);
enum cm_verdict cm_profiles_verdict(struct cm_profiles *profiles, uint32_t profile);
// Whether its boxes tell cameras apart, so that two profiles can't be judged one by one.
bool cm_profiles_sited(const struct cm_profiles *profiles, uint32_t profile);
size_t cm_profiles_count(const struct cm_profiles *profiles);
size_t cm_profiles_bytes(const struct cm_profiles *profiles);

#endif
