#include "gateway/manifest.h"

static bool listed(const struct cm_decision *decision)
{
    return decision->permitted || decision->named || decision->reason[0] != '\0';
}

static void set_denied(struct cm_account *account, const struct cm_decision *decision)
{
    account->agency = decision->agency->id;
    account->outcome = decision->outcome;
    account->last_key = CM_BYTES_NONE;
    account->reason = decision->reason;
    if (decision->reason[0] != '\0' && decision->standing) {
        account->rules_digest = decision->standing->digest;
    }
}

enum cm_status cm_manifest_account(struct cm_manifest *out, struct cm_arena *arena,
                                   const struct cm_decisions *decisions,
                                   const struct cm_account *asked, size_t asked_count)
{
    size_t count = 0;
    for (size_t i = 0; i < decisions->count; i++) {
        count += listed(&decisions->list[i]);
    }
    struct cm_account *accounts = cm_arena_array(arena, count, sizeof *accounts);
    if (!accounts) {
        return CM_MEMORY;
    }
    size_t next = 0, filled = 0;
    out->rows = 0;
    for (size_t i = 0; i < decisions->count; i++) {
        const struct cm_decision *decision = &decisions->list[i];
        enum cm_outcome outcome = decision->outcome;
        if (decision->permitted) {
            if (next == asked_count || asked[next].outcome == CM_OUTCOME_NONE) {
                return CM_INTERNAL;
            }
            outcome = asked[next].outcome;
            out->rows += asked[next].rows;
            accounts[filled++] = asked[next++];
        } else if (listed(decision)) {
            set_denied(&accounts[filled++], decision);
        }
        out->counts[outcome]++;
    }
    out->account_count = filled;
    out->accounts = accounts;
    return next == asked_count ? CM_OK : CM_INTERNAL;
}
