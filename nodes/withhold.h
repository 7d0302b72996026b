// The overlay that this node signs over its agency's set: what edits of the rule file took away,
// and with whom sharing is off. Loop thread.
#ifndef CM_NODES_WITHHOLD_H
#define CM_NODES_WITHHOLD_H

#include "acl/bundle/bundle.h"
#include "proto/envelope/signer.h"

struct cm_withholding {
    uint64_t sequence; // of the set it was signed over; 0: no overlay yet
    uint64_t revision;
    uint64_t directory_serial;    // that the overlay names; 0: none
    bool lost;                    // all is denied until another set is signed
    struct cm_buf edits, sharing; // texts; empty: nothing
};

// What is withheld now. out is the caller's to clear, also after a failure.
enum cm_status cm_withholding_read(struct cm_withholding *out, const struct cm_bundle *bundle,
                                   struct cm_error *error) CM_MUST_CHECK;
void cm_withholding_clear(struct cm_withholding *withheld);
// Signs and accepts wanted (its sequence and texts count) unless that is what stands. *changed: the
// standing did.
enum cm_status cm_withhold(bool *changed, struct cm_bundle *bundle, struct cm_trust *trust,
                           const struct cm_signer *signer, const char *agency,
                           const struct cm_withholding *wanted, int64_t now_ms,
                           struct cm_error *error) CM_MUST_CHECK;

#endif
