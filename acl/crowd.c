#include "acl/crowd.h"

#include "acl/covers.h"

#include <string.h>

enum { ROLES = CM_ROLE_DIRECTORY + 1, NO_STATE = -1 };

static int state_number(const char *state)
{
    bool two = state != NULL && state[0] >= 'A' && state[0] <= 'Z' && state[1] >= 'A' &&
               state[1] <= 'Z' && state[2] == '\0';
    return two ? (state[0] - 'A') * 26 + (state[1] - 'A') : NO_STATE;
}

static uint64_t *set_new(const struct cm_crowd *crowd, struct cm_arena *arena)
{
    return cm_arena_array(arena, crowd->words, sizeof(uint64_t));
}

static enum cm_status crowd_init(struct cm_crowd *out, struct cm_arena *arena,
                                 const struct cm_directory *directory)
{
    *out = (struct cm_crowd){.count = (uint32_t)directory->agency_count,
                             .words = cm_bit_words((uint32_t)directory->agency_count) + 1};
    out->listed = set_new(out, arena);
    out->unchanged = set_new(out, arena);
    bool whole = out->listed != NULL && out->unchanged != NULL;
    for (size_t kind = 0; kind < CM_KIND_COUNT; kind++) {
        out->kinds[kind] = set_new(out, arena);
        whole = whole && out->kinds[kind] != NULL;
    }
    return whole ? CM_OK : CM_MEMORY;
}

static enum cm_status enter(struct cm_crowd *crowd, struct cm_arena *arena, uint32_t agency,
                            enum cm_kind kind, const char *state)
{
    int number = state_number(state);
    cm_bit_set(crowd->listed, agency);
    if (kind > CM_KIND_NONE && kind < CM_KIND_COUNT) {
        cm_bit_set(crowd->kinds[kind], agency);
    }
    if (number == NO_STATE) {
        return CM_OK;
    }
    if (crowd->states[number] == NULL) {
        crowd->states[number] = set_new(crowd, arena);
    }
    if (crowd->states[number] == NULL) {
        return CM_MEMORY;
    }
    cm_bit_set(crowd->states[number], agency);
    return CM_OK;
}

enum cm_status cm_crowd_now(struct cm_crowd *out, struct cm_arena *arena,
                            const struct cm_directory *directory)
{
    enum cm_status status = crowd_init(out, arena, directory);
    for (uint32_t i = 0; status == CM_OK && i < out->count; i++) {
        const struct cm_agency *agency = &directory->agencies[i];
        if (agency->active) {
            status = enter(out, arena, i, agency->kind, agency->state);
        }
    }
    if (status == CM_OK) {
        memcpy(out->unchanged, out->listed, out->words * sizeof *out->listed);
    }
    return status;
}

enum cm_status cm_crowd_then(struct cm_crowd *out, struct cm_arena *arena,
                             const struct cm_directory *directory, const struct cm_members *members)
{
    size_t count;
    const struct cm_member *list = cm_members_list(members, &count);
    enum cm_status status = crowd_init(out, arena, directory);
    size_t at = 0;
    // Both lists ascend.
    for (uint32_t i = 0; status == CM_OK && i < out->count && at < count; i++) {
        const struct cm_agency *agency = &directory->agencies[i];
        int order = strcmp(list[at].id, agency->id);
        while (order < 0 && ++at < count) {
            order = strcmp(list[at].id, agency->id);
        }
        if (order != 0) {
            continue;
        }
        const struct cm_member *member = &list[at++];
        status = enter(out, arena, i, member->kind, member->state);
        if (status == CM_OK && member->active && cm_member_keeps_keys(member, agency)) {
            cm_bit_set(out->unchanged, i);
        }
    }
    return status;
}

static bool spend(struct cm_cast *cast, uint64_t steps)
{
    cast->work = cast->work > steps ? cast->work - steps : 0;
    return cast->work > 0;
}

// The place of id among those from `from` on, or where it would stand: in steps that double, since
// the names looked for ascend too.
static uint32_t gallop(const struct cm_directory *directory, uint32_t from, const char *id)
{
    uint32_t count = (uint32_t)directory->agency_count;
    uint32_t low = from, step = 1;
    while (low + step < count && strcmp(directory->agencies[low + step].id, id) < 0) {
        low += step;
        step *= 2;
    }
    uint32_t high = low + step < count ? low + step : count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (strcmp(directory->agencies[middle].id, id) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static enum cm_status find_names(struct cm_cast *cast, struct cm_arena *arena,
                                 const struct cm_directory *directory)
{
    const struct cm_rules *rules = cast->rules;
    cast->index = cm_arena_array(arena, (size_t)rules->agency_count + 1, sizeof *cast->index);
    if (cast->index == NULL) {
        return CM_MEMORY;
    }
    uint32_t at = 0;
    for (uint32_t i = 0; i < rules->agency_count; i++) {
        at = gallop(directory, at, rules->agencies[i]);
        bool found = at < directory->agency_count &&
                     strcmp(directory->agencies[at].id, rules->agencies[i]) == 0;
        cast->index[i] = found ? at : CM_NO_INDEX;
    }
    const struct cm_agency *self = cm_directory_agency(directory, rules->node);
    cast->self = self == NULL ? CM_NO_INDEX : (uint32_t)(self - directory->agencies);
    return spend(cast, rules->agency_count) ? CM_OK : CM_EXHAUSTED;
}

// Room for the members of every group that a rule names.
static enum cm_status add_groups(struct cm_cast *cast, struct cm_arena *arena, size_t words)
{
    const struct cm_rules *rules = cast->rules;
    cast->groups = cm_arena_array(arena, (size_t)rules->group_count + 1, sizeof *cast->groups);
    if (cast->groups == NULL) {
        return CM_MEMORY;
    }
    for (uint32_t i = 0; i < rules->permit_count + rules->forbid_count; i++) {
        const struct cm_box *box = &rules->permits[i];
        for (uint32_t t = 0; t < box->term_count; t++) {
            for (uint32_t g = 0; g < box->terms[t].group_count; g++) {
                uint64_t **members = &cast->groups[box->terms[t].groups[g]];
                if (*members != NULL) {
                    continue;
                }
                *members = cm_arena_array(arena, words, sizeof **members);
                if (*members == NULL) {
                    return CM_MEMORY;
                }
                if (!spend(cast, words)) {
                    return CM_EXHAUSTED;
                }
            }
        }
    }
    return CM_OK;
}

static enum cm_status fill_groups(struct cm_cast *cast, struct cm_arena *arena)
{
    const struct cm_rules *rules = cast->rules;
    size_t words = cm_bit_words(rules->group_count) + 1;
    uint64_t *above = cm_arena_array(arena, words, sizeof *above);
    uint32_t *queue = cm_arena_array(arena, (size_t)rules->group_count + 1, sizeof *queue);
    if (above == NULL || queue == NULL) {
        return CM_MEMORY;
    }
    for (uint32_t i = 0; i < rules->agency_count && rules->group_count > 0; i++) {
        if (cast->index[i] == CM_NO_INDEX) {
            continue;
        }
        uint64_t steps = 1;
        uint32_t count = cm_groups_above(above, queue, rules, i);
        for (uint32_t q = 0; q < count; q++) {
            uint32_t group = queue[q];
            above[group / 64] = 0;
            steps += rules->parents.start[group + 1] - rules->parents.start[group] + 1;
            if (cast->groups[group] != NULL) {
                cm_bit_set(cast->groups[group], cast->index[i]);
            }
        }
        if (!spend(cast, steps)) {
            return CM_EXHAUSTED;
        }
    }
    return CM_OK;
}

enum cm_status cm_cast_init(struct cm_cast *out, struct cm_arena *arena,
                            const struct cm_rules *rules, const struct cm_directory *directory,
                            size_t words, uint64_t work)
{
    *out = (struct cm_cast){.rules = rules, .work = work};
    enum cm_status status = find_names(out, arena, directory);
    if (status == CM_OK) {
        status = add_groups(out, arena, words);
    }
    return status == CM_OK ? fill_groups(out, arena) : status;
}

static void add_set(uint64_t *out, const uint64_t *set, size_t words)
{
    for (size_t i = 0; i < words && set != NULL; i++) {
        out[i] |= set[i];
    }
}

static void add_agencies(uint64_t *out, const struct cm_cast *cast, const struct cm_box_term *term,
                         size_t words)
{
    for (uint32_t i = 0; i < term->id_count; i++) {
        uint32_t index = cast->index[term->ids[i]];
        if (index != CM_NO_INDEX) {
            cm_bit_set(out, index);
        }
    }
    for (uint32_t i = 0; i < term->group_count; i++) {
        add_set(out, cast->groups[term->groups[i]], words);
    }
}

// Whom the term names, its negation left out.
static void add_term(uint64_t *out, const struct cm_cast *cast, const struct cm_crowd *crowd,
                     const struct cm_box_term *term)
{
    switch (term->kind) {
    case CM_TERM_AGENCIES:
        add_agencies(out, cast, term, crowd->words);
        break;
    case CM_TERM_KIND:
        for (unsigned kind = 0; kind < CM_KIND_COUNT; kind++) {
            add_set(out, (term->mask >> kind & 1) != 0 ? crowd->kinds[kind] : NULL, crowd->words);
        }
        break;
    case CM_TERM_STATE:
        for (uint32_t i = 0; i < term->state_count; i++) {
            int number = state_number(term->states[i]);
            add_set(out, number == NO_STATE ? NULL : crowd->states[number], crowd->words);
        }
        break;
    case CM_TERM_SELF:
        if (cast->self != CM_NO_INDEX) {
            cm_bit_set(out, cast->self);
        }
        break;
    case CM_TERM_ANYONE:
        memset(out, 0xff, crowd->words * sizeof *out);
        break;
    case CM_TERM_ROLE:
    case CM_TERM_NONE:
        break;
    }
}

// Whom the box's terms cover in one directory's eyes.
static enum cm_status find_who(uint64_t *out, uint64_t *spare, struct cm_cast *cast,
                               const struct cm_crowd *crowd, const struct cm_box *box)
{
    size_t size = crowd->words * sizeof *out;
    memcpy(out, crowd->listed, size);
    for (uint32_t t = 0; t < box->term_count; t++) {
        const struct cm_box_term *term = &box->terms[t];
        if (term->kind == CM_TERM_ROLE) {
            continue;
        }
        memset(spare, 0, size);
        add_term(spare, cast, crowd, term);
        uint64_t flip = term->negated ? UINT64_MAX : 0;
        for (size_t i = 0; i < crowd->words; i++) {
            out[i] &= spare[i] ^ flip;
        }
        if (!spend(cast, crowd->words * (1 + term->group_count) + term->id_count)) {
            return CM_EXHAUSTED;
        }
    }
    return CM_OK;
}

static enum cm_status find_both(uint64_t *out, uint64_t **then_who, uint64_t *spare,
                                struct cm_cast *cast, const struct cm_crowd *now,
                                const struct cm_crowd *then, const struct cm_box *box)
{
    *then_who = spare + now->words;
    enum cm_status status = find_who(out, spare, cast, now, box);
    return status == CM_OK ? find_who(*then_who, spare, cast, then, box) : status;
}

enum cm_status cm_crowd_permit(uint64_t *out, uint64_t *spare, struct cm_cast *cast,
                               const struct cm_crowd *now, const struct cm_crowd *then,
                               const struct cm_box *permit)
{
    uint64_t *by_then;
    enum cm_status status = find_both(out, &by_then, spare, cast, now, then, permit);
    for (size_t i = 0; status == CM_OK && i < now->words; i++) {
        out[i] &= by_then[i] & then->unchanged[i];
    }
    return status;
}

enum cm_status cm_crowd_forbid(uint64_t *out, uint64_t *spare, struct cm_cast *cast,
                               const struct cm_crowd *now, const struct cm_crowd *then,
                               const struct cm_box *forbid)
{
    uint64_t *by_then;
    enum cm_status status = find_both(out, &by_then, spare, cast, now, then, forbid);
    for (size_t i = 0; status == CM_OK && i < now->words; i++) {
        out[i] = (out[i] | by_then[i]) & now->listed[i];
    }
    if (status == CM_OK && !forbid->says_self && cast->self != CM_NO_INDEX) {
        out[cast->self / 64] &= ~((uint64_t)1 << (cast->self % 64));
    }
    return status;
}

uint16_t cm_crowd_roles(const struct cm_box *box)
{
    uint16_t roles = (1u << ROLES) - 1;
    for (uint32_t t = 0; t < box->term_count; t++) {
        if (box->terms[t].kind == CM_TERM_ROLE) {
            roles &= (uint16_t)(box->terms[t].negated ? ~box->terms[t].mask : box->terms[t].mask);
        }
    }
    return roles;
}
