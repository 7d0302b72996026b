// What a node's own rules make of a query: limits and approvals are claimed in the store, then the
// view says what is visible. Blocking for the store: workers.
#ifndef CM_NODES_DECIDE_H
#define CM_NODES_DECIDE_H

#include "acl/bundle/bundle.h"
#include "nodes/orders.h"
#include "nodes/store/store.h"
#include "proto/codec/answer.h"
#include "proto/trust/query_check.h"

struct cm_node_question {
    const struct cm_checked_query *checked;
    const struct cm_standing *standing;
    const struct cm_directory *directory;
    const struct cm_orders *orders; // court orders that count; NULL: none
    struct cm_store *store;         // NULL: an agency without readers, nothing is visible
    uint32_t attempt;
    int64_t now_ms;
};

struct cm_node_decision {
    enum cm_refusal_code refusal; // NONE: permitted
    struct cm_view *view;         // when permitted
    const char *rule;             // that decided, "" for none
    const char *text;             // for the requester; "" unless the rules disclose
    unsigned evidence;            // that counted
    size_t charge_count;
    const struct cm_charge *charges; // with whether each was used up
    const bool *spent;
};

// CM_MEMORY, and what the store says when it can't; then nothing is decided.
enum cm_status cm_node_decide(struct cm_node_decision *out, struct cm_arena *arena,
                              const struct cm_node_question *question,
                              struct cm_error *error) CM_MUST_CHECK;

// What other rules or another directory (question) show of what was permitted first. Claims
// nothing: a limit that was not charged then counts as used up. Any thread.
enum cm_status cm_node_decide_again(struct cm_view **out, struct cm_arena *arena,
                                    const struct cm_node_question *question,
                                    const struct cm_node_decision *first) CM_MUST_CHECK;

#endif
