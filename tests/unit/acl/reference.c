#include "reference.h"

#include <string.h>

static const struct cm_agency *agency_of(const struct cm_directory *directory, const char *id)
{
    for (size_t i = 0; i < directory->agency_count; i++) {
        if (strcmp(directory->agencies[i].id, id) == 0) {
            return &directory->agencies[i];
        }
    }
    return NULL;
}

static bool purpose_in(const struct cm_directory *directory, const char *id)
{
    for (size_t i = 0; i < directory->purpose_count; i++) {
        if (strcmp(directory->purposes[i].id, id) == 0) {
            return true;
        }
    }
    return false;
}

static bool in_group(const struct cm_ast *ast, const char *group, const char *id);

static bool listed(const struct cm_ast *ast, const struct cm_list *list, const char *id)
{
    for (const struct cm_item *item = list->first; item != NULL; item = item->next) {
        if (item->kind == CM_TOKEN_GROUP ? in_group(ast, item->text, id)
                                         : strcmp(item->text, id) == 0) {
            return true;
        }
    }
    return false;
}

static bool in_group(const struct cm_ast *ast, const char *group, const char *id)
{
    for (const struct cm_definition *d = ast->definitions; d != NULL; d = d->next) {
        if (d->statement == CM_STATEMENT_GROUP && strcmp(d->name, group) == 0) {
            return listed(ast, &d->items, id);
        }
    }
    return false;
}

static bool has_text(const struct cm_list *list, const char *text)
{
    for (const struct cm_item *item = list->first; item != NULL; item = item->next) {
        if (strcmp(item->text, text) == 0) {
            return true;
        }
    }
    return false;
}

static bool holds(const struct cm_ast *ast, const struct cm_term *term,
                  const struct cm_agency *agency, const struct point *point)
{
    switch (term->kind) {
    case CM_TERM_AGENCIES:
        return listed(ast, &term->items, agency->id);
    case CM_TERM_KIND:
        return has_text(&term->items, cm_kind_name(agency->kind));
    case CM_TERM_STATE:
        return has_text(&term->items, agency->state);
    case CM_TERM_ROLE:
        return has_text(&term->items, cm_role_name(point->role));
    case CM_TERM_SELF:
        return strcmp(ast->node, agency->id) == 0;
    case CM_TERM_ANYONE:
        return true;
    case CM_TERM_NONE:
        break;
    }
    return false;
}

static bool who(const struct cm_ast *ast, const struct cm_rule *rule,
                const struct cm_directory *directory, const struct point *point)
{
    const struct cm_agency *agency = agency_of(directory, point->agency);
    if (agency == NULL) {
        return false;
    }
    for (const struct cm_term *term = rule->terms; term != NULL; term = term->next) {
        if (holds(ast, term, agency, point) == term->negated) {
            return false;
        }
    }
    return true;
}

static bool at_site(const struct cm_ast *ast, const struct cm_list *sites, const char *camera)
{
    for (const struct cm_definition *d = ast->definitions; d != NULL; d = d->next) {
        if (d->statement == CM_STATEMENT_SITE && has_text(sites, d->name) &&
            has_text(&d->items, camera)) {
            return true;
        }
    }
    return false;
}

// The clauses that mean the same in permits and forbids.
static bool common(const struct cm_ast *ast, const struct cm_rule *rule, const struct point *point)
{
    const struct cm_clause *c = rule->clauses;
    bool to = !c[CM_CLAUSE_TO].present || c[CM_CLAUSE_TO].whole ||
              has_text(&c[CM_CLAUSE_TO].items, cm_action_name(point->action));
    bool at = !c[CM_CLAUSE_AT].present || at_site(ast, &c[CM_CLAUSE_AT].items, point->camera);
    bool from = !c[CM_CLAUSE_FROM].present || point->now_ms >= c[CM_CLAUSE_FROM].number;
    bool until = !c[CM_CLAUSE_UNTIL].present || point->now_ms < c[CM_CLAUSE_UNTIL].number;
    return to && at && from && until;
}

static bool keeps_keys(const struct cm_agency *then, const struct cm_agency *now)
{
    for (size_t i = 0; i < now->ca_pin_count; i++) {
        bool kept = false;
        for (size_t j = 0; j < then->ca_pin_count; j++) {
            kept |= memcmp(&now->ca_pins[i], &then->ca_pins[j], sizeof *now->ca_pins) == 0;
        }
        if (!kept) {
            return false;
        }
    }
    return true;
}

bool reference_permit_covers(const struct reference *reference, const struct cm_rule *permit,
                             const struct point *point)
{
    const struct cm_ast *ast = reference->rules;
    const struct cm_clause *c = permit->clauses;
    const struct cm_agency *then = agency_of(reference->signed_with, point->agency);
    const struct cm_agency *now = agency_of(reference->now, point->agency);
    if (then == NULL || !then->active || now == NULL || !keeps_keys(then, now) ||
        !who(ast, permit, reference->signed_with, point) ||
        !who(ast, permit, reference->now, point)) {
        return false;
    }
    bool purpose = purpose_in(reference->signed_with, point->purpose) &&
                   (c[CM_CLAUSE_FOR].whole || has_text(&c[CM_CLAUSE_FOR].items, point->purpose));
    bool age = c[CM_CLAUSE_BACK].whole || point->age_s <= c[CM_CLAUSE_BACK].number;
    bool field = point->field == 0 || c[CM_CLAUSE_SEE].whole ||
                 has_text(&c[CM_CLAUSE_SEE].items, cm_field_name((enum cm_field)point->field));
    for (enum cm_evidence kind = CM_EVIDENCE_CASE; kind < CM_EVIDENCE_COUNT; kind++) {
        if (has_text(&c[CM_CLAUSE_REQUIRE].items, cm_evidence_name(kind)) &&
            (point->evidence >> kind & 1) == 0) {
            return false;
        }
    }
    return purpose && age && field && common(ast, permit, point);
}

static bool says_self(const struct cm_rule *rule)
{
    for (const struct cm_term *term = rule->terms; term != NULL; term = term->next) {
        if (term->kind == CM_TERM_SELF || term->kind == CM_TERM_ANYONE) {
            return true;
        }
    }
    return false;
}

static bool forbid_covers(const struct reference *reference, const struct cm_ast *ast,
                          const struct cm_rule *forbid, const struct point *point)
{
    const struct cm_clause *c = forbid->clauses;
    if (strcmp(point->agency, ast->node) == 0 && !says_self(forbid)) {
        return false;
    }
    if (!who(ast, forbid, reference->signed_with, point) &&
        !who(ast, forbid, reference->now, point)) {
        return false;
    }
    for (enum cm_evidence kind = CM_EVIDENCE_CASE; kind < CM_EVIDENCE_COUNT; kind++) {
        if (has_text(&c[CM_CLAUSE_UNLESS].items, cm_evidence_name(kind)) &&
            (point->evidence >> kind & 1) != 0) {
            return false;
        }
    }
    bool purpose = !c[CM_CLAUSE_FOR].present || c[CM_CLAUSE_FOR].whole ||
                   has_text(&c[CM_CLAUSE_FOR].items, point->purpose);
    bool age = !c[CM_CLAUSE_BEYOND].present || point->age_s > c[CM_CLAUSE_BEYOND].number;
    bool field = !c[CM_CLAUSE_SEE].present ||
                 (point->field != 0 &&
                  (c[CM_CLAUSE_SEE].whole ||
                   has_text(&c[CM_CLAUSE_SEE].items, cm_field_name((enum cm_field)point->field))));
    return purpose && age && field && common(ast, forbid, point);
}

static bool forbidden(const struct reference *reference, const struct cm_ast *ast,
                      const struct point *point)
{
    for (const struct cm_rule *rule = ast->rules; rule != NULL; rule = rule->next) {
        if (rule->statement != CM_STATEMENT_PERMIT && forbid_covers(reference, ast, rule, point)) {
            return true;
        }
    }
    return false;
}

bool reference_visible(const struct reference *reference, const struct point *point)
{
    const struct cm_agency *now = agency_of(reference->now, point->agency);
    if (now == NULL || !now->active || !purpose_in(reference->now, point->purpose)) {
        return false;
    }
    bool permitted = false;
    for (const struct cm_rule *rule = reference->rules->rules; rule != NULL; rule = rule->next) {
        const struct cm_clause *limit = &rule->clauses[CM_CLAUSE_LIMIT];
        bool spent = limit->present && reference->spent != NULL && reference->spent[limit->number];
        if (rule->statement == CM_STATEMENT_PERMIT && !spent) {
            permitted |= reference_permit_covers(reference, rule, point);
        }
    }
    return permitted && !forbidden(reference, reference->rules, point) &&
           (reference->overlay == NULL || !forbidden(reference, reference->overlay, point));
}
