// Inside of struct cm_trust, for the files that make it (trust.c) and judge by it (judge.c).
// Immutable but for the cache; any thread.
#ifndef CM_TRUST_SNAPSHOT_H
#define CM_TRUST_SNAPSHOT_H

#include "proto/trust/chain_cache.h"
#include "proto/trust/crl_set.h"
#include "proto/trust/trust.h"

struct cm_trust {
    atomic_uint references;
    struct cm_certificate root;
    struct cm_arena *arena; // what directory borrows from
    struct cm_directory directory;
    struct cm_digest *pins; // of all agencies' CAs, ascending
    size_t pin_count;
    struct cm_crl_set crls;
    struct cm_buf bundle;
    struct cm_chain_cache *cache;
};

// What the directory in a bundle says of itself, before anything of it is believed.
struct cm_trust_peeked {
    uint64_t serial;
    int64_t issued_ms;
    int64_t expires_ms;
};
enum cm_status cm_trust_peek(struct cm_trust_peeked *out, struct cm_bytes bundle,
                             struct cm_error *error) CM_MUST_CHECK;

// A bundle that was accepted before, read again.
struct cm_trust_stored {
    struct cm_bytes root; // PEM
    struct cm_bytes bundle;
    const struct cm_trust *older; // or NULL
    const struct cm_crl_floors *floors;
    int64_t as_of_ms;  // when the directory and its signer are judged
    int64_t now_ms;    // when its CRLs are: one that is newer than the directory stands
    bool signer_ended; // what the root's CRL says of the signer doesn't count
};
enum cm_status cm_trust_restore(struct cm_trust **out, const struct cm_trust_stored *stored,
                                struct cm_error *error) CM_MUST_CHECK;

// What the directory has no say in: the dates of the whole path, the root's CRL.
enum cm_status cm_judge_path(const struct cm_trust *trust, const struct cm_signatory *signatory,
                             int64_t as_of_ms, struct cm_error *error) CM_MUST_CHECK;
// All that depends on time and directory: the path, pins, membership, the agency's CRL.
enum cm_status cm_judge(const struct cm_trust *trust, const struct cm_signatory *signatory,
                        int64_t as_of_ms, struct cm_error *error) CM_MUST_CHECK;

#endif
