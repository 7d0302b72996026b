// A query under way when rules, directory, CRLs or court orders change: it goes on while all that
// it shows is shown by the newest too, and a row leaves only if these would show it.
#include "nodes/node_query_internal.h"

#include <string.h>

enum { AGAIN_ARENA_CAP = 1024 * 1024 };

// Signature, chain, revocation, names: by the directory that counts now.
static bool signed_still(const struct cm_node_query *query, struct cm_arena *arena)
{
    const struct cm_node *node = query->node;
    const int64_t last_ms = query->checked.query.expires_ms + CM_SKEW_MS - 1;
    const int64_t now_ms = cm_wall_ms(node->ports->clock);
    const struct cm_query_expectation expectation = {
        .gateway = query->asker->gateway,
        .actions = 1u << query->checked.query.action,
        .now_ms = now_ms < last_ms ? now_ms : last_ms, // it came in time
    };
    struct cm_checked_query checked;
    const enum cm_status status =
        cm_query_check(&checked, arena, node->trust, &query->ask.query, &expectation, NULL);
    cm_checked_query_clear(&checked);
    return !status;
}

// What the headers say of the whole answer stays true; rows are looked at one by one.
static bool as_wide(const struct cm_view *view, const struct cm_node_query *query)
{
    const struct cm_view *first = query->decision.view;
    const int64_t age_s = cm_view_max_age_s(view);
    const int64_t oldest_s = cm_age_s(query->now_ms, query->checked.query.window.from_ms);
    return cm_view_any(view) && (age_s >= cm_view_max_age_s(first) || age_s >= oldest_s) &&
           !(cm_view_withheld(view) & ~cm_view_withheld(first)) &&
           (!cm_view_hides_rows(view) || cm_view_hides_rows(first));
}

static struct cm_view *look_again(const struct cm_node_query *query, struct cm_arena *arena,
                                  const struct cm_standing *standing)
{
    struct cm_view *view = NULL;
    const struct cm_node_question question = {
        .checked = &query->checked,
        .standing = standing,
        .directory = cm_trust_directory(query->node->trust),
        .orders = query->node->orders,
        .store = query->node->store,
        .attempt = query->ask.attempt,
        .now_ms = query->now_ms,
    };
    return cm_node_decide_again(&view, arena, &question, &query->decision) == CM_OK ? view : NULL;
}

void cm_node_query_forget_again(struct cm_node_query *query)
{
    cm_trust_unref(query->again.trust);
    cm_standing_unref(query->again.standing);
    cm_orders_unref(query->again.orders);
    cm_arena_free(query->again.arena);
    memset(&query->again, 0, sizeof query->again);
}

bool cm_node_query_holds(struct cm_node_query *query)
{
    struct cm_node *node = query->node;
    struct cm_standing *standing = cm_bundle_standing(node->bundle);
    const struct cm_trust *trust = query->again.trust ? query->again.trust : query->trust;
    const struct cm_standing *seen =
        query->again.standing ? query->again.standing : query->standing;
    const struct cm_orders *orders = query->again.trust ? query->again.orders : query->orders;
    if (trust == node->trust && seen == standing && orders == node->orders) {
        return true;
    }
    struct cm_arena *arena = standing ? cm_arena_new(AGAIN_ARENA_CAP) : NULL;
    struct cm_view *view = NULL;
    if (arena && (trust == node->trust || signed_still(query, arena))) {
        view = look_again(query, arena, standing);
    }
    if (!view || !as_wide(view, query)) {
        cm_arena_free(arena);
        return false;
    }
    cm_node_query_forget_again(query);
    query->again.trust = cm_trust_ref(node->trust);
    query->again.standing = cm_standing_ref(standing);
    query->again.orders = cm_orders_ref(node->orders);
    query->again.arena = arena;
    query->again.view = view;
    return true;
}

bool cm_node_query_may_send(const struct cm_node_query *query)
{
    return !query->again.view || cm_reader_shown_by(query->reader, query->again.view);
}

void cm_node_query_withdraw(struct cm_node_query *query)
{
    const struct cm_standing *standing = cm_bundle_standing(query->node->bundle);
    query->node->counters.withdrawn++;
    query->asker->ops->withdraw(query->asker, query->ask.ask, standing ? standing->sequence : 0);
    // A cancel could overtake the withdrawal, and the gateway would keep the rows that it took. It
    // ends the call itself, else the call's deadline does.
    query->withdrawn = true;
    if (!query->answering) {
        cm_node_query_cancel(query);
        return;
    }
    if (query->state == CM_NODE_SENDING) {
        cm_node_query_move(query, CM_NODE_CLOSING);
    }
}

// Those not yet decided are judged by the newest anyway. After the last batch was written the
// gateway may still hold it.
static bool is_decided(const struct cm_node_query *query)
{
    return query->state == CM_NODE_RECORDING || query->state == CM_NODE_READING ||
           query->state == CM_NODE_SENDING || query->state == CM_NODE_CLOSING;
}

void cm_node_queries_judge_again(struct cm_node *node)
{
    for (struct cm_node_query *query = node->queries, *next; query; query = next) {
        next = query->next;
        if (is_decided(query) && !query->stopping && !query->withdrawn &&
            !cm_node_query_holds(query)) {
            cm_node_query_withdraw(query);
        }
    }
}
