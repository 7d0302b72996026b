#include "gateway/table.h"

#include <stdlib.h>

enum cm_status cm_table_init(struct cm_table *table, size_t slots)
{
    table->slots = calloc(slots, sizeof(struct cm_table_node *));
    if (!table->slots)
        return CM_MEMORY;
    table->slot_count = slots;
    table->count = 0;
    return CM_OK;
}

void cm_table_clear(struct cm_table *table)
{
    free(table->slots);
    *table = (struct cm_table){0};
}

// FNV-1a.
static size_t slot_of(const struct cm_table *table, struct cm_bytes key)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ key.data[i]) * 1099511628211u;
    return (size_t)(hash % table->slot_count);
}

struct cm_table_node *cm_table_find(const struct cm_table *table, struct cm_bytes key)
{
    struct cm_table_node *node = table->slots[slot_of(table, key)];
    while (node && !cm_bytes_equal(node->key, key))
        node = node->next;
    return node;
}

void cm_table_add(struct cm_table *table, struct cm_table_node *node)
{
    struct cm_table_node **slot = &table->slots[slot_of(table, node->key)];
    node->next = *slot;
    *slot = node;
    table->count++;
}

void cm_table_remove(struct cm_table *table, struct cm_table_node *node)
{
    struct cm_table_node **link = &table->slots[slot_of(table, node->key)];
    while (*link && *link != node)
        link = &(*link)->next;
    if (!*link)
        return;
    *link = node->next;
    node->next = NULL;
    table->count--;
}

struct cm_table_node *cm_table_next(const struct cm_table *table, const struct cm_table_node *after)
{
    if (after && after->next)
        return after->next;
    size_t slot = after ? slot_of(table, after->key) + 1 : 0;
    for (; slot < table->slot_count; slot++)
        if (table->slots[slot])
            return table->slots[slot];
    return NULL;
}
