#include "acl/compiled.h"

#include <stdlib.h>
#include <string.h>

static int by_text(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

uint32_t cm_names_sort(const char **names, uint32_t count)
{
    uint32_t kept = 0;
    if (count > 0) {
        qsort(names, count, sizeof *names, by_text);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (kept == 0 || strcmp(names[kept - 1], names[i]) != 0) {
            names[kept++] = names[i];
        }
    }
    return kept;
}

uint32_t cm_names_find(const char *const *names, uint32_t count, const char *name)
{
    const char *const *found =
        count == 0 ? NULL : bsearch(&name, names, count, sizeof *names, by_text);
    return found == NULL ? CM_NO_INDEX : (uint32_t)(found - names);
}

// The names sorted and copied into the rules' own arena.
static enum cm_status keep_names(struct cm_compiler *compiler, const char **names, uint32_t count,
                                 const char ***out, uint32_t *out_count)
{
    struct cm_arena *arena = compiler->rules->arena;
    count = cm_names_sort(names, count);
    *out = cm_arena_array(arena, (size_t)count + 1, sizeof **out);
    if (*out == NULL) {
        return CM_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        (*out)[i] = cm_arena_string(arena, cm_bytes_of(names[i]));
        if ((*out)[i] == NULL) {
            return CM_MEMORY;
        }
    }
    *out_count = count;
    return CM_OK;
}

static uint32_t put_ids(const char **names, uint32_t count, const struct cm_list *list)
{
    for (const struct cm_item *item = list->first; item != NULL; item = item->next) {
        if (item->kind == CM_TOKEN_WORD) {
            names[count++] = item->text;
        }
    }
    return count;
}

static size_t count_items(const struct cm_compiler *compiler)
{
    size_t count = 1;
    for (uint32_t i = 0; i < compiler->group_count; i++) {
        count += compiler->groups[i]->items.count;
    }
    for (const struct cm_rule *rule = compiler->ast->rules; rule != NULL; rule = rule->next) {
        for (const struct cm_term *term = rule->terms; term != NULL; term = term->next) {
            count += term->items.count;
        }
    }
    return count;
}

// agency → the groups that list it by id. of: for each id of each group in turn, its index.
static void fill_members(struct cm_compiler *compiler, const uint32_t *of)
{
    struct cm_table *direct = &compiler->rules->direct;
    for (uint32_t g = 0; g < compiler->group_count; g++) {
        for (const struct cm_item *item = compiler->groups[g]->items.first; item != NULL;
             item = item->next) {
            if (item->kind == CM_TOKEN_WORD) {
                direct->list[direct->start[*of++ + 1]++] = g;
            }
        }
    }
}

static enum cm_status link_members(struct cm_compiler *compiler, size_t item_count)
{
    struct cm_rules *rules = compiler->rules;
    struct cm_table *direct = &rules->direct;
    uint32_t *of = cm_arena_array(compiler->scratch, item_count, sizeof *of);
    direct->count = rules->agency_count;
    direct->start =
        cm_arena_array(rules->arena, (size_t)rules->agency_count + 2, sizeof *direct->start);
    if (of == NULL || direct->start == NULL) {
        return CM_MEMORY;
    }
    uint32_t *next = of;
    for (uint32_t g = 0; g < compiler->group_count; g++) {
        for (const struct cm_item *item = compiler->groups[g]->items.first; item != NULL;
             item = item->next) {
            if (item->kind == CM_TOKEN_WORD) {
                *next = cm_names_find(rules->agencies, rules->agency_count, item->text);
                direct->start[*next++ + 2]++;
            }
        }
    }
    for (uint32_t i = 2; i <= rules->agency_count + 1; i++) {
        direct->start[i] += direct->start[i - 1];
    }
    direct->list = cm_arena_array(rules->arena, (size_t)direct->start[rules->agency_count + 1] + 1,
                                  sizeof *direct->list);
    if (direct->list == NULL) {
        return CM_MEMORY;
    }
    fill_members(compiler, of);
    return CM_OK;
}

enum cm_status cm_compile_agencies(struct cm_compiler *compiler)
{
    struct cm_rules *rules = compiler->rules;
    size_t item_count = count_items(compiler);
    const char **names = cm_arena_array(compiler->scratch, item_count, sizeof *names);
    if (names == NULL) {
        return CM_MEMORY;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < compiler->group_count; i++) {
        count = put_ids(names, count, &compiler->groups[i]->items);
    }
    for (const struct cm_rule *rule = compiler->ast->rules; rule != NULL; rule = rule->next) {
        for (const struct cm_term *term = rule->terms; term != NULL; term = term->next) {
            if (term->kind == CM_TERM_AGENCIES) {
                count = put_ids(names, count, &term->items);
            }
        }
    }
    rules->group_count = compiler->group_count;
    enum cm_status status =
        keep_names(compiler, names, count, &rules->agencies, &rules->agency_count);
    return status == CM_OK ? link_members(compiler, item_count) : status;
}

enum cm_status cm_compile_purposes(struct cm_compiler *compiler)
{
    struct cm_rules *rules = compiler->rules;
    const struct cm_directory *directory = compiler->source->directory;
    size_t room = directory->purpose_count + 1;
    for (const struct cm_rule *rule = compiler->ast->rules; rule != NULL; rule = rule->next) {
        room += rule->clauses[CM_CLAUSE_FOR].items.count;
    }
    const char **names = cm_arena_array(compiler->scratch, room, sizeof *names);
    if (names == NULL) {
        return CM_MEMORY;
    }
    uint32_t count = 0;
    for (size_t i = 0; i < directory->purpose_count; i++) {
        names[count++] = directory->purposes[i].id;
    }
    for (const struct cm_rule *rule = compiler->ast->rules; rule != NULL; rule = rule->next) {
        if (!rule->clauses[CM_CLAUSE_FOR].whole) {
            count = put_ids(names, count, &rule->clauses[CM_CLAUSE_FOR].items);
        }
    }
    enum cm_status status =
        keep_names(compiler, names, count, &rules->purposes, &rules->purpose_count);
    if (status != CM_OK) {
        return status;
    }
    rules->known =
        cm_arena_array(rules->arena, cm_bit_words(rules->purpose_count) + 1, sizeof *rules->known);
    for (uint32_t i = 0; rules->known != NULL && i < rules->purpose_count; i++) {
        if (cm_directory_purpose(directory, rules->purposes[i]) != NULL) {
            cm_bit_set(rules->known, i);
        }
    }
    return rules->known == NULL ? CM_MEMORY : CM_OK;
}
