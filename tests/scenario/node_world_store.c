// The store of a node's world: rows in memory, and faults as told.
#include "node_world.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t minute_ms = 60000;

struct cursor {
    struct cm_cursor base;
    struct cm_store_query query;
    size_t next;
    unsigned chunks;
};

static struct world *of_store(struct cm_store *store)
{
    return CM_CONTAINER(store, struct world, store);
}

static enum cm_status store_find(struct cm_store *store, struct cm_cursor **out,
                                 const struct cm_store_query *query, struct cm_error *error)
{
    struct world *world = of_store(store);
    world->finds++;
    if (world->find_status) {
        return cm_fail(error, world->find_status, "store", "made to fail");
    }
    struct cursor *cursor = calloc(1, sizeof *cursor);
    cursor->base.store = store;
    cursor->query = *query;
    *out = &cursor->base;
    return CM_OK;
}

static enum cm_status store_next(struct cm_cursor *base, struct cm_arena *arena,
                                 struct cm_detection *rows, size_t max, size_t *count,
                                 struct cm_error *error)
{
    struct cursor *cursor = CM_CONTAINER(base, struct cursor, base);
    struct world *world = of_store(base->store);
    (void)arena;
    *count = 0;
    world->nexts++;
    if (++cursor->chunks == world->next_fails_at) {
        return cm_fail(error, CM_UNAVAILABLE, "store", "made to fail");
    }
    while (*count < max && cursor->next < world->row_count) {
        const struct cm_detection *row = &world->rows[cursor->next++];
        if (strcmp(row->plate, cursor->query.plate) == 0 &&
            row->captured_at_ms >= cursor->query.window.from_ms &&
            row->captured_at_ms < cursor->query.window.to_ms) {
            rows[(*count)++] = *row;
        }
    }
    return CM_OK;
}

static void store_close_cursor(struct cm_cursor *base)
{
    free(CM_CONTAINER(base, struct cursor, base));
}

static enum cm_status store_claim(struct cm_store *store, const struct cm_claim *claim,
                                  int64_t now_ms, struct cm_error *error)
{
    struct world *world = of_store(store);
    (void)now_ms;
    if (world->claim_status) {
        return cm_fail(error, world->claim_status, "store", "made to fail");
    }
    for (size_t i = 0; i < claim->use_count; i++) {
        claim->spent[i] = world->limits_spent;
    }
    return CM_OK;
}

const struct cm_store_ops world_store_ops = {
    .name = "fake",
    .next = store_next,
    .close_cursor = store_close_cursor,
    .find = store_find,
    .claim = store_claim,
};

void world_fill(struct world *world, size_t n)
{
    cr_assert_leq(n, WORLD_ROWS);
    world->row_count = n;
    for (size_t i = 0; i < n; i++) {
        snprintf(world->event_ids[i], sizeof world->event_ids[i], "e%06zu", i);
        world->rows[i] = (struct cm_detection){
            .event_id = world->event_ids[i],
            .owner = WORLD_OWNER,
            .captured_at_ms = world->wall_ms - (int64_t)(i + 1) * minute_ms,
            .plate_read = WORLD_PLATE,
            .plate = WORLD_PLATE,
            .state = "CA",
            .present = 1u << CM_FIELD_PLACE | 1u << CM_FIELD_CAMERA,
            .latitude = 37.5,
            .longitude = -121.5,
            .site = "pier",
            .camera = i % 2 ? "cam-01" : "cam-02",
            .make = "",
            .model = "",
            .colour = "",
            .body = "",
            .image_reference = "",
        };
    }
}
