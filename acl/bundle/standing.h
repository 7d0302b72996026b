// One accepted state of an agency's rules: the administrators' set and the node's overlay, both
// compiled. Immutable but for its references; may be shared and read on any thread.
#ifndef CM_ACL_STANDING_H
#define CM_ACL_STANDING_H

#include "acl/rules.h"

struct cm_standing {
    uint64_t sequence;
    struct cm_digest digest;   // of the rule set's payload
    uint64_t directory_serial; // that the set names
    uint64_t overlay_revision; // 0: no overlay; it may have been signed over an earlier set
    struct cm_rules *rules;
    struct cm_rules *overlay;       // NULL: none
    struct cm_buf envelope;         // the rule set's, exact bytes
    struct cm_buf overlay_envelope; // empty with an overlay: that is lost, and all is forbidden
    _Atomic unsigned references;    // private
};

// NULL is fine.
struct cm_standing *cm_standing_ref(struct cm_standing *standing);
void cm_standing_unref(struct cm_standing *standing);

#endif
