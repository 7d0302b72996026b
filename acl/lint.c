#include "acl/lint.h"

#include "acl/value.h"

#include <stdio.h>
#include <string.h>

enum { SOON_DAYS = 30 };

static void warn(struct cm_compiler *compiler, const struct cm_place *place, const char *hint,
                 const char *text)
{
    cm_diagnostics_add(compiler->diagnostics, CM_SEVERITY_WARNING, place, hint, "%s", text);
}

static bool says(const struct cm_rule *rule, enum cm_term_kind kind)
{
    for (const struct cm_term *term = rule->terms; term != NULL; term = term->next) {
        if (term->kind == kind && !term->negated) {
            return true;
        }
    }
    return false;
}

static void lint_dates(const struct cm_lint *lint, const struct cm_rule *permit)
{
    const struct cm_clause *until = &permit->clauses[CM_CLAUSE_UNTIL];
    int64_t day_ms = CM_DAY_S * 1000;
    if (!until->present) {
        if (!says(permit, CM_TERM_SELF)) {
            warn(lint->compiler, &permit->place, "add for example: until 2027-12-31",
                 "this permit never ends");
        }
        return;
    }
    int64_t days = (until->number - lint->today_ms) / day_ms;
    if (until->number <= lint->today_ms) {
        warn(lint->compiler, &until->place, "renew it or take it out", "this permit has ended");
    } else if (days <= SOON_DAYS) {
        char text[64];
        snprintf(text, sizeof text, "this permit ends in %lld day%s", (long long)days,
                 days == 1 ? "" : "s");
        warn(lint->compiler, &until->place, "renew it in time", text);
    }
}

static void lint_actions(struct cm_compiler *compiler, const struct cm_rule *rule)
{
    unsigned served = compiler->source->served;
    for (const struct cm_item *item = rule->clauses[CM_CLAUSE_TO].items.first;
         served != 0 && item != NULL; item = item->next) {
        enum cm_action action = cm_action_of(cm_bytes_of(item->text));
        if (action != CM_ACTION_NONE && (served >> action & 1) == 0) {
            warn(compiler, &item->place, "it counts as soon as a version answers it",
                 "this version does not answer that kind of question");
        }
    }
}

static void lint_rule(const struct cm_lint *lint, const struct cm_rule *rule)
{
    struct cm_compiler *compiler = lint->compiler;
    lint_actions(compiler, rule);
    if (rule->statement == CM_STATEMENT_PERMIT) {
        lint_dates(lint, rule);
        if (says(rule, CM_TERM_ANYONE)) {
            warn(compiler, &rule->place, "name agencies, @groups, kinds or states instead",
                 "this permit lets anyone in the federation in");
        }
    }
    // In a pack, `unless attestation` is the law's own exception.
    bool pack = cm_in_pack(compiler->ast, &rule->place);
    for (const struct cm_item *item = rule->clauses[CM_CLAUSE_UNLESS].items.first;
         !pack && item != NULL; item = item->next) {
        if (cm_evidence_of(cm_bytes_of(item->text)) == CM_EVIDENCE_ATTESTATION) {
            warn(compiler, &item->place, "rather: case, supervisor or court-order",
                 "an attestation is the requester's own word: it lifts this forbid");
        }
    }
}

static bool included(const struct cm_ast *ast, const char *name)
{
    for (const struct cm_inclusion *i = ast->inclusions; i != NULL; i = i->next) {
        if (strcmp(i->name, name) == 0) {
            return true;
        }
    }
    return false;
}

// The packs that the directory requires of this agency.
static void lint_packs(struct cm_compiler *compiler)
{
    const struct cm_ast *ast = compiler->ast;
    const struct cm_rules_source *source = compiler->source;
    const struct cm_agency *agency = cm_directory_agency(source->directory, ast->node);
    char text[160];
    char hint[128];
    for (size_t i = 0; agency != NULL && i < agency->required_pack_count; i++) {
        bool silent = source->retired_ok && !source->lint;
        if (!silent && !included(ast, agency->required_packs[i])) {
            snprintf(text, sizeof text, "the directory requires the statute pack %.90s",
                     agency->required_packs[i]);
            snprintf(hint, sizeof hint, "write: include \"%.90s\"", agency->required_packs[i]);
            cm_diagnostics_add(compiler->diagnostics,
                               source->retired_ok ? CM_SEVERITY_WARNING : CM_SEVERITY_ERROR,
                               &ast->node_place, hint, "%s", text);
        }
    }
}

enum cm_status cm_lint(struct cm_compiler *compiler)
{
    const struct cm_rules_source *source = compiler->source;
    int64_t day_ms = CM_DAY_S * 1000;
    struct cm_lint lint = {.compiler = compiler,
                           .today_ms = source->now_ms - source->now_ms % day_ms};
    if (!source->overlay) {
        lint_packs(compiler);
    }
    if (!source->lint) {
        return CM_OK;
    }
    for (uint32_t i = 0; i < compiler->group_count; i++) {
        if (compiler->groups[i]->items.count == 0) {
            warn(compiler, &compiler->groups[i]->place, "it covers nobody", "an empty group");
        }
    }
    for (const struct cm_rule *rule = compiler->ast->rules; rule != NULL; rule = rule->next) {
        lint_rule(&lint, rule);
    }
    return cm_lint_regions(&lint);
}
