#include "acl/compiled.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What one query may cost in time: rules with `at` by combinations of sites, some ns each.
enum { MOST_SITE_WORK = 1000000 };

// The largest rule set takes some 60 MiB of either while it is compiled.
#define ARENA_CAP ((size_t)192 * 1024 * 1024)

static int by_index(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

static enum cm_status compile_agency_term(struct cm_compiler *compiler, struct cm_box_term *out,
                                          const struct cm_term *term)
{
    struct cm_rules *rules = compiler->rules;
    uint32_t *ids = cm_arena_array(rules->arena, term->items.count + 1, sizeof *ids);
    uint32_t *groups = cm_arena_array(rules->arena, term->items.count + 1, sizeof *groups);
    if (ids == NULL || groups == NULL) {
        return CM_MEMORY;
    }
    for (const struct cm_item *item = term->items.first; item != NULL; item = item->next) {
        if (item->kind == CM_TOKEN_GROUP) {
            groups[out->group_count++] =
                cm_definition_find(compiler->groups, compiler->group_count, item->text);
        } else {
            ids[out->id_count++] = cm_names_find(rules->agencies, rules->agency_count, item->text);
        }
    }
    qsort(ids, out->id_count, sizeof *ids, by_index);
    out->ids = ids;
    out->groups = groups;
    return CM_OK;
}

static enum cm_status compile_state_term(struct cm_compiler *compiler, struct cm_box_term *out,
                                         const struct cm_term *term)
{
    struct cm_arena *arena = compiler->rules->arena;
    const char **states = cm_arena_array(arena, term->items.count + 1, sizeof *states);
    if (states == NULL) {
        return CM_MEMORY;
    }
    for (const struct cm_item *item = term->items.first; item != NULL; item = item->next) {
        states[out->state_count++] = item->text;
    }
    out->state_count = cm_names_sort(states, out->state_count);
    for (uint32_t i = 0; i < out->state_count; i++) {
        states[i] = cm_arena_string(arena, cm_bytes_of(states[i]));
        if (states[i] == NULL) {
            return CM_MEMORY;
        }
    }
    out->states = states;
    return CM_OK;
}

static enum cm_status compile_who(struct cm_compiler *compiler, struct cm_box *box,
                                  const struct cm_rule *rule)
{
    for (const struct cm_term *term = rule->terms; term != NULL; term = term->next) {
        box->term_count++;
    }
    struct cm_box_term *terms =
        cm_arena_array(compiler->rules->arena, box->term_count, sizeof *terms);
    enum cm_status status = terms == NULL ? CM_MEMORY : CM_OK;
    struct cm_box_term *out = terms;
    for (const struct cm_term *term = rule->terms; status == CM_OK && term != NULL;
         term = term->next, out++) {
        *out =
            (struct cm_box_term){.kind = term->kind, .negated = term->negated, .mask = term->mask};
        box->says_self |= term->kind == CM_TERM_SELF || term->kind == CM_TERM_ANYONE;
        if (term->kind == CM_TERM_AGENCIES) {
            status = compile_agency_term(compiler, out, term);
        } else if (term->kind == CM_TERM_STATE) {
            status = compile_state_term(compiler, out, term);
        }
    }
    box->terms = terms;
    return status;
}

// A permit's purposes are those the directory had; a forbid keeps names the directory lost.
static enum cm_status compile_for(struct cm_compiler *compiler, struct cm_box *box,
                                  const struct cm_clause *clause, bool permit)
{
    struct cm_rules *rules = compiler->rules;
    if (permit && clause->whole) {
        box->purposes = rules->known;
        return CM_OK;
    }
    if (!clause->present || clause->whole) {
        return CM_OK;
    }
    uint64_t *bits =
        cm_arena_array(rules->arena, cm_bit_words(rules->purpose_count) + 1, sizeof *bits);
    if (bits == NULL) {
        return CM_MEMORY;
    }
    for (const struct cm_item *item = clause->items.first; item != NULL; item = item->next) {
        uint32_t index = cm_names_find(rules->purposes, rules->purpose_count, item->text);
        if (!permit || cm_bit(rules->known, index)) {
            cm_bit_set(bits, index);
        }
    }
    box->purposes = bits;
    return CM_OK;
}

static enum cm_status compile_at(struct cm_compiler *compiler, struct cm_box *box,
                                 const struct cm_clause *clause)
{
    struct cm_rules *rules = compiler->rules;
    if (!clause->present || compiler->site_work > MOST_SITE_WORK) {
        return CM_OK;
    }
    compiler->site_work += rules->class_count;
    if (compiler->site_work > MOST_SITE_WORK) {
        cm_diagnostics_add(compiler->diagnostics, CM_SEVERITY_ERROR, &clause->place,
                           "use fewer sites, or fewer rules with `at`",
                           "too many rules tell too many sites apart");
        return CM_OK;
    }
    uint64_t *bits = cm_arena_array(rules->arena, cm_bit_words(rules->class_count), sizeof *bits);
    if (bits == NULL) {
        return CM_MEMORY;
    }
    const struct cm_table *table = &compiler->site_classes;
    for (const struct cm_item *item = clause->items.first; item != NULL; item = item->next) {
        uint32_t site = cm_definition_find(compiler->sites, compiler->site_count, item->text);
        for (uint32_t i = table->start[site]; i < table->start[site + 1]; i++) {
            cm_bit_set(bits, table->list[i]);
        }
    }
    box->classes = bits;
    return CM_OK;
}

// What `any` and `all` mean: in a permit version 1's actions and fields, in a forbid later ones
// too.
static void compile_masks(struct cm_box *box, const struct cm_rule *rule, bool permit)
{
    const struct cm_clause *to = &rule->clauses[CM_CLAUSE_TO];
    const struct cm_clause *see = &rule->clauses[CM_CLAUSE_SEE];
    uint32_t every_action = (1u << CM_ACTION_COUNT) - 2;
    box->actions = to->present && !to->whole ? to->mask : permit ? every_action : UINT32_MAX;
    if (permit) {
        box->fields = (uint8_t)(1u | (see->whole ? CM_FIELDS_ALL : see->mask));
    } else {
        box->fields = (uint8_t)(!see->present ? 0xff : see->whole ? 0xfe : see->mask);
    }
    box->evidence = (uint8_t)rule->clauses[permit ? CM_CLAUSE_REQUIRE : CM_CLAUSE_UNLESS].mask;
}

static enum cm_status compile_box(struct cm_compiler *compiler, struct cm_box *box,
                                  const struct cm_rule *rule)
{
    bool permit = rule->statement == CM_STATEMENT_PERMIT;
    const struct cm_clause *age = &rule->clauses[permit ? CM_CLAUSE_BACK : CM_CLAUSE_BEYOND];
    const struct cm_clause *limit = &rule->clauses[CM_CLAUSE_LIMIT];
    compile_masks(box, rule, permit);
    box->source = rule;
    box->age_s = permit ? (age->whole ? INT64_MAX : age->number) : age->present ? age->number : -1;
    const struct cm_clause *from = &rule->clauses[CM_CLAUSE_FROM];
    const struct cm_clause *until = &rule->clauses[CM_CLAUSE_UNTIL];
    box->from_ms = from->present ? from->number : INT64_MIN;
    box->until_ms = until->present ? until->number : INT64_MAX;
    box->per_day = limit->present ? (uint64_t)limit->number : 0;
    box->per_agency = limit->per_agency;
    char where[160];
    int len = snprintf(where, sizeof where, "%.128s:%u", rule->place.file->path,
                       (unsigned)rule->place.line);
    box->where = cm_arena_string(compiler->rules->arena,
                                 (struct cm_bytes){(const uint8_t *)where, (size_t)len});
    enum cm_status status = box->where == NULL ? CM_MEMORY : CM_OK;
    if (status == CM_OK) {
        status = compile_who(compiler, box, rule);
    }
    if (status == CM_OK) {
        status = compile_for(compiler, box, &rule->clauses[CM_CLAUSE_FOR], permit);
    }
    if (status == CM_OK) {
        status = compile_at(compiler, box, &rule->clauses[CM_CLAUSE_AT]);
    }
    if (status == CM_OK && box->per_day > 0) {
        status = cm_rule_digest(&box->digest, rule);
    }
    return status;
}

enum cm_status cm_compile_boxes(struct cm_compiler *compiler)
{
    struct cm_rules *rules = compiler->rules;
    size_t count = compiler->ast->rule_count + 1;
    for (const struct cm_rule *rule = compiler->ast->rules; rule != NULL; rule = rule->next) {
        rules->permit_count += rule->statement == CM_STATEMENT_PERMIT;
    }
    rules->forbid_count = (uint32_t)(compiler->ast->rule_count - rules->permit_count);
    struct cm_box *boxes = cm_arena_array(rules->arena, count, sizeof *boxes);
    if (boxes == NULL) {
        return CM_MEMORY;
    }
    rules->permits = boxes;
    rules->forbids = boxes + rules->permit_count;
    struct cm_box *permit = rules->permits;
    struct cm_box *forbid = rules->forbids;
    enum cm_status status = CM_OK;
    for (const struct cm_rule *rule = compiler->ast->rules; status == CM_OK && rule != NULL;
         rule = rule->next) {
        bool permits = rule->statement == CM_STATEMENT_PERMIT;
        status = compile_box(compiler, permits ? permit++ : forbid++, rule);
    }
    return status;
}

static enum cm_status rules_new(struct cm_rules **out, const struct cm_rules_source *source)
{
    struct cm_rules *rules = calloc(1, sizeof *rules);
    *out = rules;
    if (rules == NULL) {
        return CM_MEMORY;
    }
    atomic_init(&rules->references, 1);
    rules->arena = cm_arena_new(ARENA_CAP);
    if (rules->arena == NULL) {
        return CM_MEMORY;
    }
    if (source->members != NULL) {
        rules->members = cm_members_ref(source->members);
        return CM_OK;
    }
    return cm_members_new(&rules->members, source->directory);
}

static enum cm_status build(struct cm_compiler *compiler)
{
    struct cm_rules *rules = compiler->rules;
    const struct cm_ast *ast = compiler->ast;
    rules->node = cm_arena_string(rules->arena, cm_bytes_of(ast->node));
    rules->discloses = ast->discloses;
    rules->retain_s = ast->retain_s;
    enum cm_status status = rules->node == NULL ? CM_MEMORY : CM_OK;
    if (status == CM_OK) {
        status = cm_compile_agencies(compiler);
    }
    if (status == CM_OK) {
        status = cm_compile_purposes(compiler);
    }
    if (status == CM_OK) {
        status = cm_compile_sites(compiler);
    }
    if (status == CM_OK) {
        status = cm_compile_boxes(compiler);
    }
    return status;
}

enum cm_status cm_rules_compile(struct cm_rules **out, const struct cm_rules_source *source,
                                struct cm_diagnostics *diagnostics)
{
    struct cm_ast ast;
    struct cm_compiler compiler = {.source = source, .ast = &ast, .diagnostics = diagnostics};
    size_t errors_before = diagnostics->errors;
    *out = NULL;
    compiler.scratch = cm_arena_new(ARENA_CAP);
    enum cm_status status = rules_new(&compiler.rules, source);
    if (compiler.scratch == NULL || status != CM_OK) {
        status = CM_MEMORY;
        goto out;
    }
    status = cm_ast_load(&ast, compiler.scratch, source, diagnostics);
    if (status == CM_OK) {
        status = cm_resolve(&compiler);
    }
    if (status == CM_OK && diagnostics->errors == errors_before) {
        status = build(&compiler);
    }
    if (status == CM_OK && diagnostics->errors == errors_before) {
        status = cm_lint(&compiler);
    }
    cm_diagnostics_sort(diagnostics, source->main);
    if (status == CM_OK && diagnostics->errors > errors_before) {
        status = CM_INVALID;
    }
    if (status == CM_OK) {
        *out = compiler.rules;
        compiler.rules = NULL;
    }
out:
    cm_rules_unref(compiler.rules);
    cm_arena_free(compiler.scratch);
    return status;
}

struct cm_rules *cm_rules_ref(struct cm_rules *rules)
{
    atomic_fetch_add_explicit(&rules->references, 1, memory_order_relaxed);
    return rules;
}

void cm_rules_unref(struct cm_rules *rules)
{
    if (rules == NULL ||
        atomic_fetch_sub_explicit(&rules->references, 1, memory_order_acq_rel) > 1) {
        return;
    }
    cm_members_unref(rules->members);
    cm_arena_free(rules->arena);
    free(rules);
}

const char *cm_rules_node(const struct cm_rules *rules)
{
    return rules->node;
}

bool cm_rules_discloses(const struct cm_rules *rules)
{
    return rules->discloses;
}

int64_t cm_rules_retain_s(const struct cm_rules *rules)
{
    return rules->retain_s;
}
