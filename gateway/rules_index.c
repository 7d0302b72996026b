#include "gateway/rules_index.h"

#include "gateway/session_internal.h"
#include "proto/base/log.h"

// Nodes at a time: a few milliseconds, then the loop's other events.
enum { STEP_NODES = 16, STEP_MS = 1 };

static void give_up(struct cm_rules_index *rules)
{
    cm_log(CM_LOG_ERROR, "rules-not-indexed", "why=memory, queries are decided more slowly");
    cm_timer_cancel(rules->loop, &rules->timer);
    cm_index_free(rules->index);
    rules->index = NULL;
}

enum cm_status cm_rules_index_init(struct cm_rules_index *rules, struct cm_loop *loop,
                                   struct cm_trust *trust)
{
    *rules = (struct cm_rules_index){.loop = loop, .trust = cm_trust_ref(trust)};
    return cm_index_new(&rules->index, cm_trust_directory(trust));
}

void cm_rules_index_clear(struct cm_rules_index *rules)
{
    if (!rules->trust) {
        return;
    }
    cm_timer_cancel(rules->loop, &rules->timer);
    cm_index_free(rules->index);
    cm_trust_unref(rules->trust);
    *rules = (struct cm_rules_index){0};
}

void cm_rules_index_changed(struct cm_rules_index *rules, const struct cm_party *party)
{
    const struct cm_standing *standing = party->desk.standing;
    if (!rules->index) {
        return;
    }
    if (!standing) {
        cm_index_remove(rules->index, party->id);
    } else if (cm_index_put(rules->index, standing->rules, standing->overlay)) {
        give_up(rules);
    }
}

static void step(struct cm_timer *timer)
{
    struct cm_rules_index *rules = CM_CONTAINER(timer, struct cm_rules_index, timer);
    if (cm_index_step(rules->index, STEP_NODES) &&
        cm_timer_set(rules->loop, &rules->timer, STEP_MS)) {
        give_up(rules);
    }
}

static bool same_directory(const struct cm_directory *a, const struct cm_directory *b)
{
    return a->serial == b->serial && cm_digest_equal(&a->digest, &b->digest);
}

// Newer revocations alone leave the index as it is.
void cm_rules_index_retrust(struct cm_rules_index *rules, struct cm_trust *trust)
{
    const struct cm_directory *directory = cm_trust_directory(trust);
    if (!rules->index || same_directory(cm_index_directory(rules->index), directory)) {
        return;
    }
    struct cm_trust *old = rules->trust;
    rules->trust = cm_trust_ref(trust);
    rules->timer.fire = step;
    if (cm_index_retrust(rules->index, directory) ||
        cm_timer_set(rules->loop, &rules->timer, STEP_MS)) {
        give_up(rules);
    }
    cm_trust_unref(old);
}

bool cm_rules_index_decide(const struct cm_rules_index *rules, const struct cm_directory *directory,
                           const struct cm_request *request, uint8_t *verdicts)
{
    if (!rules->index || !same_directory(cm_index_directory(rules->index), directory)) {
        return false;
    }
    cm_index_decide(rules->index, request, verdicts);
    return true;
}
