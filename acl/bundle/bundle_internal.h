// The inside of a bundle, for bundle.c (what counts), overlay.c (what the node withholds) and
// folder.c (what is kept). One thread at a time.
#ifndef CM_ACL_BUNDLE_INTERNAL_H
#define CM_ACL_BUNDLE_INTERNAL_H

#include "acl/bundle/bundle.h"

enum {
    BUNDLE_ARENA_CAP = 16 * 1024 * 1024,
    MAX_HISTORY = 4096,
    HISTORY_LINE = 128,
    FRESH_MS = 3600 * 1000,
    MAX_FILE = 2 * 1024 * 1024,
};

struct past {
    uint64_t sequence;
    struct cm_digest digest;
};

// The newest overlay that was accepted, with or without a set to lie over. sequence 0: none.
struct overlay_state {
    uint64_t sequence; // the set's that the node signed it over
    uint64_t revision;
    struct cm_digest digest; // of its payload
    struct cm_rules *rules;
    struct cm_buf envelope; // empty when it is lost: rules then forbid everything
};

struct cm_bundle {
    char agency[CM_MAX_ID + 1];
    char *folder; // NULL: memory only
    struct cm_standing *standing;
    struct overlay_state overlay;
    size_t past_count; // ascending by sequence; what stands is among the last
    size_t past_cap;
    struct past *past;
};

enum freshness { FROM_PERSON, FROM_NODE, FROM_FOLDER };

void cm_bundle_remember(struct cm_bundle *bundle, uint64_t sequence,
                        const struct cm_digest *digest);
enum cm_status cm_bundle_take(struct cm_bundle *bundle, struct cm_trust *trust,
                              const struct cm_envelope *envelope, enum freshness from,
                              int64_t now_ms, struct cm_error *error) CM_MUST_CHECK;
enum cm_status cm_bundle_compile(struct cm_rules **out, const struct cm_rules_source *source,
                                 const char *agency, struct cm_error *error) CM_MUST_CHECK;

// Lays what state holds over a standing that has no overlay yet.
enum cm_status cm_overlay_state_put(struct cm_standing *standing,
                                    const struct overlay_state *state) CM_MUST_CHECK;
void cm_overlay_state_clear(struct overlay_state *state);
// What the folder holds (NULL: nothing, or nothing that can be read) becomes the bundle's overlay.
// When it isn't the one recorded, or a newer one, everything is forbidden, loudly, until the node
// signs another; only memory can run out.
enum cm_status cm_bundle_load_overlay(struct cm_bundle *bundle, struct cm_trust *trust,
                                      const struct cm_envelope *envelope,
                                      struct cm_error *error) CM_MUST_CHECK;

// known: the set's digest is in the history already.
enum cm_status cm_bundle_persist(const struct cm_bundle *bundle, struct cm_trust *trust,
                                 const struct cm_standing *standing, bool known,
                                 struct cm_error *error) CM_MUST_CHECK;
// overlay: the one that shall be the bundle's.
enum cm_status cm_bundle_persist_overlay(const struct cm_bundle *bundle, struct cm_trust *trust,
                                         const struct overlay_state *overlay,
                                         struct cm_error *error) CM_MUST_CHECK;
// What the folder holds, verified again; an empty one is fine.
enum cm_status cm_bundle_load(struct cm_bundle *bundle, struct cm_trust *trust, int64_t now_ms,
                              struct cm_error *error) CM_MUST_CHECK;

#endif
