// An agency's rules as signed: which set counts, since when; the history of digests; the overlay.
// Never goes back. Loop thread; the snapshots it hands out are immutable and reference-counted.
#ifndef CM_ACL_BUNDLE_H
#define CM_ACL_BUNDLE_H

#include "acl/decide.h"
#include "proto/trust/trust.h"

struct cm_bundle;

// One accepted state: rule set, overlay, both compiled.
struct cm_standing {
    uint64_t sequence;
    struct cm_digest digest; // of the rule set's payload
    uint64_t overlay_revision;
    struct cm_rules *rules;
    struct cm_rules *overlay; // NULL: none
    struct cm_bytes envelope; // the rule set's, exact bytes
    struct cm_bytes overlay_envelope;
    unsigned references; // private
};
struct cm_standing *cm_standing_ref(struct cm_standing *standing);
void cm_standing_unref(struct cm_standing *standing);

// An empty one for agency; folder: where sets, sequence and digests persist, or NULL for memory
// only.
enum cm_status cm_bundle_open(struct cm_bundle **out, const char *agency, const char *folder,
                              struct cm_trust *trust, int64_t now_ms,
                              struct cm_error *error) CM_MUST_CHECK;
void cm_bundle_free(struct cm_bundle *bundle);

// A signed rule set. CM_STALE: a lower sequence, or another digest for a known one (reported), or
// signed_ms too far from now_ms unless presented by the pinned node key; CM_UNAUTHENTICATED,
// CM_FORBIDDEN, CM_INVALID as named.
enum cm_status cm_bundle_accept(struct cm_bundle *bundle, struct cm_trust *trust,
                                const struct cm_envelope *ruleset, bool from_node, int64_t now_ms,
                                struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_bundle_accept_overlay(struct cm_bundle *bundle, struct cm_trust *trust,
                                        const struct cm_envelope *overlay, int64_t now_ms,
                                        struct cm_error *error) CM_MUST_CHECK;
// A newer directory: recompiles what counts.
enum cm_status cm_bundle_retrust(struct cm_bundle *bundle, struct cm_trust *trust,
                                 struct cm_error *error) CM_MUST_CHECK;
// NULL while no set has been accepted. Borrowed.
struct cm_standing *cm_bundle_standing(const struct cm_bundle *bundle);
// Whether (sequence, digest) is of this bundle's history.
bool cm_bundle_knows(const struct cm_bundle *bundle, uint64_t sequence,
                     const struct cm_digest *digest);

#endif
