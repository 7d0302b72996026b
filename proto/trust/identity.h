// A SPIFFE name: spiffe://<federation>/<agency>/<role>/<name>; agency "_" for gateways and
// directory signers. Plain values; any thread.
#ifndef CM_TRUST_IDENTITY_H
#define CM_TRUST_IDENTITY_H

#include "proto/base/error.h"
#include "proto/codec/bounds.h"
#include "proto/codec/family.h"

struct cm_identity {
    char federation[CM_MAX_ID + 1];
    char agency[CM_MAX_ID + 1];
    enum cm_role role;
    char name[CM_MAX_ID + 1];
    char spiffe[4 * CM_MAX_ID];
    struct cm_digest key_hash; // SHA-256 of the SubjectPublicKeyInfo; zero from parse alone
};

// Ids are [a-z0-9.-], 1 to 96; roles gateway and directory go with agency "_", and only they.
enum cm_status cm_identity_parse(struct cm_identity *out, struct cm_bytes spiffe,
                                 struct cm_error *error) CM_MUST_CHECK;
// Same name (the key is not compared).
bool cm_identity_same(const struct cm_identity *a, const struct cm_identity *b);

#endif
