// The families of signed messages: payload type, who may sign, how large. The one table (WIRE.md,
// "Envelope"). Pure; any thread.
#ifndef CM_CODEC_FAMILY_H
#define CM_CODEC_FAMILY_H

#include "proto/base/bytes.h"

enum cm_role {
    CM_ROLE_NONE = 0,
    CM_ROLE_INVESTIGATOR,
    CM_ROLE_SUPERVISOR,
    CM_ROLE_NODE,
    CM_ROLE_SENSOR,
    CM_ROLE_ADMIN,
    CM_ROLE_AUDITOR,
    CM_ROLE_GATEWAY,   // agency "_"
    CM_ROLE_DIRECTORY, // agency "_"
};

enum cm_family {
    CM_FAMILY_NONE = 0,
    CM_FAMILY_QUERY,
    CM_FAMILY_REACH,
    CM_FAMILY_APPROVAL,
    CM_FAMILY_RULESET,
    CM_FAMILY_OVERLAY,
    CM_FAMILY_DIRECTORY,
    CM_FAMILY_HEADER,
    CM_FAMILY_REFUSAL,
    CM_FAMILY_MANIFEST,
    CM_FAMILY_ORDERS,
    CM_FAMILY_EPOCH,
    CM_FAMILY_AUDIT,
    CM_FAMILY_RECEIPT,
    CM_FAMILY_COUNT,
};

struct cm_family_facts {
    const char *name;         // "query"
    const char *payload_type; // "application/vnd.comity.query.v1"
    unsigned signer_roles;    // bits 1u << enum cm_role
    unsigned max_signatures;  // 1 or 2
    size_t max_payload;
    size_t max_envelope;
};

// Facts of a family; NULL for CM_FAMILY_NONE or out of range.
const struct cm_family_facts *cm_family_facts(enum cm_family family);
// CM_FAMILY_NONE when unknown.
enum cm_family cm_family_of_type(struct cm_bytes payload_type);
const char *cm_role_name(enum cm_role role);
// CM_ROLE_NONE when unknown.
enum cm_role cm_role_of(struct cm_bytes name);

#endif
