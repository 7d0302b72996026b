#include "gateway/decide.h"

#include <stdlib.h>
#include <string.h>

static bool named(const struct cm_query *query, const char *agency)
{
    size_t low = 0, high = query->agency_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(query->agencies[middle], agency);
        if (order == 0) {
            return true;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

static enum cm_status ask_rules(struct cm_decision *decision, struct cm_arena *scratch,
                                const struct cm_directory *directory,
                                const struct cm_request *request)
{
    const struct cm_standing *standing = decision->standing;
    struct cm_view *view;
    cm_arena_reset(scratch);
    enum cm_status status = cm_rules_view(&view, scratch, standing->rules, standing->overlay,
                                          directory, request, NULL, NULL, 0);
    if (status) {
        return status;
    }
    decision->verdict = cm_view_any(view)                ? CM_VERDICT_PERMITTED
                        : cm_view_deciding_rule(view)[0] ? CM_VERDICT_HIDDEN
                                                         : CM_VERDICT_DENIED;
    return CM_OK;
}

static void conclude(struct cm_decision *decision)
{
    decision->permitted = decision->verdict == CM_VERDICT_PERMITTED;
    if (decision->permitted) {
        return;
    }
    decision->outcome = CM_OUTCOME_NOT_PERMITTED;
    if (cm_rules_discloses(decision->standing->rules)) {
        decision->reason =
            decision->verdict == CM_VERDICT_HIDDEN
                ? "a permit covers the request, but forbids or the window leave no row"
                : "no permit of its rules covers the request";
    }
}

static enum cm_status decide_one(struct cm_decision *decision, struct cm_arena *scratch,
                                 const struct cm_directory *directory, const struct cm_query *query,
                                 const struct cm_request *request)
{
    decision->permitted = false;
    decision->reason = "";
    decision->named = named(query, decision->agency->id);
    decision->outcome = CM_OUTCOME_NONE;
    if (query->agency_count > 0 && !decision->named) {
        decision->outcome = CM_OUTCOME_NOT_NAMED;
    } else if (decision->agency->node_pin_count == 0) {
        decision->outcome = CM_OUTCOME_NO_NODE;
    } else if (!decision->standing) {
        decision->outcome = CM_OUTCOME_OFFLINE;
    } else {
        enum cm_status status = CM_OK;
        if (decision->verdict == CM_VERDICT_OPEN) {
            status = ask_rules(decision, scratch, directory, request);
        }
        if (status) {
            return status;
        }
        conclude(decision);
    }
    return CM_OK;
}

static enum cm_status add_leaf(struct cm_decision *decision, struct cm_decisions *decisions,
                               struct cm_arena *arena, const uint8_t *salt, struct cm_buf *buffer)
{
    struct cm_decision_leaf leaf = {
        .agency = decision->agency->id,
        .permitted = decision->permitted,
    };
    memcpy(leaf.salt, salt, CM_SALT_SIZE);
    if (decision->standing) {
        leaf.rules_sequence = decision->standing->sequence;
        leaf.rules_digest = decision->standing->digest;
    }
    buffer->len = 0;
    enum cm_status status = cm_decision_leaf_encode(buffer, &leaf);
    if (!status) {
        status = cm_arena_bytes(arena, &decision->leaf, cm_buf_bytes(buffer));
    }
    if (status) {
        return status;
    }
    struct cm_digest hash;
    cm_merkle_leaf(&hash, decision->leaf);
    return cm_merkle_add(decisions->tree, &hash);
}

static enum cm_status add_leaves(struct cm_decisions *decisions, struct cm_arena *arena)
{
    struct cm_buf buffer = {0};
    size_t salts_len = decisions->count * CM_SALT_SIZE;
    uint8_t *salts = cm_arena_alloc(arena, salts_len);
    enum cm_status status = salts ? cm_random(salts, salts_len) : CM_MEMORY;
    if (!status) {
        status = cm_merkle_new(&decisions->tree);
    }
    for (size_t i = 0; !status && i < decisions->count; i++) {
        status = add_leaf(&decisions->list[i], decisions, arena, salts + i * CM_SALT_SIZE, &buffer);
    }
    if (!status) {
        status = cm_merkle_root(&decisions->root, decisions->tree, decisions->count);
    }
    cm_buf_clear(&buffer);
    return status;
}

struct cm_request cm_decide_request(const struct cm_checked_query *checked, int64_t now_ms)
{
    const struct cm_query *query = &checked->query;
    const struct cm_identity *signer = cm_signatory_identity(checked->signer);
    return (struct cm_request){
        .agency = signer->agency,
        .role = signer->role,
        .on_behalf_of = query->on_behalf_of,
        .action = query->action,
        .purpose = query->purpose,
        .evidence = checked->evidence,
        .now_ms = now_ms,
        .window = query->window,
        .fields = query->fields,
    };
}

enum cm_status cm_decide(struct cm_decisions *decisions, struct cm_arena *arena,
                         struct cm_arena *scratch, const struct cm_directory *directory,
                         const struct cm_query *query)
{
    decisions->permitted = 0;
    for (size_t i = 0; i < decisions->count; i++) {
        struct cm_decision *decision = &decisions->list[i];
        enum cm_status status =
            decide_one(decision, scratch, directory, query, &decisions->request);
        if (status) {
            return status;
        }
        decisions->permitted += decision->permitted;
    }
    return add_leaves(decisions, arena);
}

void cm_decisions_clear(struct cm_decisions *decisions)
{
    cm_merkle_free(decisions->tree);
    decisions->tree = NULL;
}
