// Who may be asked: every active agency's signed rules judged for one request, limits taken as free
// and cited orders as valid, and the salted leaves that the ledger's entry commits to. The nodes
// decide again what is visible. Pure; a worker.
#ifndef CM_GATEWAY_DECIDE_H
#define CM_GATEWAY_DECIDE_H

#include "acl/bundle/bundle.h"
#include "proto/codec/manifest.h"
#include "proto/ledger/merkle.h"
#include "proto/trust/query_check.h"

// One active agency.
struct cm_decision {
    const struct cm_agency *agency; // set before; the directory's
    struct cm_standing *standing;   // set before; NULL: no rules known
    bool permitted;
    enum cm_outcome
        outcome; // NONE where permitted, else NOT_PERMITTED, NOT_NAMED, NO_NODE, OFFLINE
    bool named;
    const char *reason;   // "" unless its rules disclose
    struct cm_bytes leaf; // a DecisionLeaf, exact bytes
};

struct cm_decisions {
    size_t count;
    struct cm_decision *list; // strictly ascending by agency id
    uint32_t permitted;
    struct cm_merkle *tree;
    struct cm_digest root;
};

// Fills in list (count, agency and standing set by the caller), tree and root. scratch is reset
// for each agency.
enum cm_status cm_decide(struct cm_decisions *decisions, struct cm_arena *arena,
                         struct cm_arena *scratch, const struct cm_directory *directory,
                         const struct cm_checked_query *checked, int64_t now_ms) CM_MUST_CHECK;
void cm_decisions_clear(struct cm_decisions *decisions);

#endif
