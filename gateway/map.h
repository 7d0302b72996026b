// A chained hash map of nodes embedded in their owners, keyed by bytes that the owner keeps.
// Keys come from us, the directory or SHA-256: nobody outside can choose collisions. Loop thread.
#ifndef CM_GATEWAY_MAP_H
#define CM_GATEWAY_MAP_H

#include "proto/base/bytes.h"

struct cm_map_node {
    struct cm_map_node *next; // private
    struct cm_bytes key;      // borrowed from the owner while in a map
};

// Zeroed before init.
struct cm_map {
    struct cm_map_node **slots;
    size_t slot_count;
    size_t count;
};

// slots: fixed; chains grow beyond.
enum cm_status cm_map_init(struct cm_map *map, size_t slots) CM_MUST_CHECK;
// The nodes stay their owners'.
void cm_map_clear(struct cm_map *map);
// NULL when absent.
struct cm_map_node *cm_map_find(const struct cm_map *map, struct cm_bytes key);
// node->key must not be in the map yet.
void cm_map_add(struct cm_map *map, struct cm_map_node *node);
void cm_map_remove(struct cm_map *map, struct cm_map_node *node);
// The node after `after`, any order; NULL: the first, and at the end.
struct cm_map_node *cm_map_next(const struct cm_map *map, const struct cm_map_node *after);

#endif
