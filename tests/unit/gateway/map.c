#include "gateway/map.h"

#include <criterion/criterion.h>

enum { NODES = 200 };

Test(map, finds_what_is_in_and_nothing_else)
{
    struct cm_map map = {0};
    uint32_t keys[NODES];
    struct cm_map_node nodes[NODES] = {0};
    cr_assert_eq(cm_map_init(&map, 16), CM_OK);
    for (uint32_t i = 0; i < NODES; i++) {
        keys[i] = i * 2654435761u;
        nodes[i].key = (struct cm_bytes){(const uint8_t *)&keys[i], sizeof keys[i]};
        cr_assert_null(cm_map_find(&map, nodes[i].key));
        cm_map_add(&map, &nodes[i]);
    }
    for (uint32_t i = 0; i < NODES; i += 2) {
        cm_map_remove(&map, &nodes[i]);
    }
    for (uint32_t i = 0; i < NODES; i++) {
        cr_assert_eq(cm_map_find(&map, nodes[i].key), i % 2 ? &nodes[i] : NULL);
    }
    cr_assert_eq(map.count, NODES / 2);
    cm_map_clear(&map);
}

Test(map, next_visits_each_once)
{
    struct cm_map map = {0};
    uint8_t keys[NODES];
    bool seen[NODES] = {false};
    struct cm_map_node nodes[NODES] = {0};
    cr_assert_eq(cm_map_init(&map, 7), CM_OK);
    for (size_t i = 0; i < NODES; i++) {
        keys[i] = (uint8_t)i;
        nodes[i].key = (struct cm_bytes){&keys[i], 1};
        cm_map_add(&map, &nodes[i]);
    }
    size_t count = 0;
    for (struct cm_map_node *node = cm_map_next(&map, NULL); node; node = cm_map_next(&map, node)) {
        size_t index = (size_t)(node - nodes);
        cr_assert_not(seen[index]);
        seen[index] = true;
        count++;
    }
    cr_assert_eq(count, NODES);
    cm_map_clear(&map);
}

Test(map, removing_a_stranger_changes_nothing)
{
    struct cm_map map = {0};
    struct cm_map_node in = {.key = cm_bytes_of("a")}, stranger = {.key = cm_bytes_of("a")};
    cr_assert_eq(cm_map_init(&map, 4), CM_OK);
    cm_map_add(&map, &in);
    cm_map_remove(&map, &stranger);
    cr_assert_eq(map.count, 1);
    cr_assert_eq(cm_map_find(&map, cm_bytes_of("a")), &in);
    cm_map_clear(&map);
}
