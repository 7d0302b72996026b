#include "gateway/merge.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { NODES = 9, ROWS = 40, BATCHES = 12 };

// One node's answer, cut into batches; keys are 8 bytes, big endian.
struct source {
    uint8_t keys[ROWS][8];
    struct cm_row rows[ROWS];
    size_t row_count;
    struct cm_batch batches[BATCHES];
    size_t batch_count;
    size_t sent;
    size_t drop_before; // batch that never comes; SIZE_MAX: none
    bool dropped;
    size_t merged;
    bool ended;
};

struct world {
    struct source sources[NODES];
    size_t count;
    uint64_t seed;
};

static uint32_t draw(struct world *world, uint32_t below)
{
    world->seed = world->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(world->seed >> 33) % below;
}

static int by_key(const void *a, const void *b)
{
    return memcmp(a, b, 8);
}

static void put_key(uint8_t out[8], uint64_t value)
{
    for (int i = 7; i >= 0; i--, value >>= 8) {
        out[i] = (uint8_t)value;
    }
}

static void make_source(struct world *world, size_t index)
{
    struct source *source = &world->sources[index];
    memset(source, 0, sizeof *source);
    source->row_count = draw(world, 4) == 0 ? 0 : draw(world, ROWS);
    for (size_t i = 0; i < source->row_count; i++) {
        put_key(source->keys[i], (uint64_t)draw(world, 500) << 16 | index << 8 | i);
    }
    qsort(source->keys, source->row_count, 8, by_key);
    for (size_t i = 0; i < source->row_count; i++) {
        source->rows[i].key = (struct cm_bytes){source->keys[i], 8};
    }
    size_t at = 0;
    do {
        size_t left = source->row_count - at;
        size_t take = source->batch_count == BATCHES - 1 || left <= 1
                          ? left
                          : 1 + draw(world, (uint32_t)left);
        source->batches[source->batch_count++] =
            (struct cm_batch){.row_count = take, .rows = source->rows + at};
        at += take;
    } while (at < source->row_count);
    source->drop_before =
        draw(world, 5) == 0 ? draw(world, (uint32_t)source->batch_count) : SIZE_MAX;
}

static void start(struct world *world, uint64_t seed)
{
    world->seed = seed;
    world->count = draw(world, NODES + 1);
    for (size_t i = 0; i < world->count; i++) {
        make_source(world, i);
    }
}

// Gives the merge one more batch, or drops a node, of those it waits for.
static void feed(struct world *world, struct cm_merge *merge)
{
    size_t waiting[NODES], count = 0;
    for (size_t i = 0; i < world->count; i++) {
        if (cm_merge_waits(merge, i)) {
            waiting[count++] = i;
        }
    }
    cr_assert_gt(count, 0);
    size_t index = waiting[draw(world, (uint32_t)count)];
    struct source *source = &world->sources[index];
    if (source->sent == source->drop_before) {
        source->dropped = true;
        cm_merge_drop(merge, index);
        return;
    }
    const struct cm_batch *batch = &source->batches[source->sent++];
    cr_assert(cm_merge_hold(merge, index, batch, source->sent == source->batch_count));
    cr_assert_not(cm_merge_hold(merge, index, batch, false));
}

struct seen {
    uint8_t keys[NODES * ROWS][8];
    size_t count;
    uint8_t unmerged[NODES][8];
    bool has_unmerged[NODES];
};

static void take_step(struct world *world, struct seen *seen, const struct cm_merge_step *step)
{
    struct source *source = &world->sources[step->node];
    const struct cm_batch *batch = &source->batches[source->sent - 1];
    cr_assert_not(seen->has_unmerged[step->node], "nothing follows a cut");
    if (step->kind == CM_MERGE_UNMERGED) {
        cr_assert(step->rows == 0 && batch->row_count > 0);
    }
    for (size_t i = 0; i < step->rows; i++) {
        memcpy(seen->keys[seen->count++], batch->rows[i].key.data, 8);
    }
    source->merged += step->rows;
    if (step->rows < batch->row_count) {
        memcpy(seen->unmerged[step->node], batch->rows[step->rows].key.data, 8);
        seen->has_unmerged[step->node] = true;
        cr_assert_not(step->more);
    }
    source->ended = !step->more;
}

static void run(struct world *world, struct cm_merge *merge, struct seen *seen)
{
    for (;;) {
        struct cm_merge_step step = cm_merge_next(merge);
        if (step.kind == CM_MERGE_DONE) {
            return;
        }
        if (step.kind == CM_MERGE_IDLE) {
            feed(world, merge);
        } else {
            take_step(world, seen, &step);
        }
        // A session may be lost at any moment, also while its batch is held.
        if (world->count > 0 && draw(world, 60) == 0) {
            size_t index = draw(world, (uint32_t)world->count);
            if (!world->sources[index].ended) {
                world->sources[index].dropped = true;
            }
            cm_merge_drop(merge, index);
        }
    }
}

// What the limit must give: the smallest keys of all that came from each node before it left.
static size_t expected(struct world *world, uint8_t out[][8], uint64_t limit)
{
    size_t count = 0;
    for (size_t i = 0; i < world->count; i++) {
        struct source *source = &world->sources[i];
        size_t whole = source->dropped ? source->merged : source->row_count;
        for (size_t row = 0; row < whole; row++) {
            memcpy(out[count++], source->keys[row], 8);
        }
    }
    qsort(out, count, 8, by_key);
    return count < limit ? count : limit;
}

static void check(struct world *world, struct cm_merge *merge, struct seen *seen, uint64_t limit,
                  bool ordered)
{
    static uint8_t want[NODES * ROWS][8];
    size_t count = expected(world, want, limit);
    cr_assert_eq(seen->count, cm_merge_rows(merge));
    cr_assert_eq(seen->count, count);
    qsort(seen->keys, seen->count, 8, by_key);
    for (size_t i = 1; i < seen->count; i++) {
        cr_assert_neq(memcmp(seen->keys[i - 1], seen->keys[i], 8), 0, "a row twice");
    }
    bool cut = false;
    for (size_t i = 0; i < world->count; i++) {
        struct source *source = &world->sources[i];
        if (!source->dropped && source->merged < source->row_count) {
            cut = true;
        }
        if (ordered && !source->dropped && seen->has_unmerged[i]) {
            cr_assert(memcmp(seen->unmerged[i], seen->keys[seen->count - 1], 8) > 0);
        }
    }
    if (cut) {
        cr_assert(cm_merge_cut(merge));
    }
    if (seen->count < limit) {
        cr_assert_not(cm_merge_cut(merge));
    }
    if (ordered) {
        cr_assert_eq(memcmp(seen->keys, want, count * 8), 0);
    }
}

static void model(bool ordered, uint64_t seeds)
{
    struct world *world = calloc(1, sizeof *world);
    struct seen *seen = calloc(1, sizeof *seen);
    struct cm_arena *arena = cm_arena_new(1 << 20);
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        memset(seen, 0, sizeof *seen);
        cm_arena_reset(arena);
        start(world, seed);
        uint64_t limit = 1 + draw(world, draw(world, 2) ? 400 : 30);
        struct cm_merge *merge;
        cr_assert_eq(cm_merge_new(&merge, arena, world->count, limit, ordered), CM_OK);
        run(world, merge, seen);
        check(world, merge, seen, limit, ordered);
    }
    cm_arena_free(arena);
    free(seen);
    free(world);
}

Test(merge, equals_a_sort_of_all_rows_under_every_limit)
{
    model(true, 20000);
}

Test(merge, unordered_passes_all_rows_once_up_to_the_limit)
{
    model(false, 20000);
}

Test(merge, a_slow_node_holds_the_order_back_until_it_is_dropped)
{
    struct cm_arena *arena = cm_arena_new(1 << 16);
    uint8_t key[8] = {0};
    struct cm_row row = {.key = {key, 8}};
    struct cm_batch batch = {.row_count = 1, .rows = &row};
    struct cm_merge *merge;
    cr_assert_eq(cm_merge_new(&merge, arena, 2, 10, true), CM_OK);
    cr_assert(cm_merge_hold(merge, 0, &batch, true));
    cr_assert_eq(cm_merge_next(merge).kind, CM_MERGE_IDLE);
    cr_assert(cm_merge_waits(merge, 1));
    cm_merge_drop(merge, 1);
    cr_assert_eq(cm_merge_next(merge).kind, CM_MERGE_BATCH);
    cr_assert_eq(cm_merge_next(merge).kind, CM_MERGE_DONE);
    cm_arena_free(arena);
}

// Two nodes of two rows each, in turn; the batches of those that take part.
static struct cm_merge *pair(struct cm_arena *arena, uint64_t limit, bool ordered)
{
    static uint8_t keys[4][8];
    static struct cm_row rows[4];
    static struct cm_batch batches[2];
    struct cm_merge *merge;
    for (uint8_t i = 0; i < 4; i++) {
        put_key(keys[i], i % 2 ? i + 1u : i); // 0 and 2, 2 and 4
        rows[i].key = (struct cm_bytes){keys[i], 8};
    }
    cr_assert_eq(cm_merge_new(&merge, arena, 2, limit, ordered), CM_OK);
    for (size_t i = 0; i < 2; i++) {
        batches[i] = (struct cm_batch){.row_count = 2, .rows = rows + 2 * i};
        cr_assert(cm_merge_hold(merge, i, &batches[i], true));
    }
    return merge;
}

Test(merge, nothing_of_a_discarded_node_is_handed_on)
{
    struct cm_arena *arena = cm_arena_new(1 << 16);
    for (int ordered = 0; ordered < 2; ordered++) {
        struct cm_merge *merge = pair(arena, 10, ordered);
        cm_merge_discard(merge, 0);
        cr_assert_not(cm_merge_holds(merge, 0));
        struct cm_merge_step step = cm_merge_next(merge);
        cr_assert(step.kind == CM_MERGE_BATCH && step.node == 1 && step.rows == 2);
        cr_assert_eq(cm_merge_next(merge).kind, CM_MERGE_DONE);
        cr_assert_eq(cm_merge_rows(merge), 2);
    }
    cm_arena_free(arena);
}

Test(merge, rows_that_others_were_cut_for_can_be_taken_back)
{
    struct cm_arena *arena = cm_arena_new(1 << 16);
    uint8_t keys[4][8];
    struct cm_row rows[4];
    struct cm_batch batches[2];
    struct cm_merge *merge;
    cr_assert_eq(cm_merge_new(&merge, arena, 2, 2, true), CM_OK);
    for (uint8_t i = 0; i < 4; i++) { // 0 and 2, 1 and 3
        put_key(keys[i], i < 2 ? 2u * i : 2u * i - 3);
        rows[i].key = (struct cm_bytes){keys[i], 8};
    }
    for (size_t i = 0; i < 2; i++) {
        batches[i] = (struct cm_batch){.row_count = 2, .rows = rows + 2 * i};
        cr_assert(cm_merge_hold(merge, i, &batches[i], true));
    }
    struct cm_merge_step step = cm_merge_next(merge);
    cr_assert(step.kind == CM_MERGE_BATCH && step.rows == 1);
    cm_merge_discard(merge, 1 - step.node);
    cr_assert_eq(cm_merge_rows(merge), 1);
    cr_assert(cm_merge_cut_node(merge, step.node));
    cr_assert_eq(cm_merge_next(merge).kind, CM_MERGE_DONE);
    cm_arena_free(arena);
}

Test(merge, a_dropped_node_is_still_held_until_its_batch_is_handed_on)
{
    struct cm_arena *arena = cm_arena_new(1 << 16);
    uint8_t key[8] = {0};
    struct cm_row row = {.key = {key, 8}};
    struct cm_batch batch = {.row_count = 1, .rows = &row};
    struct cm_merge *merge;
    cr_assert_eq(cm_merge_new(&merge, arena, 2, 10, true), CM_OK);
    cr_assert_not(cm_merge_holds(merge, 0));
    cr_assert(cm_merge_hold(merge, 0, &batch, false));
    cm_merge_drop(merge, 0);
    cr_assert(cm_merge_holds(merge, 0));
    struct cm_merge_step step = cm_merge_next(merge);
    cr_assert(step.kind == CM_MERGE_UNMERGED && step.node == 0 && !step.more);
    cr_assert_not(cm_merge_holds(merge, 0));
    cm_merge_drop(merge, 1);
    cr_assert_not(cm_merge_holds(merge, 1));
    cr_assert_eq(cm_merge_next(merge).kind, CM_MERGE_DONE);
    cm_arena_free(arena);
}
