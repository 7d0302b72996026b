#include "acl/lint.h"

#include <stdio.h>
#include <string.h>

// Past either, only what needs no comparison is linted.
enum { MOST_PAIRS = 20000000, TEMPORARY = 64 * 1024 * 1024 };
#define MOST_WORK UINT64_C(20000000)

static void say(struct cm_lint *lint, const struct cm_place *place, const char *hint,
                const char *text)
{
    cm_diagnostics_add(lint->compiler->diagnostics, CM_SEVERITY_WARNING, place, hint, "%s", text);
}

static uint16_t evidence_of(const struct cm_box *box, bool permit)
{
    uint16_t covered = 0;
    for (unsigned kinds = 0; kinds < 16; kinds++) {
        unsigned shown = kinds << 1;
        bool holds = permit ? (box->evidence & ~shown) == 0 : (box->evidence & shown) == 0;
        covered |= (uint16_t)((unsigned)holds << kinds);
    }
    return covered;
}

static uint8_t roles_of(const struct cm_box *box)
{
    unsigned roles = 1u << CM_ROLE_INVESTIGATOR | 1u << CM_ROLE_SUPERVISOR;
    for (uint32_t i = 0; i < box->term_count; i++) {
        const struct cm_box_term *term = &box->terms[i];
        if (term->kind == CM_TERM_ROLE) {
            roles &= term->negated ? ~term->mask : term->mask;
        }
    }
    return (uint8_t)roles;
}

static uint64_t purposes_of(const struct cm_rules *rules, const struct cm_box *box)
{
    uint64_t known = rules->known[0];
    return box->purposes == NULL ? known : known & box->purposes[0];
}

static enum cm_status region_of(struct cm_lint *lint, struct cm_region *out,
                                const struct cm_box *box, bool permit)
{
    const struct cm_rules *rules = lint->compiler->rules;
    struct cm_arena *arena = lint->compiler->scratch;
    size_t class_words = cm_bit_words(rules->class_count);
    *out = (struct cm_region){
        .agencies = cm_arena_array(arena, cm_bit_words(lint->space.agency_count) + 1,
                                   sizeof *out->agencies),
        .classes = cm_arena_array(arena, class_words, sizeof *out->classes),
        .purposes = purposes_of(rules, box),
        .from_ms = box->from_ms > lint->today_ms ? box->from_ms : lint->today_ms,
        .until_ms = box->until_ms,
        .youngest_s = permit ? 0 : box->age_s + 1,
        .oldest_s = permit ? box->age_s : INT64_MAX,
        .actions = box->actions & ((1u << CM_ACTION_COUNT) - 2),
        .evidence = evidence_of(box, permit),
        .roles = roles_of(box),
        .fields = (uint8_t)(box->fields & (1u | CM_FIELDS_ALL)),
    };
    if (out->agencies == NULL || out->classes == NULL) {
        return CM_MEMORY;
    }
    for (uint32_t i = 0; i < rules->class_count; i++) {
        if (box->classes == NULL || cm_bit(box->classes, i)) {
            cm_bit_set(out->classes, i);
        }
    }
    return CM_OK;
}

// One agency's bit in the regions of all rules.
static enum cm_status place_agency(struct cm_lint *lint, uint32_t index)
{
    const struct cm_rules *rules = lint->compiler->rules;
    const struct cm_directory *directory = lint->compiler->source->directory;
    const struct cm_agency *agency = &directory->agencies[index];
    const char *state = agency->state == NULL ? "" : agency->state;
    struct cm_asker asker;
    cm_arena_reset(lint->space.arena);
    enum cm_status status = cm_asker_init(&asker, lint->space.arena, rules, directory, agency->id,
                                          CM_ROLE_INVESTIGATOR);
    if (status != CM_OK || asker.now == NULL) {
        return status;
    }
    for (uint32_t i = 0; i < rules->permit_count + rules->forbid_count; i++) {
        const struct cm_box *box = &rules->permits[i];
        bool exempt = i >= rules->permit_count && asker.is_self && !box->says_self;
        asker.role = CM_ROLE_INVESTIGATOR;
        bool holds = cm_who_holds(box, &asker, agency->kind, state);
        asker.role = CM_ROLE_SUPERVISOR;
        holds = holds || cm_who_holds(box, &asker, agency->kind, state);
        if (holds && !exempt) {
            cm_bit_set(lint->regions[i].agencies, index);
        }
    }
    if (asker.is_self) {
        lint->self = index;
    }
    return CM_OK;
}

static bool is_covered(struct cm_lint *lint, const struct cm_region *region)
{
    bool covered;
    bool known;
    const struct cm_rules *rules = lint->compiler->rules;
    enum cm_status status =
        cm_region_covered(&lint->space, region, lint->regions + rules->permit_count,
                          rules->forbid_count, &covered, &known);
    return status == CM_OK && covered;
}

static bool covered_by_another(const struct cm_lint *lint, uint32_t permit, uint32_t *other)
{
    const struct cm_rules *rules = lint->compiler->rules;
    for (uint32_t i = 0; i < rules->permit_count; i++) {
        // Of two that say the same the first is left in peace.
        if (i == permit || rules->permits[i].per_day > 0 ||
            !cm_region_contains(&lint->space, &lint->regions[i], &lint->regions[permit])) {
            continue;
        }
        if (i < permit || rules->permits[permit].per_day > 0 ||
            !cm_region_contains(&lint->space, &lint->regions[permit], &lint->regions[i])) {
            *other = i;
            return true;
        }
    }
    return false;
}

static void lint_permit(struct cm_lint *lint, uint32_t index)
{
    const struct cm_box *permit = &lint->compiler->rules->permits[index];
    const struct cm_place *place = &permit->source->place;
    uint32_t other;
    if (permit->until_ms <= lint->today_ms) {
        return;
    }
    if (cm_region_empty(&lint->space, &lint->regions[index])) {
        say(lint, place, "nobody in the directory fits", "this permit lets nobody in");
    } else if (is_covered(lint, &lint->regions[index])) {
        say(lint, place, "it has no effect", "forbids hide all that this permit shows");
    } else if (covered_by_another(lint, index, &other)) {
        char hint[128];
        snprintf(hint, sizeof hint, "see %.110s", lint->compiler->rules->permits[other].where);
        say(lint, place, hint, "another permit covers all of this one");
    }
}

// Of what a permit shows, the part for `other` and `warrant` that a partner kept from immigration
// purposes still has.
static void lint_immigration(struct cm_lint *lint, uint32_t index, uint64_t loose)
{
    const struct cm_rules *rules = lint->compiler->rules;
    const struct cm_region *forbid = &lint->regions[rules->permit_count + index];
    for (uint32_t i = 0; i < rules->permit_count; i++) {
        struct cm_region open = lint->regions[i];
        cm_arena_reset(lint->space.arena);
        struct cm_region partners = open;
        partners.agencies = forbid->agencies;
        partners.purposes = loose;
        if (cm_region_meet(&lint->space, &open, &open, &partners) != CM_OK) {
            return;
        }
        if (lint->self != CM_NO_INDEX) {
            open.agencies[lint->self / 64] &= ~((uint64_t)1 << lint->self % 64);
        }
        if (!cm_region_empty(&lint->space, &open) && !is_covered(lint, &open)) {
            char hint[128];
            snprintf(hint, sizeof hint, "see %.110s", rules->permits[i].where);
            say(lint, &rules->forbids[index].source->clauses[CM_CLAUSE_FOR].place, hint,
                "immigration is forbidden, but `other` or `warrant` stays open");
            return;
        }
    }
}

static uint64_t purposes_like(const struct cm_rules *rules, const char *prefix)
{
    uint64_t bits = 0;
    for (uint32_t i = 0; i < rules->purpose_count; i++) {
        if (strncmp(rules->purposes[i], prefix, strlen(prefix)) == 0) {
            bits |= (uint64_t)1 << i;
        }
    }
    return bits;
}

static uint64_t purpose_named(const struct cm_rules *rules, const char *name)
{
    uint32_t index = cm_names_find(rules->purposes, rules->purpose_count, name);
    return index == CM_NO_INDEX ? 0 : (uint64_t)1 << index;
}

static enum cm_status prepare(struct cm_lint *lint)
{
    const struct cm_rules *rules = lint->compiler->rules;
    uint32_t count = rules->permit_count + rules->forbid_count;
    lint->regions =
        cm_arena_array(lint->compiler->scratch, (size_t)count + 1, sizeof *lint->regions);
    enum cm_status status = lint->regions == NULL ? CM_MEMORY : CM_OK;
    for (uint32_t i = 0; status == CM_OK && i < count; i++) {
        status = region_of(lint, &lint->regions[i], &rules->permits[i], i < rules->permit_count);
    }
    for (uint32_t i = 0; status == CM_OK && i < lint->space.agency_count; i++) {
        status = place_agency(lint, i);
    }
    return status;
}

enum cm_status cm_lint_regions(struct cm_lint *lint)
{
    const struct cm_rules *rules = lint->compiler->rules;
    size_t agencies = lint->compiler->source->directory->agency_count;
    size_t count = (size_t)rules->permit_count + rules->forbid_count;
    if (rules->purpose_count > CM_REGION_PURPOSES || agencies * count > MOST_PAIRS) {
        return CM_OK;
    }
    lint->self = CM_NO_INDEX;
    lint->space = (struct cm_space){.arena = cm_arena_new(TEMPORARY),
                                    .rules = rules,
                                    .agency_count = (uint32_t)agencies,
                                    .class_count = rules->class_count,
                                    .work = MOST_WORK};
    enum cm_status status = lint->space.arena == NULL ? CM_MEMORY : prepare(lint);
    for (uint32_t i = 0; status == CM_OK && i < rules->permit_count; i++) {
        cm_arena_reset(lint->space.arena);
        lint_permit(lint, i);
    }
    uint64_t immigration = purposes_like(rules, "immigration");
    uint64_t loose = purpose_named(rules, "other") | purpose_named(rules, "warrant");
    for (uint32_t i = 0; status == CM_OK && i < rules->forbid_count; i++) {
        const struct cm_box *forbid = &rules->forbids[i];
        if (forbid->purposes != NULL && (purposes_of(rules, forbid) & immigration) != 0) {
            lint_immigration(lint, i, loose);
        }
    }
    cm_arena_free(lint->space.arena);
    return status;
}
