// Who may be asked: what the index says of every active agency's signed rules, or the rules
// themselves where it leaves that open; limits taken as free and cited orders as valid. And the
// salted leaves that the ledger's entry commits to. The nodes decide again what is visible. Pure; a
// worker.
#ifndef CM_GATEWAY_DECIDE_H
#define CM_GATEWAY_DECIDE_H

#include "acl/bundle/bundle.h"
#include "acl/profiles.h"
#include "proto/codec/manifest.h"
#include "proto/ledger/merkle.h"
#include "proto/trust/query_check.h"

// One active agency.
struct cm_decision {
    const struct cm_agency *agency; // set before; the directory's
    struct cm_standing *standing;   // set before; NULL: no rules known
    enum cm_verdict verdict;        // set before, of standing; OPEN: its rules must be asked
    bool permitted;
    enum cm_outcome
        outcome; // NONE where permitted, else NOT_PERMITTED, NOT_NAMED, NO_NODE, OFFLINE
    bool named;
    const char *reason;   // "" unless its rules disclose
    struct cm_bytes leaf; // a DecisionLeaf, exact bytes
};

struct cm_decisions {
    struct cm_request request; // set before
    size_t count;
    struct cm_decision *list; // strictly ascending by agency id
    uint32_t permitted;
    struct cm_merkle *tree;
    struct cm_digest root;
};

// What a query asks of rules; borrows from it.
struct cm_request cm_decide_request(const struct cm_checked_query *checked, int64_t now_ms);
// Fills in list, tree and root. scratch is reset for each agency whose rules are asked.
enum cm_status cm_decide(struct cm_decisions *decisions, struct cm_arena *arena,
                         struct cm_arena *scratch, const struct cm_directory *directory,
                         const struct cm_query *query) CM_MUST_CHECK;
void cm_decisions_clear(struct cm_decisions *decisions);

#endif
