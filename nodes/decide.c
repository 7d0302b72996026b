#include "nodes/decide.h"

#include <string.h>

static const int64_t day_ms = (int64_t)24 * 3600 * 1000;

// A court order counts where its owner has registered it, whatever the gateway took it for.
static unsigned evidence_of(const struct cm_node_question *question, unsigned evidence)
{
    const struct cm_checked_query *checked = question->checked;
    const bool ordered =
        cm_orders_hold(question->orders, &checked->query,
                       cm_signatory_identity(checked->signer)->agency, question->now_ms);
    return ordered ? evidence : evidence & ~(1u << CM_EVIDENCE_COURT_ORDER);
}

static struct cm_request request_of(const struct cm_node_question *question)
{
    const struct cm_checked_query *checked = question->checked;
    const struct cm_query *query = &checked->query;
    const struct cm_identity *signer = cm_signatory_identity(checked->signer);
    return (struct cm_request){
        .agency = signer->agency,
        .role = signer->role,
        .on_behalf_of = query->on_behalf_of,
        .action = query->action,
        .purpose = query->purpose,
        .evidence = evidence_of(question, checked->evidence),
        .now_ms = question->now_ms,
        .window = query->window,
        .fields = query->fields,
    };
}

static void use_of_charge(struct cm_claim_use *use, const struct cm_charge *charge,
                          const struct cm_node_question *question)
{
    const struct cm_identity *signer = cm_signatory_identity(question->checked->signer);
    const uint8_t zero = 0;
    const struct cm_bytes parts[] = {
        cm_bytes_of("limit"),
        {&zero, 1},
        cm_bytes_digest(&charge->rule),
        cm_bytes_of(charge->per_agency ? signer->agency : signer->spiffe),
    };
    cm_sha256(&use->key, parts, sizeof parts / sizeof *parts);
    use->until_ms = question->now_ms - question->now_ms % day_ms + day_ms;
    use->most = charge->per_day;
}

static void use_of_approval(struct cm_claim_use *use, const struct cm_checked_query *checked)
{
    const uint8_t zero = 0;
    const struct cm_bytes parts[] = {
        cm_bytes_of("approval"),
        {&zero, 1},
        cm_bytes_digest(&checked->approval_digest),
    };
    cm_sha256(&use->key, parts, sizeof parts / sizeof *parts);
    use->until_ms = checked->approval.expires_ms;
    use->most = checked->approval.uses;
}

// Charges the limits in the order of charges, then the approval if there is one. spent has a place
// for each.
static enum cm_status claim(bool *spent, struct cm_arena *arena,
                            const struct cm_node_question *question,
                            const struct cm_charge *charges, size_t count, bool approved,
                            struct cm_error *error)
{
    const struct cm_checked_query *checked = question->checked;
    struct cm_claim_use *uses = cm_arena_array(arena, count + approved, sizeof *uses);
    if (!uses) {
        return cm_fail(error, CM_MEMORY, "query", "its limits take too much memory");
    }
    for (size_t i = 0; i < count; i++) {
        use_of_charge(&uses[i], &charges[i], question);
    }
    if (approved) {
        use_of_approval(&uses[count], checked);
    }
    const struct cm_claim all = {
        .replay_key = checked->replay_key,
        .attempt = question->attempt,
        .query_digest = checked->digest,
        .expires_ms = checked->query.expires_ms,
        .use_count = count + approved,
        .uses = uses,
        .spent = spent,
    };
    return question->store->ops->claim(question->store, &all, question->now_ms, error);
}

static enum cm_status deny(struct cm_node_decision *out, const struct cm_node_question *question)
{
    *out = (struct cm_node_decision){.refusal = CM_REFUSAL_NOT_PERMITTED, .rule = "", .text = ""};
    if (cm_rules_discloses(question->standing->rules)) {
        out->text = "this agency's rules show the requester nothing for this purpose, action and "
                    "evidence";
    }
    return CM_OK;
}

// spent NULL: nothing is used up.
static enum cm_status look(struct cm_view **view, struct cm_arena *arena,
                           const struct cm_node_question *question,
                           const struct cm_request *request, const struct cm_charge *charges,
                           const bool *spent, size_t count)
{
    const struct cm_standing *standing = question->standing;
    return cm_rules_view(view, arena, standing->rules, standing->overlay, question->directory,
                         request, charges, spent, count);
}

enum cm_status cm_node_decide(struct cm_node_decision *out, struct cm_arena *arena,
                              const struct cm_node_question *question, struct cm_error *error)
{
    struct cm_request request = request_of(question);
    const unsigned supervisor = 1u << CM_EVIDENCE_SUPERVISOR;
    const bool approved = request.evidence & supervisor;
    const struct cm_charge *charges = NULL;
    size_t count = 0;
    struct cm_view *view = NULL;
    enum cm_status status = cm_rules_charges(&charges, &count, arena, question->standing->rules,
                                             question->directory, &request);
    if (!status) {
        status = look(&view, arena, question, &request, charges, NULL, count);
    }
    if (status) {
        return cm_fail(error, status, "query", "the rules can't be decided in bounded memory");
    }
    // What shows nothing even with every limit free uses none up.
    if (!question->store || !cm_view_any(view)) {
        return deny(out, question);
    }

    bool *spent = cm_arena_array(arena, count + approved, sizeof *spent);
    if (!spent) {
        return cm_fail(error, CM_MEMORY, "query", "its limits take too much memory");
    }
    status = claim(spent, arena, question, charges, count, approved, error);
    if (status) {
        return status;
    }
    if (approved && spent[count]) {
        request.evidence &= ~supervisor;
    }
    status = look(&view, arena, question, &request, charges, spent, count);
    if (status) {
        return cm_fail(error, status, "query", "the rules can't be decided in bounded memory");
    }
    if (!cm_view_any(view)) {
        return deny(out, question);
    }
    *out = (struct cm_node_decision){.view = view,
                                     .rule = cm_view_deciding_rule(view),
                                     .text = "",
                                     .evidence = request.evidence,
                                     .charge_count = count,
                                     .charges = charges,
                                     .spent = spent};
    return CM_OK;
}

static bool was_charged(const struct cm_node_decision *first, const struct cm_charge *charge)
{
    for (size_t i = 0; i < first->charge_count; i++) {
        const struct cm_charge *one = &first->charges[i];
        if (one->per_agency == charge->per_agency && cm_digest_equal(&one->rule, &charge->rule)) {
            return !first->spent[i];
        }
    }
    return false;
}

enum cm_status cm_node_decide_again(struct cm_view **out, struct cm_arena *arena,
                                    const struct cm_node_question *question,
                                    const struct cm_node_decision *first)
{
    struct cm_request request = request_of(question);
    const struct cm_charge *charges = NULL;
    size_t count = 0;
    request.evidence = evidence_of(question, first->evidence);
    const enum cm_status status = cm_rules_charges(
        &charges, &count, arena, question->standing->rules, question->directory, &request);
    if (status) {
        return status;
    }
    bool *spent = cm_arena_array(arena, count, sizeof *spent);
    if (!spent) {
        return CM_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        spent[i] = !was_charged(first, &charges[i]);
    }
    return look(out, arena, question, &request, charges, spent, count);
}
