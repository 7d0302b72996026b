// An agency's rules as signed: which set counts, since when; the history of digests; the overlay.
// Never goes back, also across restarts. One thread at a time, and a change blocks on the disk: a
// gateway's slow thread, a node's loop. Standings are shared snapshots.
#ifndef CM_ACL_BUNDLE_H
#define CM_ACL_BUNDLE_H

#include "acl/bundle/standing.h"
#include "acl/decide.h"
#include "proto/trust/trust.h"

struct cm_bundle;

// What was accepted before for agency, or nothing yet. folder (exists): sets and digests persist
// there, and the signed directories that sets name, shared by all bundles of the folder; NULL:
// memory only. What lies there is verified again; a set that someone altered is CM_INVALID or
// CM_UNAUTHENTICATED.
enum cm_status cm_bundle_open(struct cm_bundle **out, const char *agency, const char *folder,
                              struct cm_trust *trust, int64_t now_ms,
                              struct cm_error *error) CM_MUST_CHECK;
void cm_bundle_free(struct cm_bundle *bundle);

// A signed rule set, verified as of its signed_ms. from_node: presented to a gateway by the
// agency's pinned node key; else signed_ms must lie within an hour of now_ms. One that is known
// already is CM_OK and changes nothing, but that the newest comes to stand where it didn't.
// CM_STALE: a lower sequence that isn't known or would have to stand, another digest for a known
// one or a `previous` that doesn't fit (a fork, logged as an error), or a directory serial not seen
// here (from_node: judged by the current one; the node itself decides).
// CM_UNAUTHENTICATED, CM_FORBIDDEN, CM_INVALID as named.
enum cm_status cm_bundle_accept(struct cm_bundle *bundle, struct cm_trust *trust,
                                const struct cm_envelope *ruleset, bool from_node, int64_t now_ms,
                                struct cm_error *error) CM_MUST_CHECK;
// An overlay of forbids over what stands; it stays over later sets until another comes. Signed by
// the agency's node. Whom the directory that it names, or the current one, says it forbids. The one
// that lies there already is CM_OK. CM_STALE: of a set yet to come, an older one by (sequence,
// revision), or another with the same.
enum cm_status cm_bundle_accept_overlay(struct cm_bundle *bundle, struct cm_trust *trust,
                                        const struct cm_envelope *overlay, int64_t now_ms,
                                        struct cm_error *error) CM_MUST_CHECK;
// A newer directory: kept for the sets that will name it. What counts stays; views are judged by
// both.
enum cm_status cm_bundle_retrust(struct cm_bundle *bundle, struct cm_trust *trust,
                                 struct cm_error *error) CM_MUST_CHECK;
// NULL while no set has been accepted. Borrowed.
struct cm_standing *cm_bundle_standing(const struct cm_bundle *bundle);
// The set accepted last, whether it stands or not: the one that the next must follow. False: none.
bool cm_bundle_last(const struct cm_bundle *bundle, uint64_t *sequence, struct cm_digest *digest);
// The newest overlay's number, 0 and 0 for none. True: it is lost, and all is denied.
bool cm_bundle_overlay(const struct cm_bundle *bundle, uint64_t *sequence, uint64_t *revision);
// Whether (sequence, digest) is of this bundle's history.
bool cm_bundle_knows(const struct cm_bundle *bundle, uint64_t sequence,
                     const struct cm_digest *digest);

#endif
