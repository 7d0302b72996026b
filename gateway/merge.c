#include "gateway/merge.h"

enum place {
    PLACE_WAITED = 1, // sends next
    PLACE_HEAP,       // holds rows that take part
    PLACE_READY,      // holds a batch that is handed on next
    PLACE_OUT,
};

struct node {
    enum place place;
    bool final; // of the held batch
    bool stays; // sends on after the held batch
    bool dropped;
    bool cut;
    uint32_t taken;
    const struct cm_batch *batch;
};

struct cm_merge {
    struct node *nodes;
    size_t count;
    size_t waited;
    size_t *heap;
    size_t heap_count;
    size_t *ready; // a ring of count
    size_t ready_first, ready_count;
    uint64_t limit, rows;
    bool ordered;
    bool stopped;
};

enum cm_status cm_merge_new(struct cm_merge **out, struct cm_arena *arena, size_t count,
                            uint64_t limit, bool ordered)
{
    struct cm_merge *merge = cm_arena_alloc(arena, sizeof *merge);
    if (!merge) {
        return CM_MEMORY;
    }
    merge->nodes = cm_arena_array(arena, count, sizeof *merge->nodes);
    merge->heap = cm_arena_array(arena, count, sizeof *merge->heap);
    merge->ready = cm_arena_array(arena, count, sizeof *merge->ready);
    if (!merge->nodes || !merge->heap || !merge->ready) {
        return CM_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        merge->nodes[i].place = PLACE_WAITED;
    }
    merge->count = merge->waited = count;
    merge->limit = limit;
    merge->ordered = ordered;
    *out = merge;
    return CM_OK;
}

static struct cm_bytes key_of(const struct cm_merge *merge, size_t slot)
{
    const struct node *node = &merge->nodes[merge->heap[slot]];
    return node->batch->rows[node->taken].key;
}

static bool before(const struct cm_merge *merge, size_t a, size_t b)
{
    return cm_bytes_compare(key_of(merge, a), key_of(merge, b)) < 0;
}

static void swap(struct cm_merge *merge, size_t a, size_t b)
{
    size_t held = merge->heap[a];
    merge->heap[a] = merge->heap[b];
    merge->heap[b] = held;
}

static void sift_up(struct cm_merge *merge, size_t slot)
{
    while (slot > 0 && before(merge, slot, (slot - 1) / 2)) {
        swap(merge, slot, (slot - 1) / 2);
        slot = (slot - 1) / 2;
    }
}

static void sift_down(struct cm_merge *merge, size_t slot)
{
    for (;;) {
        size_t least = slot;
        for (size_t child = 2 * slot + 1; child <= 2 * slot + 2; child++) {
            if (child < merge->heap_count && before(merge, child, least)) {
                least = child;
            }
        }
        if (least == slot) {
            return;
        }
        swap(merge, slot, least);
        slot = least;
    }
}

static void heap_remove(struct cm_merge *merge, size_t slot)
{
    merge->heap_count--;
    if (slot == merge->heap_count) {
        return;
    }
    merge->heap[slot] = merge->heap[merge->heap_count];
    sift_down(merge, slot);
    sift_up(merge, slot);
}

static void make_ready(struct cm_merge *merge, size_t index)
{
    merge->nodes[index].place = PLACE_READY;
    merge->ready[(merge->ready_first + merge->ready_count) % merge->count] = index;
    merge->ready_count++;
}

bool cm_merge_hold(struct cm_merge *merge, size_t index, const struct cm_batch *batch, bool final)
{
    struct node *node = &merge->nodes[index];
    if (node->place != PLACE_WAITED) {
        return false;
    }
    merge->waited--;
    node->batch = batch;
    node->final = final;
    node->stays = !final;
    node->taken = 0;
    if (batch->row_count == 0 || !merge->ordered) {
        make_ready(merge, index);
        return true;
    }
    node->place = PLACE_HEAP;
    merge->heap[merge->heap_count++] = index;
    sift_up(merge, merge->heap_count - 1);
    return true;
}

void cm_merge_drop(struct cm_merge *merge, size_t index)
{
    struct node *node = &merge->nodes[index];
    node->stays = false;
    node->dropped = true;
    switch (node->place) {
    case PLACE_WAITED:
        merge->waited--;
        node->place = PLACE_OUT;
        break;
    case PLACE_HEAP:
        for (size_t slot = 0; slot < merge->heap_count; slot++) {
            if (merge->heap[slot] == index) {
                heap_remove(merge, slot);
                break;
            }
        }
        make_ready(merge, index);
        break;
    case PLACE_READY:
    case PLACE_OUT:
        break;
    }
}

static void ready_remove(struct cm_merge *merge, size_t index)
{
    size_t kept = 0;
    for (size_t i = 0; i < merge->ready_count; i++) {
        size_t one = merge->ready[(merge->ready_first + i) % merge->count];
        if (one != index) {
            merge->ready[(merge->ready_first + kept++) % merge->count] = one;
        }
    }
    merge->ready_count = kept;
}

void cm_merge_discard(struct cm_merge *merge, size_t index)
{
    struct node *node = &merge->nodes[index];
    cm_merge_drop(merge, index);
    if (node->place != PLACE_READY) {
        return;
    }
    ready_remove(merge, index);
    merge->rows -= node->taken;
    node->taken = 0;
    node->batch = NULL;
    node->place = PLACE_OUT;
}

// The limit is reached: whoever may have more is cut.
static void stop(struct cm_merge *merge)
{
    if (merge->stopped) {
        return;
    }
    merge->stopped = true;
    for (size_t i = 0; i < merge->count; i++) {
        struct node *node = &merge->nodes[i];
        if (node->place == PLACE_OUT || node->dropped) {
            continue;
        }
        node->cut = !node->final || node->place == PLACE_HEAP ||
                    (node->place == PLACE_READY && node->taken < node->batch->row_count);
        node->stays = false;
        if (node->place == PLACE_HEAP) {
            make_ready(merge, i);
        } else if (node->place == PLACE_WAITED) {
            node->place = PLACE_OUT;
        }
    }
    merge->heap_count = 0;
    merge->waited = 0;
}

static struct cm_merge_step hand_on(struct cm_merge *merge)
{
    size_t index = merge->ready[merge->ready_first];
    merge->ready_first = (merge->ready_first + 1) % merge->count;
    merge->ready_count--;
    struct node *node = &merge->nodes[index];
    if (!merge->ordered) {
        uint64_t left = node->dropped ? 0 : merge->limit - merge->rows;
        uint64_t held = node->batch->row_count;
        node->taken = (uint32_t)(held < left ? held : left);
        merge->rows += node->taken;
        node->cut = node->cut || (!node->dropped && node->taken < held);
    }
    struct cm_merge_step step = {
        .kind = node->taken == 0 && node->batch->row_count > 0 ? CM_MERGE_UNMERGED : CM_MERGE_BATCH,
        .node = index,
        .rows = node->taken,
    };
    if (merge->rows == merge->limit) {
        stop(merge);
    }
    node->batch = NULL;
    step.more = node->stays;
    node->place = node->stays ? PLACE_WAITED : PLACE_OUT;
    merge->waited += node->stays;
    return step;
}

// Takes rows until a batch is used up or the limit is reached.
static void take(struct cm_merge *merge)
{
    while (merge->rows < merge->limit) {
        size_t index = merge->heap[0];
        struct node *node = &merge->nodes[index];
        node->taken++;
        merge->rows++;
        if (node->taken == node->batch->row_count) {
            heap_remove(merge, 0);
            make_ready(merge, index);
            break;
        }
        sift_down(merge, 0);
    }
    if (merge->rows == merge->limit) {
        stop(merge);
    }
}

struct cm_merge_step cm_merge_next(struct cm_merge *merge)
{
    if (merge->ready_count == 0 && merge->waited == 0 && merge->heap_count > 0) {
        take(merge);
    }
    if (merge->ready_count > 0) {
        return hand_on(merge);
    }
    return (struct cm_merge_step){.kind = merge->waited > 0 ? CM_MERGE_IDLE : CM_MERGE_DONE};
}

uint64_t cm_merge_rows(const struct cm_merge *merge)
{
    return merge->rows;
}

bool cm_merge_waits(const struct cm_merge *merge, size_t node)
{
    return merge->nodes[node].place == PLACE_WAITED;
}

bool cm_merge_holds(const struct cm_merge *merge, size_t node)
{
    return merge->nodes[node].place == PLACE_HEAP || merge->nodes[node].place == PLACE_READY;
}

bool cm_merge_cut_node(const struct cm_merge *merge, size_t node)
{
    return merge->nodes[node].cut;
}

bool cm_merge_cut(const struct cm_merge *merge)
{
    for (size_t i = 0; i < merge->count; i++) {
        if (merge->nodes[i].cut) {
            return true;
        }
    }
    return false;
}
