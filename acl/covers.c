#include "acl/covers.h"

#include <string.h>

int64_t cm_age_s(int64_t now_ms, int64_t captured_ms)
{
    return captured_ms >= now_ms ? 0 : (int64_t)(((uint64_t)now_ms - (uint64_t)captured_ms) / 1000);
}

uint32_t cm_groups_above(uint64_t *bits, uint32_t *queue, const struct cm_rules *rules,
                         uint32_t agency)
{
    const struct cm_table *direct = &rules->direct;
    const struct cm_table *parents = &rules->parents;
    uint32_t tail = 0;
    for (uint32_t i = direct->start[agency]; i < direct->start[agency + 1]; i++) {
        if (!cm_bit(bits, direct->list[i])) {
            cm_bit_set(bits, direct->list[i]);
            queue[tail++] = direct->list[i];
        }
    }
    for (uint32_t head = 0; head < tail; head++) {
        for (uint32_t i = parents->start[queue[head]]; i < parents->start[queue[head] + 1]; i++) {
            if (!cm_bit(bits, parents->list[i])) {
                cm_bit_set(bits, parents->list[i]);
                queue[tail++] = parents->list[i];
            }
        }
    }
    return tail;
}

static enum cm_status find_groups(struct cm_asker *asker, struct cm_arena *arena,
                                  const struct cm_rules *rules)
{
    uint64_t *bits = cm_arena_array(arena, cm_bit_words(rules->group_count) + 1, sizeof *bits);
    if (bits == NULL) {
        return CM_MEMORY;
    }
    asker->groups = bits;
    if (asker->agency == CM_NO_INDEX || rules->group_count == 0 ||
        rules->direct.start[asker->agency] == rules->direct.start[asker->agency + 1]) {
        return CM_OK;
    }
    uint32_t *queue = cm_arena_array(arena, rules->group_count, sizeof *queue);
    if (queue == NULL) {
        return CM_MEMORY;
    }
    cm_groups_above(bits, queue, rules, asker->agency);
    return CM_OK;
}

enum cm_status cm_asker_init(struct cm_asker *out, struct cm_arena *arena,
                             const struct cm_rules *rules, const struct cm_directory *directory,
                             const char *agency, enum cm_role role)
{
    *out = (struct cm_asker){
        .now = cm_directory_agency(directory, agency),
        .then = cm_members_find(rules->members, agency),
        .is_self = strcmp(agency, rules->node) == 0,
        .role = role,
        .agency = cm_names_find(rules->agencies, rules->agency_count, agency),
    };
    if (out->now != NULL && !out->now->active) {
        out->now = NULL;
    }
    out->unchanged = out->now != NULL && out->then != NULL && out->then->active &&
                     cm_member_keeps_keys(out->then, out->now);
    return find_groups(out, arena, rules);
}

static bool in_agencies(const struct cm_box_term *term, const struct cm_asker *asker)
{
    for (uint32_t i = 0; i < term->group_count; i++) {
        if (cm_bit(asker->groups, term->groups[i])) {
            return true;
        }
    }
    uint32_t low = 0;
    uint32_t high = asker->agency == CM_NO_INDEX ? 0 : term->id_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (term->ids[middle] == asker->agency) {
            return true;
        }
        if (term->ids[middle] < asker->agency) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

static bool in_states(const struct cm_box_term *term, const char *state)
{
    return cm_names_find(term->states, term->state_count, state) != CM_NO_INDEX;
}

static bool term_holds(const struct cm_box_term *term, const struct cm_asker *asker,
                       enum cm_kind kind, const char *state)
{
    switch (term->kind) {
    case CM_TERM_AGENCIES:
        return in_agencies(term, asker) != term->negated;
    case CM_TERM_KIND:
        return ((term->mask >> kind & 1) != 0) != term->negated;
    case CM_TERM_STATE:
        return in_states(term, state) != term->negated;
    case CM_TERM_ROLE:
        return ((term->mask >> asker->role & 1) != 0) != term->negated;
    case CM_TERM_SELF:
        return asker->is_self != term->negated;
    case CM_TERM_ANYONE:
        return !term->negated;
    case CM_TERM_NONE:
        break;
    }
    return false;
}

bool cm_who_holds(const struct cm_box *box, const struct cm_asker *asker, enum cm_kind kind,
                  const char *state)
{
    for (uint32_t i = 0; i < box->term_count; i++) {
        if (!term_holds(&box->terms[i], asker, kind, state)) {
            return false;
        }
    }
    return box->term_count > 0;
}

static bool who_now(const struct cm_box *box, const struct cm_asker *asker)
{
    const char *state = asker->now->state == NULL ? "" : asker->now->state;
    return cm_who_holds(box, asker, asker->now->kind, state);
}

static bool who_then(const struct cm_box *box, const struct cm_asker *asker)
{
    return asker->then != NULL && cm_who_holds(box, asker, asker->then->kind, asker->then->state);
}

bool cm_permit_admits(const struct cm_box *permit, const struct cm_asker *asker)
{
    return asker->unchanged && who_now(permit, asker) && who_then(permit, asker);
}

bool cm_forbid_reaches(const struct cm_box *forbid, const struct cm_asker *asker)
{
    return asker->now != NULL && (!asker->is_self || forbid->says_self) &&
           (who_now(forbid, asker) || who_then(forbid, asker));
}

static enum cm_miss request_misses(const struct cm_box *box, const struct cm_request *request,
                                   uint32_t purpose)
{
    if ((box->actions >> request->action & 1) == 0) {
        return CM_MISS_ACTION;
    }
    if (box->purposes != NULL && (purpose == CM_NO_INDEX || !cm_bit(box->purposes, purpose))) {
        return CM_MISS_PURPOSE;
    }
    if (request->now_ms < box->from_ms || request->now_ms >= box->until_ms) {
        return CM_MISS_DATE;
    }
    return CM_MISS_NONE;
}

enum cm_miss cm_permit_misses(const struct cm_box *permit, const struct cm_asker *asker,
                              const struct cm_request *request, uint32_t purpose)
{
    if (!cm_permit_admits(permit, asker)) {
        return CM_MISS_WHO;
    }
    enum cm_miss miss = request_misses(permit, request, purpose);
    if (miss != CM_MISS_NONE) {
        return miss;
    }
    if ((permit->evidence & ~request->evidence) != 0) {
        return CM_MISS_EVIDENCE;
    }
    int64_t youngest = cm_age_s(request->now_ms, request->window.to_ms - 1);
    return permit->age_s < youngest ? CM_MISS_AGE : CM_MISS_NONE;
}

enum cm_miss cm_forbid_misses(const struct cm_box *forbid, const struct cm_asker *asker,
                              const struct cm_request *request, uint32_t purpose)
{
    if (!cm_forbid_reaches(forbid, asker)) {
        return CM_MISS_WHO;
    }
    enum cm_miss miss = request_misses(forbid, request, purpose);
    if (miss != CM_MISS_NONE) {
        return miss;
    }
    if ((forbid->evidence & request->evidence) != 0) {
        return CM_MISS_EVIDENCE;
    }
    int64_t oldest = cm_age_s(request->now_ms, request->window.from_ms);
    return forbid->age_s >= oldest ? CM_MISS_AGE : CM_MISS_NONE;
}
