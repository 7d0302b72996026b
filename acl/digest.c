#include "acl/compiled.h"

#include <stdlib.h>
#include <string.h>

static int by_text(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

// Joins the texts in ascending order, without repetitions, between separators; frees nothing.
static enum cm_status put_sorted(struct cm_buf *out, char **texts, size_t count, const char *sign)
{
    enum cm_status status = CM_OK;
    if (count > 0) {
        qsort(texts, count, sizeof *texts, by_text);
    }
    for (size_t i = 0; status == CM_OK && i < count; i++) {
        if (i == 0 || strcmp(texts[i - 1], texts[i]) != 0) {
            status = cm_buf_printf(out, "%s%s", i == 0 ? "" : sign, texts[i]);
        }
    }
    return status;
}

static enum cm_status put_items(struct cm_buf *out, const struct cm_list *list)
{
    char **texts = calloc(list->count + 1, sizeof *texts);
    if (texts == NULL) {
        return CM_MEMORY;
    }
    size_t count = 0;
    enum cm_status status = CM_OK;
    for (const struct cm_item *item = list->first; status == CM_OK && item != NULL;
         item = item->next) {
        struct cm_buf text = {0};
        status = cm_buf_printf(&text, "%s%s", item->kind == CM_TOKEN_GROUP ? "@" : "", item->text);
        if (status == CM_OK) {
            status = cm_buf_add(&text, "", 1);
        }
        texts[count++] = (char *)text.data;
    }
    if (status == CM_OK) {
        status = put_sorted(out, texts, count, ",");
    }
    for (size_t i = 0; i < count; i++) {
        free(texts[i]);
    }
    free(texts);
    return status;
}

static enum cm_status put_terms(struct cm_buf *out, const struct cm_rule *rule)
{
    size_t count = 0;
    for (const struct cm_term *term = rule->terms; term != NULL; term = term->next) {
        count++;
    }
    char **texts = calloc(count + 1, sizeof *texts);
    if (texts == NULL) {
        return CM_MEMORY;
    }
    count = 0;
    enum cm_status status = CM_OK;
    for (const struct cm_term *term = rule->terms; status == CM_OK && term != NULL;
         term = term->next) {
        struct cm_buf text = {0};
        status = cm_buf_printf(&text, "%s%d:", term->negated ? "not " : "", (int)term->kind);
        if (status == CM_OK) {
            status = put_items(&text, &term->items);
        }
        if (status == CM_OK) {
            status = cm_buf_add(&text, "", 1);
        }
        texts[count++] = (char *)text.data;
    }
    if (status == CM_OK) {
        status = put_sorted(out, texts, count, " ");
    }
    for (size_t i = 0; i < count; i++) {
        free(texts[i]);
    }
    free(texts);
    return status;
}

enum cm_status cm_rule_digest(struct cm_digest *out, const struct cm_rule *rule)
{
    struct cm_buf text = {0};
    enum cm_status status = put_terms(&text, rule);
    for (enum cm_clause_kind kind = CM_CLAUSE_TO; status == CM_OK && kind < CM_CLAUSE_NOTE;
         kind++) {
        const struct cm_clause *clause = &rule->clauses[kind];
        if (!clause->present) {
            continue;
        }
        status = cm_buf_printf(&text, "\n%s %d %lld %d ", cm_clause_word(kind), clause->whole,
                               (long long)clause->number, clause->per_agency);
        if (status == CM_OK) {
            status = put_items(&text, &clause->items);
        }
    }
    if (status == CM_OK) {
        cm_sha256_of(out, cm_buf_bytes(&text));
    }
    cm_buf_clear(&text);
    return status;
}
