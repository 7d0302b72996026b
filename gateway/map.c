#include "gateway/map.h"

#include <stdlib.h>

enum cm_status cm_map_init(struct cm_map *map, size_t slots)
{
    map->slots = calloc(slots, sizeof(struct cm_map_node *));
    if (!map->slots) {
        return CM_MEMORY;
    }
    map->slot_count = slots;
    map->count = 0;
    return CM_OK;
}

void cm_map_clear(struct cm_map *map)
{
    free(map->slots);
    *map = (struct cm_map){0};
}

// FNV-1a.
static size_t slot_of(const struct cm_map *map, struct cm_bytes key)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < key.len; i++) {
        hash = (hash ^ key.data[i]) * 1099511628211u;
    }
    return (size_t)(hash % map->slot_count);
}

struct cm_map_node *cm_map_find(const struct cm_map *map, struct cm_bytes key)
{
    struct cm_map_node *node = map->slots[slot_of(map, key)];
    while (node && !cm_bytes_equal(node->key, key)) {
        node = node->next;
    }
    return node;
}

void cm_map_add(struct cm_map *map, struct cm_map_node *node)
{
    struct cm_map_node **slot = &map->slots[slot_of(map, node->key)];
    node->next = *slot;
    *slot = node;
    map->count++;
}

void cm_map_remove(struct cm_map *map, struct cm_map_node *node)
{
    struct cm_map_node **link = &map->slots[slot_of(map, node->key)];
    while (*link && *link != node) {
        link = &(*link)->next;
    }
    if (!*link) {
        return;
    }
    *link = node->next;
    node->next = NULL;
    map->count--;
}

struct cm_map_node *cm_map_next(const struct cm_map *map, const struct cm_map_node *after)
{
    if (after && after->next) {
        return after->next;
    }
    size_t slot = after ? slot_of(map, after->key) + 1 : 0;
    for (; slot < map->slot_count; slot++) {
        if (map->slots[slot]) {
            return map->slots[slot];
        }
    }
    return NULL;
}
