#include "acl/compiled.h"
#include "acl/nearest.h"
#include "proto/trust/directory_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Names compared for "did you mean" in one compilation.
enum { MOST_SEARCHED = 200000 };

static int by_name(const void *left, const void *right)
{
    const struct cm_definition *a = *(const struct cm_definition *const *)left;
    const struct cm_definition *b = *(const struct cm_definition *const *)right;
    return strcmp(a->name, b->name);
}

static int by_name_then_order(const void *left, const void *right)
{
    const struct cm_definition *a = *(const struct cm_definition *const *)left;
    const struct cm_definition *b = *(const struct cm_definition *const *)right;
    int order = strcmp(a->name, b->name);
    return order != 0 ? order : a->order < b->order ? -1 : a->order > b->order;
}

uint32_t cm_definition_find(const struct cm_definition *const *list, uint32_t count,
                            const char *name)
{
    struct cm_definition wanted = {.name = name};
    const struct cm_definition *key = &wanted;
    const struct cm_definition *const *found =
        count == 0 ? NULL : bsearch(&key, list, count, sizeof(void *), by_name);
    return found == NULL ? CM_NO_INDEX : (uint32_t)(found - list);
}

// Searching thousands of names for the nearest is worth it for a person's mistakes, not for a
// flood.
static bool may_search(struct cm_compiler *compiler, size_t candidates)
{
    if (compiler->searched + candidates > MOST_SEARCHED) {
        return false;
    }
    compiler->searched += candidates;
    return true;
}

static void unknown(struct cm_compiler *compiler, const struct cm_item *item, const char *what,
                    struct cm_nearest *nearest, const char *fallback)
{
    char hint[128];
    cm_nearest_hint(nearest, hint, sizeof hint, fallback);
    cm_diagnostics_add(compiler->diagnostics, CM_SEVERITY_ERROR, &item->place, hint,
                       "unknown %s %s%.60s", what, item->kind == CM_TOKEN_GROUP ? "@" : "",
                       item->text);
}

static void offer_groups(const struct cm_compiler *compiler, struct cm_nearest *nearest)
{
    for (uint32_t i = 0; i < compiler->group_count; i++) {
        cm_nearest_offer(nearest, "@", compiler->groups[i]->name);
    }
}

static void unknown_agency(struct cm_compiler *compiler, const struct cm_item *item)
{
    static const char *const words[] = {"self", "anyone", "not"};
    const struct cm_directory *directory = compiler->source->directory;
    struct cm_nearest nearest;
    cm_nearest_init(&nearest, item->text);
    if (!may_search(compiler, directory->agency_count + compiler->group_count)) {
        nearest.limit = 0;
    }
    if (!cm_word_is_id(item->text)) {
        offer_groups(compiler, &nearest);
        for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
            cm_nearest_offer(&nearest, "", words[i]);
        }
        for (enum cm_kind kind = CM_KIND_NONE + 1; kind < CM_KIND_COUNT; kind++) {
            cm_nearest_offer(&nearest, "kind:", cm_kind_name(kind));
        }
        for (enum cm_role role = CM_ROLE_INVESTIGATOR; role <= CM_ROLE_SUPERVISOR; role++) {
            cm_nearest_offer(&nearest, "role:", cm_role_name(role));
        }
    }
    for (size_t i = 0; i < directory->agency_count && nearest.limit > 0; i++) {
        cm_nearest_offer(&nearest, "", directory->agencies[i].id);
    }
    bool site =
        cm_definition_find(compiler->sites, compiler->site_count, item->text) != CM_NO_INDEX;
    unknown(compiler, item, "agency", &nearest,
            site                        ? "that is a site: write it after `at`"
            : cm_word_is_id(item->text) ? "it must be in the directory"
                                        : "an agency's id has a dot, such as ca.southgate.pd");
}

static void check_agency(struct cm_compiler *compiler, const struct cm_item *item)
{
    if (item->kind == CM_TOKEN_GROUP) {
        if (cm_definition_find(compiler->groups, compiler->group_count, item->text) ==
            CM_NO_INDEX) {
            struct cm_nearest nearest;
            cm_nearest_init(&nearest, item->text);
            if (may_search(compiler, compiler->group_count)) {
                offer_groups(compiler, &nearest);
            }
            bool site = cm_definition_find(compiler->sites, compiler->site_count, item->text) !=
                        CM_NO_INDEX;
            unknown(compiler, item, "group", &nearest,
                    site ? "that is a site: write it after `at`" : "declare it: group NAME = ...");
        }
        return;
    }
    if (cm_word_reserved(item->text)) {
        return; // reported by the parser
    }
    const struct cm_member *agency = cm_members_find(compiler->rules->members, item->text);
    if (agency == NULL && !(compiler->source->retired_ok && cm_word_is_id(item->text))) {
        unknown_agency(compiler, item);
    } else if (compiler->source->lint && (agency == NULL || !agency->active)) {
        cm_diagnostics_add(compiler->diagnostics, CM_SEVERITY_WARNING, &item->place,
                           "it covers nobody; leave it out", "%.90s has retired", item->text);
    }
}

static void check_agencies(struct cm_compiler *compiler, const struct cm_list *list)
{
    for (const struct cm_item *item = list->first; item != NULL; item = item->next) {
        check_agency(compiler, item);
    }
}

// A pack is written once for every federation: a usual purpose that this directory lacks covers
// nothing there, as nobody can ask for it.
static bool usual_in_pack(const struct cm_compiler *compiler, const struct cm_item *item)
{
    bool usual = false;
    for (size_t i = 0; i < cm_default_purpose_count; i++) {
        usual = usual || strcmp(cm_default_purposes[i].id, item->text) == 0;
    }
    return usual && cm_in_pack(compiler->ast, &item->place);
}

static void check_purposes(struct cm_compiler *compiler, const struct cm_clause *clause)
{
    const struct cm_directory *directory = compiler->source->directory;
    for (const struct cm_item *item = clause->items.first; item != NULL; item = item->next) {
        if (cm_word_reserved(item->text) || compiler->source->retired_ok ||
            cm_directory_purpose(directory, item->text) != NULL || usual_in_pack(compiler, item)) {
            continue;
        }
        struct cm_nearest nearest;
        cm_nearest_init(&nearest, item->text);
        bool search = may_search(compiler, directory->purpose_count);
        for (size_t i = 0; search && i < directory->purpose_count; i++) {
            cm_nearest_offer(&nearest, "", directory->purposes[i].id);
        }
        unknown(compiler, item, "purpose", &nearest, "the directory lists the purposes");
    }
}

// A camera's own name where its site's should stand.
static void hint_camera(struct cm_compiler *compiler, const char *name, char *hint, size_t size)
{
    for (uint32_t i = 0; i < compiler->site_count; i++) {
        const struct cm_list *cameras = &compiler->sites[i]->items;
        if (!may_search(compiler, cameras->count)) {
            return;
        }
        for (const struct cm_item *item = cameras->first; item != NULL; item = item->next) {
            if (strcmp(item->text, name) == 0) {
                snprintf(hint, size, "that is a camera of a site: write at %.60s",
                         compiler->sites[i]->name);
                return;
            }
        }
    }
}

static void check_sites(struct cm_compiler *compiler, const struct cm_clause *clause)
{
    for (const struct cm_item *item = clause->items.first; item != NULL; item = item->next) {
        if (cm_word_reserved(item->text) ||
            cm_definition_find(compiler->sites, compiler->site_count, item->text) != CM_NO_INDEX) {
            continue;
        }
        struct cm_nearest nearest;
        cm_nearest_init(&nearest, item->text);
        bool search = may_search(compiler, compiler->site_count);
        for (uint32_t i = 0; search && i < compiler->site_count; i++) {
            cm_nearest_offer(&nearest, "", compiler->sites[i]->name);
        }
        char hint[128] = "declare it: site NAME = camera, ...";
        if (cm_definition_find(compiler->groups, compiler->group_count, item->text) !=
            CM_NO_INDEX) {
            snprintf(hint, sizeof hint, "that is a group: write @%.60s right after the rule's word",
                     item->text);
        } else {
            hint_camera(compiler, item->text, hint, sizeof hint);
        }
        unknown(compiler, item, "site", &nearest, hint);
    }
}

static void check_node(struct cm_compiler *compiler)
{
    const struct cm_ast *ast = compiler->ast;
    if (ast->node == NULL && ast->node_reported) {
        return; // reported by the parser
    }
    if (ast->node == NULL) {
        struct cm_place place = {.file = ast->main, .line = 1};
        cm_diagnostics_add(compiler->diagnostics, CM_SEVERITY_ERROR, &place,
                           "write after `rules 1`: node ca.northport.pd",
                           "the file does not say whose node it is for");
        return;
    }
    struct cm_item item = {.text = ast->node, .kind = CM_TOKEN_WORD, .place = ast->node_place};
    check_agency(compiler, &item);
}

// One name space: sorts all definitions, reports the second of a name, splits groups and sites.
static enum cm_status collect_definitions(struct cm_compiler *compiler)
{
    const struct cm_ast *ast = compiler->ast;
    const struct cm_definition **all =
        cm_arena_array(compiler->scratch, ast->definition_count + 1, sizeof(void *));
    const struct cm_definition **groups =
        cm_arena_array(compiler->scratch, ast->definition_count + 1, sizeof(void *));
    const struct cm_definition **sites =
        cm_arena_array(compiler->scratch, ast->definition_count + 1, sizeof(void *));
    if (all == NULL || groups == NULL || sites == NULL) {
        return CM_MEMORY;
    }
    size_t count = 0;
    for (const struct cm_definition *d = ast->definitions; d != NULL; d = d->next) {
        all[count++] = d;
    }
    qsort(all, count, sizeof(void *), by_name_then_order);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && strcmp(all[i - 1]->name, all[i]->name) == 0) {
            const struct cm_place *first = &all[i - 1]->place;
            cm_diagnostics_add(compiler->diagnostics, CM_SEVERITY_ERROR, &all[i]->place,
                               "choose another name", "%.60s is declared in %.60s:%u already",
                               all[i]->name, first->file->path, (unsigned)first->line);
        } else if (all[i]->statement == CM_STATEMENT_GROUP) {
            groups[compiler->group_count++] = all[i];
        } else {
            sites[compiler->site_count++] = all[i];
        }
    }
    compiler->groups = groups;
    compiler->sites = sites;
    return CM_OK;
}

// Takes away groups that list no group left, over and over; what stays is in a cycle or leads to
// one, and those that nothing left lists only lead to one.
static enum cm_status check_cycles(struct cm_compiler *compiler)
{
    uint32_t count = compiler->group_count;
    bool *gone = cm_arena_array(compiler->scratch, (size_t)count + 1, sizeof *gone);
    uint32_t *children = cm_arena_array(compiler->scratch, (size_t)count + 1, sizeof *children);
    uint32_t *queue = cm_arena_array(compiler->scratch, (size_t)count + 1, sizeof *queue);
    if (gone == NULL || children == NULL || queue == NULL) {
        return CM_MEMORY;
    }
    const struct cm_table *parents = &compiler->rules->parents;
    for (uint32_t i = 0; i < parents->start[count]; i++) {
        children[parents->list[i]]++;
    }
    uint32_t head = 0;
    uint32_t tail = 0;
    for (uint32_t g = 0; g < count; g++) {
        if (children[g] == 0) {
            queue[tail++] = g;
        }
    }
    while (head < tail) {
        uint32_t g = queue[head++];
        gone[g] = true;
        for (uint32_t i = parents->start[g]; i < parents->start[g + 1]; i++) {
            if (--children[parents->list[i]] == 0) {
                queue[tail++] = parents->list[i];
            }
        }
    }
    for (uint32_t g = 0; g < count; g++) {
        bool listed = false;
        for (uint32_t i = parents->start[g]; i < parents->start[g + 1]; i++) {
            listed |= !gone[parents->list[i]];
        }
        if (!gone[g] && listed) {
            cm_diagnostics_add(compiler->diagnostics, CM_SEVERITY_ERROR,
                               &compiler->groups[g]->place, "take one of the groups out",
                               "@%.60s contains itself in the end", compiler->groups[g]->name);
        }
    }
    return CM_OK;
}

// group → the groups that list it.
static enum cm_status link_groups(struct cm_compiler *compiler)
{
    struct cm_table *parents = &compiler->rules->parents;
    uint32_t count = compiler->group_count;
    parents->count = count;
    parents->start =
        cm_arena_array(compiler->rules->arena, (size_t)count + 2, sizeof *parents->start);
    if (parents->start == NULL) {
        return CM_MEMORY;
    }
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t g = 0; g < count; g++) {
            for (const struct cm_item *item = compiler->groups[g]->items.first; item != NULL;
                 item = item->next) {
                uint32_t child = item->kind != CM_TOKEN_GROUP
                                     ? CM_NO_INDEX
                                     : cm_definition_find(compiler->groups, count, item->text);
                if (child != CM_NO_INDEX && pass == 0) {
                    parents->start[child + 2]++;
                } else if (child != CM_NO_INDEX) {
                    parents->list[parents->start[child + 1]++] = g;
                }
            }
        }
        for (uint32_t g = 2; pass == 0 && g <= count + 1; g++) {
            parents->start[g] += parents->start[g - 1];
        }
        if (pass == 0) {
            parents->list =
                cm_arena_array(compiler->rules->arena, (size_t)parents->start[count + 1] + 1,
                               sizeof *parents->list);
        }
        if (parents->list == NULL) {
            return CM_MEMORY;
        }
    }
    return CM_OK;
}

enum cm_status cm_resolve(struct cm_compiler *compiler)
{
    enum cm_status status = collect_definitions(compiler);
    if (status == CM_OK) {
        status = link_groups(compiler);
    }
    if (status == CM_OK) {
        status = check_cycles(compiler);
    }
    check_node(compiler);
    for (uint32_t i = 0; status == CM_OK && i < compiler->group_count; i++) {
        check_agencies(compiler, &compiler->groups[i]->items);
    }
    for (const struct cm_rule *rule = compiler->ast->rules; status == CM_OK && rule != NULL;
         rule = rule->next) {
        for (const struct cm_term *term = rule->terms; term != NULL; term = term->next) {
            if (term->kind == CM_TERM_AGENCIES) {
                check_agencies(compiler, &term->items);
            }
        }
        check_purposes(compiler, &rule->clauses[CM_CLAUSE_FOR]);
        check_sites(compiler, &rule->clauses[CM_CLAUSE_AT]);
    }
    return status;
}
